// Writes docs/recipe.schema.json from the build: `npm run build && node scripts/recipe-schema.mjs`.
import { writeFile } from "node:fs/promises";
import { recipeJsonSchema } from "../dist/src/annotate/recipe-json-schema.js";
import { catalog } from "../dist/src/catalog.js";

const path = new URL("../docs/recipe.schema.json", import.meta.url);
await writeFile(path, `${JSON.stringify(recipeJsonSchema(catalog), null, 2)}\n`);
console.log(`wrote ${path.pathname}`);
