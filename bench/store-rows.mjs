/**
 * The rows of the store benchmark, the same in JavaScript and in Python (store_rows.py): a linear congruential
 * generator picks stretches of a text made of invented words. A tenth of the rows is Greek and Cyrillic.
 */
import { createHash } from "node:crypto";

const WORDS = 4096;
const POOL_CHARACTERS = 4_000_000;

/** x' = (1103515245 x + 12345) mod 2^31; its low bits repeat soon, so a draw is the upper part of x · bound. */
function lcg(seed) {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state * bound) / 2 ** 31);
  };
}

/** @param {number} seed @param {(draw: (bound: number) => number) => number} letter code of a random letter */
function pool(seed, letter) {
  const draw = lcg(seed);
  const words = Array.from({ length: WORDS }, () => {
    const length = 2 + draw(9);
    return Array.from({ length }, () => String.fromCharCode(letter(draw))).join("");
  });
  const parts = [];
  // A product of two draws makes some words frequent and most rare, as in real text.
  for (let length = 0; length < POOL_CHARACTERS; ) {
    const word = words[draw(64) * draw(64)];
    parts.push(word);
    length += word.length + 1;
  }
  return parts.join(" ");
}

const latin = Buffer.from(
  pool(1, (draw) => 97 + draw(26)),
  "latin1",
);
const foreign = Buffer.from(
  pool(2, (draw) => 0x3b1 + draw(170)),
  "utf16le",
);

/** Yields `count` rows of about 6 KB: pairs of two answers of 1000 to 4000 characters each. */
export function* benchRows(count) {
  const draw = lcg(3);
  for (let index = 0; index < count; index++) {
    const isForeign = draw(10) === 0;
    const text = (least, most) => {
      const length = least + draw(most - least);
      const start = draw(POOL_CHARACTERS - 8192);
      // Slices of a Buffer are strings of their own, as parsed input is; slices of a string would share its memory.
      return isForeign
        ? foreign.toString("utf16le", 2 * start, 2 * (start + length))
        : latin.toString("latin1", start, start + length);
    };
    const id = (salt) => (index * 8 + salt).toString(16).padStart(32, "0");
    const chosenScore = draw(1000) / 1000;
    const rejectedScore = draw(1000) / 1000;
    yield {
      pair_id: id(0),
      prompt_id: id(1),
      prompt: [{ role: "user", content: text(200, 1400) }],
      chosen: [{ role: "assistant", content: text(1000, 4000) }],
      rejected: [{ role: "assistant", content: text(1000, 4000) }],
      score_chosen: chosenScore,
      score_rejected: rejectedScore,
      reward_margin: chosenScore - rejectedScore,
      chosen_id: id(2),
      rejected_id: id(3),
      rule: "best-vs-worst",
      metadata: `{"source":"s${index % 7}"}`,
    };
  }
}

/** sha256 over the first 200 rows, to show that both languages write the same content. */
export function contentHash() {
  const hash = createHash("sha256");
  for (const row of benchRows(200)) {
    const { pair_id, prompt_id, chosen_id, rejected_id, rule, metadata } = row;
    const texts = [row.prompt, row.chosen, row.rejected].map(
      ([message]) => `${message.role}\n${message.content}`,
    );
    const scores = [row.score_chosen, row.score_rejected].map((score) => String(Math.round(score * 1000)));
    hash.update([pair_id, prompt_id, ...texts, ...scores, chosen_id, rejected_id, rule, metadata].join("\n"));
  }
  return hash.digest("hex");
}
