import type { Random } from "../../src/core/random.ts";

/** A request as bytes on the wire, none of which deserves a 200. `end`: what the client does once they are sent. */
export interface HostileRequest {
  readonly kind: string;
  readonly bytes: Buffer;
  /** cut: resets the connection. close: says that no more comes. wait: leaves it to the server. */
  readonly end: "cut" | "close" | "wait";
}

const WHOLE = JSON.stringify({
  groups: [
    {
      id: "w",
      prompt: "Q",
      responses: [
        { id: "1", text: "1" },
        { id: "2", text: "2" },
      ],
    },
  ],
});

function head(length: number, route = "/score", type = "application/json"): string {
  return `POST ${route} HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;
}

function message(body: string | Buffer, route?: string, type?: string): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(head(bytes.length, route, type)), bytes]);
}

/** Values that stand where others belong. */
const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  [],
  {},
  [[]],
  { a: {} },
  "x".repeat(3000),
  ["\ud800"],
];

type Kind = (random: Random) => Omit<HostileRequest, "kind">;

const KINDS: Readonly<Record<string, Kind>> = {
  "JSON cut off": (random) => ({
    bytes: message(WHOLE.slice(0, random.below(WHOLE.length - 1))),
    end: "close",
  }),
  "random bytes in the body": (random) => ({
    bytes: message(Buffer.from(Array.from({ length: 1 + random.below(400) }, () => 128 + random.below(128)))),
    end: "close",
  }),
  "random bytes for a request": (random) => ({
    bytes: Buffer.from([
      1 + random.below(8),
      ...Array.from({ length: random.below(300) }, () => random.below(256)),
      13,
      10,
      13,
      10,
    ]),
    end: "close",
  }),
  "values of other types": (random) => {
    const odd = random.pick(ODD.filter((value) => !(Array.isArray(value) && value.length === 0)));
    const body = random.pick([
      odd,
      { groups: odd },
      { groups: [odd] },
      { groups: [{ prompt: random.pick([null, true, {}, [[]]]), responses: ["1", "2"] }] },
      { groups: [{ prompt: "Q", responses: random.pick([null, true, "1", {}, [], [null], [7], [{}]]) }] },
      { groups: [{ prompt: "Q", responses: [{ id: random.pick([true, {}, [], "", 0.5]), text: "1" }] }] },
    ]);
    return { bytes: message(JSON.stringify(body)), end: "close" };
  },
  "get_reward with lists that do not fit": (random) => {
    const body = {
      query: Array(1 + random.below(5)).fill("Q1"),
      prompts: random.pick([[], "X", [1], null, {}]),
    };
    return { bytes: message(JSON.stringify(body), "/get_reward"), end: "close" };
  },
  "too large, as it says": () => ({ bytes: Buffer.from(head(1e9)), end: "wait" }),
  "too large, in chunks": () => ({
    bytes: Buffer.concat([
      Buffer.from(
        "POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4e20\r\n",
      ),
      Buffer.alloc(20_000, " "),
      Buffer.from("\r\n0\r\n\r\n"),
    ]),
    end: "wait",
  }),
  "slow body": (random) => ({
    bytes: message(WHOLE).subarray(0, -1 - random.below(WHOLE.length)),
    end: "wait",
  }),
  "slow head": (random) => ({ bytes: Buffer.from(head(10).slice(0, 10 + random.below(40))), end: "wait" }),
  "cut off in the body": (random) => ({
    bytes: message(WHOLE).subarray(0, -1 - random.below(WHOLE.length)),
    end: "cut",
  }),
  "cut off before the answer": () => ({ bytes: message(WHOLE), end: "cut" }),
  "cut off while it waits for its group": (random) => ({
    bytes: message(
      JSON.stringify({ groups: [{ id: `w${random.below(5)}`, prompt: "Q", responses: ["1"] }] }),
    ),
    end: "cut",
  }),
  "another route": (random) => ({
    bytes: message(WHOLE, random.pick(["/", "/scores", "/../score", "/%00", "/score/x", "/__proto__"])),
    end: "close",
  }),
  "another type": (random) => ({
    bytes: message(WHOLE, "/score", random.pick(["text/plain", "text/html", "multipart/form-data", "x"])),
    end: "close",
  }),
  "a length that is none": () => ({
    bytes: Buffer.from(`POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n${WHOLE}`),
    end: "close",
  }),
  "two lengths": () => ({
    bytes: Buffer.from(
      "POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    end: "close",
  }),
  "a huge head": () => ({
    bytes: Buffer.from(`POST /score HTTP/1.1\r\nhost: x\r\nx-long: ${"a".repeat(100_000)}\r\n\r\n`),
    end: "wait",
  }),
};

/** So many hostile requests, every kind about as often. */
export function hostileRequests(random: Random, count: number): readonly HostileRequest[] {
  const kinds = Object.entries(KINDS);
  return Array.from({ length: count }, (_, index) => {
    const [kind, make] = kinds[index % kinds.length] as (typeof kinds)[number];
    return { kind, ...make(random) };
  });
}
