import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { htmlReport } from "../../src/evaluate/html/index.ts";
import { emptyReport, sampleReport } from "../evaluate/html/sample-reports.ts";

const run = promisify(execFile);
const CHROMIUM = process.env.PREFKIT_CHROMIUM ?? "/usr/bin/chromium";
/** Pictures are kept here where it is set, to be looked at. */
const KEPT = process.env.PREFKIT_PICTURES;

const REPORTS = {
  small: () => sampleReport(),
  empty: () => emptyReport(),
  unscored: () => sampleReport({ unscoredShare: 1, scorers: ["a", "b"] }),
  judges: () => sampleReport({ preset: "judgebench", scorers: ["judge-a", "judge-b"] }),
  curves: () => sampleReport({ preset: "ppe-correctness" }),
  large: () => sampleReport({ items: 100_000, scorers: ["judge-a", "judge-b"], subsets: 30, samples: 100 }),
  many: () =>
    sampleReport({
      items: 5000,
      scorers: Array.from({ length: 12 }, (_, index) => `organisation/${"a-long-name-".repeat(8)}${index}`),
      subsets: 200,
      subsetName: (index) => `${"unbroken".repeat(20)}${index}`,
      samples: 100,
    }),
};

/** What a browser makes of the page in a frame of this width: how wide it is, and what the console says. */
async function opened(
  directory: string,
  name: string,
  width: number,
): Promise<{ wide: number; log: string }> {
  const frame = join(directory, `${name}-${width}.html`);
  await writeFile(
    frame,
    `<iframe src="${name}.html" style="width:${width}px;height:2000px;border:0"></iframe><script>
onload = () => { document.title = "wide " + document.querySelector("iframe").contentDocument.documentElement.scrollWidth; };
</script>`,
  );
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
  ];
  const { stdout, stderr } = await run(
    CHROMIUM,
    [...flags, "--enable-logging=stderr", "--window-size=1300,2100", "--dump-dom", `file://${frame}`],
    { maxBuffer: 1e8, timeout: 120_000 },
  );
  return {
    wide: Number(/<title>wide (\d+)<\/title>/.exec(stdout)?.[1]),
    log: stderr
      .split("\n")
      .filter((line) => line.includes("CONSOLE"))
      .join("\n"),
  };
}

describe.skipIf(!existsSync(CHROMIUM))("the report's page in a browser", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "prefkit-pictures-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("would be told of a page that loads something or runs a script", async () => {
    const page = htmlReport(sampleReport({ items: 10 }));
    const broken = page.replace("</main>", `<img src="x.png"><script>document.title = "ran"</script></main>`);
    await writeFile(join(directory, "broken.html"), broken);
    const { log } = await opened(directory, "broken", 390);
    expect(log).toMatch(/x\.png/);
    expect(log).toMatch(/inline script/);
  });

  it.each(Object.entries(REPORTS))(
    "the one called %s breaks no policy and is no wider than its window",
    async (name, make) => {
      await writeFile(join(directory, `${name}.html`), htmlReport(make()));
      for (const width of [390, 760, 1200]) {
        expect(await opened(directory, name, width)).toEqual({ wide: width, log: "" });
      }
      if (KEPT === undefined) return;
      await mkdir(KEPT, { recursive: true });
      for (const [kind, flags] of [
        ["light", []],
        ["dark", ["--force-dark-mode"]],
      ] as const) {
        await run(CHROMIUM, [
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          ...flags,
          `--screenshot=${join(KEPT, `${name}-${kind}.png`)}`,
          "--window-size=1100,3000",
          `file://${join(directory, `${name}.html`)}`,
        ]);
      }
    },
  );
});
