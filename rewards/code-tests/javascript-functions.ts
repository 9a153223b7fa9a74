/**
 * As in Python's: values travel as JSON, a list headed by a tag for what JSON has not, a handle for what must stay. All of
 * it is put inside one function, so that none of its names is one of the program's.
 */
const JAVASCRIPT_VALUES = String.raw`
const fs = require("node:fs"), vm = require("node:vm"), { createRequire } = require("node:module");
const parse = JSON.parse, stringify = JSON.stringify, writeSync = fs.writeSync, readSync = fs.readSync;
let pending = Buffer.alloc(0);
function readLine() {
  for (;;) {
    const end = pending.indexOf(10);
    if (end >= 0) {
      const line = pending.subarray(0, end).toString("utf8");
      pending = pending.subarray(end + 1);
      return line;
    }
    const chunk = Buffer.alloc(65536);
    const count = readSync(0, chunk, 0, chunk.length, null);
    if (count === 0) process.exit(0);
    pending = Buffer.concat([pending, chunk.subarray(0, count)]);
  }
}
function writeLine(text) {
  let rest = Buffer.from(text + "\n");
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}
function encode(value, keep, depth = 0) {
  if (depth > 200) throw new RangeError("a value is nested more than 200 deep");
  const each = (items) => Array.from(items, (item) => encode(item, keep, depth + 1));
  const pairs = (entries) => Array.from(entries, ([k, v]) => [encode(k, keep, depth + 1), encode(v, keep, depth + 1)]);
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (value === undefined) return ["u", 0];
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0) ? value : ["f", Object.is(value, -0) ? "-0" : String(value)];
  if (typeof value === "bigint") return ["i", String(value)];
  const known = keep(value, true);
  if (known) return known;
  if (Array.isArray(value)) return ["l", each(value)];
  if (typeof value === "object") {
    if (value instanceof Map) return ["m", pairs(value)];
    if (value instanceof Set) return ["s", each(value)];
    if (value instanceof Date) return ["T", value.getTime()];
    if (value instanceof RegExp) return ["x", [value.source, value.flags]];
    if (ArrayBuffer.isView(value) && value.length !== undefined) return ["y", [value.constructor.name, each(value)]];
    const prototype = Object.getPrototypeOf(value);
    const isPlain = prototype === null || prototype === Object.prototype;
    if (isPlain && !Object.values(value).some((item) => typeof item === "function")) return ["d", pairs(Object.entries(value))];
  }
  return keep(value, false);
}
function decode(value, find) {
  if (!Array.isArray(value)) return value;
  const [tag, body] = value;
  const pairs = () => body.map(([k, v]) => [decode(k, find), decode(v, find)]);
  switch (tag) {
    case "u": return undefined;
    case "f": return Number(body);
    case "i": return BigInt(body);
    case "l": return body.map((item) => decode(item, find));
    case "m": return new Map(pairs());
    case "s": return new Set(body.map((item) => decode(item, find)));
    case "T": return new Date(body);
    case "x": return new RegExp(body[0], body[1]);
    case "y": return typedArray(body[0]).from(body[1].map((item) => decode(item, find)));
    case "d": { const object = {}; for (const [k, v] of pairs()) Object.defineProperty(object, k, { value: v, writable: true, enumerable: true, configurable: true }); return object; }
    default: return find(tag, body, value[2]);
  }
}
function typedArray(name) {
  if (!/^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/.test(name)) throw new TypeError("no typed array: " + name);
  return globalThis[name];
}
const IDENTIFIER = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
function silence() {
  process.stdout.write = (chunk, encoding, done) => { (typeof encoding === "function" ? encoding : done)?.(); return true; };
}
`;

/** Holds the program and answers calls, as Python's does. Lines of stdout that are meant start with "R". */
export const JAVASCRIPT_PROGRAM: string = String.raw`(() => {${JAVASCRIPT_VALUES}
const kept = [], numbers = new Map();
function keep(value, onlyKnown) {
  if (onlyKnown) return null;
  if (!numbers.has(value)) { numbers.set(value, kept.length); kept.push(value); }
  const kind = typeof value === "function" ? "f" : typeof value.then === "function" ? "p" : "o";
  return ["h", numbers.get(value), kind];
}
function lookUp(name) {
  try { const value = vm.runInThisContext(name); if (value !== undefined) return value; } catch {}
  const out = globalThis.module?.exports;
  if (out?.[name] !== undefined) return out[name];
  if (typeof out === "function" && (out.name === name || out.name === "")) return out;
  return undefined;
}
function find(tag, body) {
  if (tag === "k") return (...args) => {
    writeLine("R" + stringify({ task: "callback", args: [body, ...args.map((item) => encode(item, keep))] }));
    for (;;) {
      const message = parse(readLine());
      if (message.task === undefined) {
        if (message.error) throw new Error(message.error[2]);
        return decode(message.value, find);
      }
      answer(message);
    }
  };
  if (typeof body === "number") return kept[body];
  const value = lookUp(body);
  if (value === undefined) throw new ReferenceError("the program defines no " + body);
  return value;
}
const TASKS = {
  call: (f, self, ...args) => Reflect.apply(f, self, args),
  new: (f, ...args) => Reflect.construct(f, args),
  attr: (object, name) => object[name],
  set: (object, name, value) => { object[name] = value; },
  keys: (object) => Object.keys(object),
  await: (promise) => promise,
  instance: (value, kind) => value instanceof kind,
};
function fault(error) {
  const said = { error: [error instanceof Error ? error.name : "Error", "", String(error?.message ?? error).slice(0, 300)] };
  if (error instanceof Error) {
    try { said.raised = keep(error, false); said.own = encode({ ...error }, keep); } catch {}
  }
  return said;
}
function replyTo(message, args, value) {
  const reply = { value: encode(value, message.task === "new" ? (item, known) => (known ? (item === value ? keep(item, false) : null) : keep(item, false)) : keep) };
  if (message.task === "call") {
    const changed = args.map((item, index) => {
      const given = message.args[index];
      if (!Array.isArray(given) || !"ldms".includes(given[0])) return null;
      const now = encode(item, keep);
      return stringify(now) === stringify(given) ? null : now;
    });
    if (changed.some((item) => item !== null)) reply.changed = changed;
  }
  return reply;
}
function answer(message) {
  let reply;
  try {
    const args = message.args.map((item) => decode(item, find));
    const value = TASKS[message.task](...args);
    // A caller that cannot hold a promise takes what becomes of it.
    if (message.task === "await" || (!job.promises && typeof value?.then === "function")) {
      return Promise.resolve(value).then((done) => ({ value: encode(done, keep) }), fault).then((said) => writeLine("R" + stringify(said)));
    }
    reply = replyTo(message, args, value);
  } catch (error) { reply = fault(error); }
  writeLine("R" + stringify(reply));
}
silence();
const job = parse(readLine());
const before = new Set(Object.getOwnPropertyNames(globalThis));
globalThis.require = createRequire(process.cwd() + "/program.js");
globalThis.module = { exports: {} };
globalThis.exports = globalThis.module.exports;
const asScript = (text) => text.replace(/^[ \t]*export\s+(default\s+)?(?=(async|function|class|const|let|var)\b)/gm, "").replace(/^[ \t]*export\s*\{[^}]*\};?/gm, "")
  .replace(/^[ \t]*import\s+\*\s+as\s+(\w+)\s+from\s+(["'][^"']+["']);?/gm, "const $1 = require($2);")
  .replace(/^[ \t]*import\s+(\{[^}]*\}|\w+)\s+from\s+(["'][^"']+["']);?/gm, (_, names, from) => "const " + names.replace(/\bas\b/g, ":") + " = require(" + from + ");");
process.on("unhandledRejection", () => {});
(async () => {
  try {
    let script;
    try { script = new vm.Script(job.program, { filename: "program.js" }); }
    catch { script = new vm.Script(asScript(job.program), { filename: "program.js" }); }
    script.runInThisContext();
  } catch (error) {
    writeLine("R" + stringify(fault(error)));
    process.exit(0);
  }
  // What it defines is among the words of the program itself; a function that is all it exports may have no name.
  const words = new Set(job.program.match(IDENTIFIER));
  const names = [...words].filter((name) => name !== job.entry && !before.has(name) && lookUp(name) !== undefined);
  const unnamed = typeof globalThis.module?.exports === "function" && globalThis.module.exports.name === "";
  writeLine("R" + stringify({ names: [...names, ...(unnamed ? [""] : []), ...(job.entry && lookUp(job.entry) !== undefined ? [job.entry] : [])] }));
  for (;;) await answer(parse(readLine()));
})();
})();
`;

/** Runs the tests, in a sandbox where the program is not; the same lines as Python's. */
export const JAVASCRIPT_TESTER: string = String.raw`(() => {${JAVASCRIPT_VALUES}
const wires = new WeakMap(), callbacks = [];
class TestsUnfit extends Error {}
function keep(value, onlyKnown) {
  const wire = wires.get(value);
  if (wire || onlyKnown) return wire ?? null;
  if (typeof value !== "function") throw new TestsUnfit("a test passes a " + (value?.constructor?.name ?? typeof value) + " to the program, which cannot be sent");
  callbacks.push(value);
  return ["k", callbacks.length - 1];
}
const say = (mark, body) => writeLine(mark + stringify(body));
class ProgramError extends Error {}
const KINDS = { Error, TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError };
let asked = 0;
function remote(task, ...args) {
  asked += 1;
  say("C", { task, args: args.map((item) => encode(item, keep)) });
  let reply;
  for (;;) {
    reply = parse(readLine());
    if (reply.task === undefined) break;
    const [number, ...given] = reply.args;
    let said;
    try { said = { value: encode(callbacks[number](...given.map((item) => decode(item, find))), keep) }; }
    catch (error) { said = { error: ["Error", "", String(error?.message ?? error)] }; }
    say("C", said);
  }
  if (reply.error) {
    const error = new (KINDS[reply.error[0]] ?? ProgramError)(reply.error[2]);
    if (!KINDS[reply.error[0]]) error.name = reply.error[0];
    if (reply.own) Object.assign(error, decode(reply.own, find));
    error.programSays = reply.error[0] + ": " + reply.error[2];
    if (reply.raised) wires.set(error, reply.raised.slice(0, 2));
    throw error;
  }
  (reply.changed ?? []).forEach((state, index) => { if (state !== null) assign(args[index], decode(state, find)); });
  return decode(reply.value, find);
}
function assign(old, fresh) {
  if (Array.isArray(old)) old.splice(0, old.length, ...fresh);
  else if (old instanceof Map) { old.clear(); for (const [k, v] of fresh) old.set(k, v); }
  else if (old instanceof Set) { old.clear(); for (const item of fresh) old.add(item); }
  else { for (const key of Object.keys(old)) delete old[key]; Object.assign(old, fresh); }
}
function find(tag, body, kind) {
  if (tag === "k") return callbacks[body];
  return kind === "p" ? new Promise((resolve, reject) => { try { resolve(remote("await", proxy(["h", body], "o"))); } catch (error) { reject(error); } }) : proxy(["h", body], kind);
}
function proxy(wire, kind, self) {
  const target = kind === "f" ? function () {} : {};
  const made = new Proxy(target, {
    apply: (_, receiver, args) => remote("call", made, wires.has(receiver) ? receiver : self, ...args),
    construct: (_, args) => remote("new", made, ...args),
    get: (_, name) => {
      if (name === Symbol.hasInstance && kind === "f") return (item) => wires.has(item) && remote("instance", item, made) === true;
      if (typeof name === "symbol" || (kind !== "f" && name === "then")) return undefined;
      return remote("attr", made, name);
    },
    set: (_, name, value) => { remote("set", made, name, value); return true; },
    ownKeys: () => (kind === "f" ? Reflect.ownKeys(target) : remote("keys", made)),
    getOwnPropertyDescriptor: (_, name) => (kind === "f" || typeof name === "symbol" ? Reflect.getOwnPropertyDescriptor(target, name) : { value: remote("attr", made, name), writable: true, enumerable: true, configurable: true }),
  });
  wires.set(made, wire);
  return made;
}
silence();
console.assert = (condition, ...message) => { if (!condition) throw new (require("node:assert").AssertionError)({ message: message.join(" ") || "console.assert failed" }); };
const short = (error) => String(error?.programSays ?? (error?.name ?? "Error") + ": " + (error?.message ?? error)).replace(/\s+/g, " ").slice(0, 200);
// A test that starts something asynchronous and does not wait for it fails by a rejection that nobody handles.
let stray = null;
process.on("unhandledRejection", (error) => { stray ??= { error }; });
const job = parse(readLine());
const requireHere = createRequire(process.cwd() + "/test.js");
globalThis.require = (name) => {
  if (/^(node:)?test($|\/)/.test(name)) throw new TestsUnfit("a test uses " + name + ", which reports to nobody here");
  return requireHere(name);
};
globalThis.assert = require("node:assert");
const words = new Set([...job.tests, job.setup].join("\n").match(IDENTIFIER));
function bind(name, wire) { Object.defineProperty(globalThis, name, { value: proxy(["h", wire], "f"), writable: true, configurable: true }); }
// What the prompt defines above what is tested is the prompt's, whatever the program calls so; classes stay where their objects are.
function helpers() {
  if (!job.entry) return {};
  const names = [...job.prefix.matchAll(/^(?:export\s+)?(?:async\s+)?(?:function\*?|const|let|var)\s+([\w$]+)/gm)].map((found) => found[1]).filter((name) => name !== job.entry);
  if (names.length === 0) return {};
  for (const end of ["", "}", "})"]) {
    let script;
    try { script = new vm.Script("(() => {\n" + job.prefix.replace(/^export\s+/gm, "") + "\n" + end + "\nreturn { " + names.join(", ") + " };\n})()", { filename: "prompt.js" }); }
    catch { continue; }
    return script.runInThisContext();
  }
  return {};
}
const isMissing = (error) => error instanceof ReferenceError && error.programSays === undefined;
async function quiet() {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  // What a test does later, by a timer, belongs to it; for a second, since a timer may also be a guard.
  for (let waited = 0; waited < 50 && process.getActiveResourcesInfo().includes("Timeout"); waited += 1) await new Promise((resolve) => setTimeout(resolve, 20));
}
(async () => {
  let scripts, setup, setupFault = null;
  try {
    setup = new vm.Script(job.setup, { filename: "setup.js" });
    scripts = job.tests.map((test) => new vm.Script("(async () => {\n" + test + "\n})()", { filename: "test.js" }));
  } catch (error) { say("X", short(error)); process.exit(0); }
  try {
    const given = helpers();
    for (const name of job.names) if (name !== "" && name !== job.entry && words.has(name) && !(name in globalThis)) bind(name, name);
    for (const name of job.names.includes("") && !job.entry ? words : []) {
      if (!(name in globalThis) && !job.names.includes(name)) bind(name, "");
    }
    for (const [name, value] of Object.entries(given)) Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    if (job.entry && job.names.includes(job.entry)) bind(job.entry, job.entry);
    asked = 0;
    setup.runInThisContext();
  } catch (error) {
    // Only what fails without the program is the tests' fault; a missing name is the program's to define.
    if (error instanceof TestsUnfit || (asked === 0 && !isMissing(error))) { say("X", "the tests' setup fails: " + short(error)); process.exit(0); }
    setupFault = error;
  }
  for (const [index, script] of scripts.entries()) {
    try {
      if (setupFault !== null) throw setupFault;
      stray = null;
      asked = 0;
      await script.runInThisContext();
      await quiet();
      if (stray !== null) throw stray.error;
      if (asked === 0) throw new TestsUnfit("a test ends without one call of the program");
      say("V", { status: "pass", why: "" });
    } catch (error) {
      if (error instanceof TestsUnfit) { say("X", error.message); process.exit(0); }
      const isAssertion = error?.code === "ERR_ASSERTION";
      if (setupFault === null && asked === 0 && !isAssertion && !isMissing(error)) { say("X", short(error)); process.exit(0); }
      say("V", { status: isAssertion ? "fail" : "error", why: isAssertion && job.tests[index].length < 400 ? job.tests[index].trim().slice(0, 200) : short(error) });
    }
  }
  process.exit(0);
})();
})();
`;
