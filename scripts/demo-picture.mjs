// Draws docs/demo.svg: what the demo prints, and one of its pairs explained. Needs a build.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { nodeFiles, readManifest, tableRows } from "../dist/src/index.js";
import { prefkit, root, runNode } from "./commands.mjs";

/** The demo pair that is explained: a maths question, where right and wrong need no opinion. */
const PROMPT = "maths-bakery-trays";
const COLUMNS = 100;
const ESCAPE = String.fromCharCode(27);
const PROMPT_SIGN = `${ESCAPE}[90m$${ESCAPE}[39m`;
const LOOK = new RegExp(`(${ESCAPE}\\[[\\d;]*m)`);
const CELL = { width: 8.4, height: 19 };
const COLORS = { 31: "#f47067", 32: "#8ddb8c", 33: "#daaa3f", 36: "#76e3ea", 90: "#8b949e" };

const scratch = mkdtempSync(join(tmpdir(), "prefkit-picture-"));
try {
  const out = join(scratch, "demo-out");
  const shown = (args) => {
    const { code, stdout, stderr } = runNode([prefkit, ...args], {
      cwd: scratch,
      env: { FORCE_COLOR: "1", NO_COLOR: undefined, CI: undefined },
      capture: true,
    });
    if (code !== 0) throw new Error(stderr);
    return stdout.trimEnd().split("\n");
  };
  const run = shown(["run", `${root}datasets/recipes/demo.yaml`, "--out", "demo-out", "--quiet"]);
  const pair = await firstPair(out);
  const id = pair.slice(0, 8);
  // What each config hash stands for is the end of the explanation, and wide.
  const told = shown(["why", "demo-out", pair]);
  const why = told.slice(
    0,
    told.findIndex((line) => stripVTControlCharacters(line) === "config"),
  );
  const lines = [
    `${PROMPT_SIGN} npm run demo`,
    ...run,
    "",
    `${PROMPT_SIGN} npx prefkit why demo-out ${id}`,
    ...why,
  ];
  writeFileSync(`${root}docs/demo.svg`, drawing(lines.flatMap(wrapped)));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function firstPair(out) {
  for await (const rows of tableRows(nodeFiles, out, await readManifest(nodeFiles, out), "pairs")) {
    for (const row of rows) if (row.prompt_id === PROMPT) return row.pair_id;
  }
  throw new Error(`the demo makes no pair of ${PROMPT}`);
}

/** A line as pieces of one look each. */
function pieces(line) {
  const found = [];
  let look = { bold: false, dim: false, color: null };
  for (const part of line.split(LOOK)) {
    if (!part.startsWith(ESCAPE)) {
      if (part !== "") found.push({ text: part, ...look });
      continue;
    }
    for (const code of part.slice(2, -1).split(";").map(Number)) {
      if (code === 0) look = { bold: false, dim: false, color: null };
      else if (code === 1) look = { ...look, bold: true };
      else if (code === 2) look = { ...look, dim: true };
      else if (code === 22) look = { ...look, bold: false, dim: false };
      else if (code === 39) look = { ...look, color: null };
      else if (COLORS[code]) look = { ...look, color: COLORS[code] };
    }
  }
  return found;
}

/** Long lines are cut, as a narrow terminal would. */
function wrapped(line) {
  const kept = [];
  let room = COLUMNS;
  for (const piece of pieces(line)) {
    const text = [...piece.text];
    kept.push({
      ...piece,
      text: text.length <= room ? piece.text : `${text.slice(0, Math.max(0, room - 1)).join("")}…`,
    });
    room -= text.length;
    if (room <= 0) break;
  }
  return [kept];
}

function drawing(lines) {
  const width = Math.ceil(COLUMNS * CELL.width + 40);
  const height = Math.ceil(lines.length * CELL.height + 64);
  const rows = lines.map((line, index) => {
    let column = 0;
    const spans = line.map(({ text, bold, dim, color }) => {
      const x = (20 + column * CELL.width).toFixed(1);
      const length = [...text].length;
      column += length;
      const look = [
        bold ? 'font-weight="700"' : "",
        dim ? 'opacity="0.6"' : "",
        color ? `fill="${color}"` : "",
      ];
      return `<tspan x="${x}" textLength="${(length * CELL.width).toFixed(1)}" ${look.filter((part) => part !== "").join(" ")}>${escaped(text)}</tspan>`;
    });
    return `<text y="${(56 + index * CELL.height).toFixed(1)}">${spans.join("")}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The output of npm run demo, and one of its pairs explained">
<rect width="${width}" height="${height}" rx="8" fill="#161b22"/>
<circle cx="22" cy="20" r="6" fill="#f47067"/><circle cx="42" cy="20" r="6" fill="#daaa3f"/><circle cx="62" cy="20" r="6" fill="#57ab5a"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3" style="white-space:pre" xml:space="preserve">
${rows.join("\n")}
</g>
</svg>
`;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
