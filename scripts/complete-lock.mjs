// Adds to package-lock.json the optional packages of other platforms that npm left out, so that `npm ci` finds the lock whole.
import { readFileSync, writeFileSync } from "node:fs";

const path = process.argv[2];
const lock = JSON.parse(readFileSync(path, "utf8"));
const OS = {
  android: "android",
  darwin: "darwin",
  linux: "linux",
  win32: "win32",
  freebsd: "freebsd",
  openbsd: "openbsd",
  netbsd: "netbsd",
  sunos: "sunos",
  aix: "aix",
  openharmony: "openharmony",
};
const CPU = ["arm64", "x64", "ia32", "arm", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32"];
let added = 0;
for (const [where, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = Object.keys(lock.packages).some(
      (key) => key === `${where}/node_modules/${name}` || key === `node_modules/${name}`,
    );
    if (found) continue;
    if (!/^\d/.test(version)) {
      console.log("range", name, version, where);
      continue;
    }
    const words = name.split("/").at(-1).split(/[-.]/);
    const os =
      words.map((word) => OS[word]).find(Boolean) ?? (name.includes("musleabihf") ? "linux" : undefined);
    const cpu =
      CPU.find((cpu) => words.includes(cpu)) ??
      (words.includes("armv7") ? "arm" : undefined) ??
      (/wasm32/.test(name) ? "wasm32" : undefined);
    if (!cpu || (!os && cpu !== "wasm32")) {
      console.log("unclear", name, os, cpu);
      continue;
    }
    const musl = /musl/.test(name);
    const gnu = /gnu/.test(name);
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(os === "linux" && (musl || gnu) ? { libc: [musl ? "musl" : "glibc"] } : {}),
      optional: true,
      ...(os ? { os: [os] } : {}),
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${added}`);
