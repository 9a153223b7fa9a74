import { type Random, randomFor } from "../../../src/core/random.ts";
import type { JsonObject } from "../../../src/core/types.ts";
import { LANGUAGE_SAMPLES } from "./language-samples.ts";
import { LINES, PLAIN, SENTENCES } from "./prose.ts";

/** One call of one check, as both implementations are given it. */
export interface Case {
  readonly id: string;
  readonly kwargs: JsonObject;
  readonly prompt: string;
  readonly response: string;
}

type Draw = (random: Random) => Omit<Case, "id" | "prompt">;

const RELATIONS = ["less than", "at least"] as const;
const between = (random: Random, low: number, high: number): number => low + random.below(high - low + 1);
const some = <T>(random: Random, items: readonly T[], low: number, high: number): T[] =>
  Array.from({ length: between(random, low, high) }, () => random.pick(items));
const chance = (random: Random, share: number): boolean => random.uniform() < share;

/** Two to nine sentences and lines, by spaces, line breaks and blank lines. */
function prose(random: Random, low = 2, high = 9): string {
  return some(random, [...SENTENCES, ...SENTENCES, ...LINES], low, high).reduce((text, piece) => {
    if (text === "") return piece;
    const lonely = LINES.includes(piece) || LINES.some((line) => text.endsWith(line));
    return `${text}${lonely ? random.pick(["\n", "\n\n"]) : random.pick([" ", " ", "\n", "\n\n", "  "])}${piece}`;
  }, "");
}

function plain(random: Random, low = 3, high = 6): string {
  return some(random, PLAIN, low, high).join(random.pick([" ", "\n"]));
}

/** An opening and a closing that loose mode forgives, blanks, and now and then nothing at all. */
function wrapped(random: Random, text: string): string {
  const around = random.below(12);
  if (around === 0) return `Sure, here it is:\n${text}`;
  if (around === 1) return `${text}\nIs there anything else, dear user?`;
  if (around === 2) return `Sure!\n${text}\nBye, now.`;
  if (around === 3) return ` \n${text}\t\n `;
  if (around === 4) return `**${text}**`;
  if (around === 5 && chance(random, 0.3)) return random.pick(["", " \n\t", "\u00a0", "*", "***"]);
  return text;
}

const joined = (random: Random, parts: readonly string[], separators: readonly string[]): string =>
  parts.reduce((text, part, index) => (index === 0 ? part : text + random.pick(separators) + part), "");

const KEYWORDS = [
  "cat",
  "Music",
  "free",
  "well-known",
  "U.S.",
  "colou?r",
  "the",
  "e-mail",
  "Straße",
  "über",
  "a",
  "\\bno\\b",
  "x.y",
];
const KEYWORD_TEXTS = [
  "Catalog",
  "cat",
  "concatenate",
  "MUSIC",
  "freedom",
  "free",
  "Well-Known",
  "USA",
  "U.S.",
  "UxSx",
  "color",
  "colour",
  "e-mail",
  "STRASSE",
  "Straße",
  "Über",
  "überall",
  "no",
  "know",
  "x\ny",
  "xzy",
  "cat_food",
  "cat's",
];

const DRAWS: Readonly<Record<string, Draw>> = {
  "keywords:existence": (random) => ({
    kwargs: { keywords: some(random, KEYWORDS, 1, 2) },
    response: joined(random, some(random, [...KEYWORD_TEXTS, ...KEYWORD_TEXTS, ...SENTENCES], 2, 20), [
      " ",
      ", ",
      "\n",
    ]),
  }),
  "keywords:frequency": (random) => ({
    kwargs: {
      keyword: random.pick([...KEYWORDS, " cat "]),
      frequency: between(random, 1, 4),
      relation: random.pick(RELATIONS),
    },
    response: joined(random, some(random, [...KEYWORD_TEXTS, ...SENTENCES], 2, 10), [" ", ", ", "\n"]),
  }),
  "keywords:forbidden_words": (random) => ({
    kwargs: { forbidden_words: some(random, KEYWORDS, 1, 3) },
    response: joined(random, some(random, [...KEYWORD_TEXTS, ...SENTENCES], 1, 4), [" ", ", ", "\n"]),
  }),
  "keywords:letter_frequency": (random) => ({
    kwargs: {
      letter: random.pick([..."aeqzXTk"]),
      let_frequency: between(random, 1, 9),
      let_relation: random.pick(RELATIONS),
    },
    response: joined(random, some(random, [...KEYWORD_TEXTS, "Zaz", "Q", "\u212a", "İ"], 1, 7), [" ", "\n"]),
  }),
  "language:response_language": (random) => {
    const codes = Object.keys(LANGUAGE_SAMPLES);
    const language = random.pick(codes.filter((code) => !["nl", "sv", "tr", "id", "ja"].includes(code)));
    const used = chance(random, 0.7) ? language : random.pick(codes);
    const text = LANGUAGE_SAMPLES[used] ?? "";
    const half = text.slice(0, text.indexOf(" ", text.length / 2) + 1 || undefined);
    const response = random.pick([text, half, `**${half}**\n\n${text}`, `${text} https://example.org/page`]);
    return {
      kwargs: { language },
      response: chance(random, 0.03) ? random.pick(["123", "...", "😀"]) : response,
    };
  },
  "length_constraints:number_sentences": (random) => {
    const response = prose(random, 1, 8);
    const about = response.split(/[.?!]+(?:\s|$)/u).filter((piece) => piece.trim() !== "").length;
    return {
      kwargs: {
        num_sentences: Math.max(1, about + between(random, -2, 2)),
        relation: random.pick(RELATIONS),
      },
      response,
    };
  },
  "length_constraints:number_paragraphs": (random) => ({
    kwargs: { num_paragraphs: between(random, 1, 4) },
    response: joined(random, some(random, [...SENTENCES.slice(0, 6), "a\n\nb", "", " "], 1, 5), [
      "\n***\n",
      "***",
      "\n\n***\n\n",
      "****",
      "\n* * *\n",
      "\n\n",
    ]),
  }),
  "length_constraints:number_words": (random) => {
    const response = joined(
      random,
      some(random, [...SENTENCES, "नमस्ते दुनिया", "你好 世界", "½ cup", "a_b c·d", "e\u0301"], 1, 5),
      [" ", "\n", "\u00a0", "\u2028"],
    );
    const about = response.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0;
    return {
      kwargs: { num_words: Math.max(1, about + between(random, -1, 1)), relation: random.pick(RELATIONS) },
      response,
    };
  },
  "length_constraints:nth_paragraph_first_word": (random) => {
    const num = between(random, 1, 4);
    const word = random.pick(["Hello", "it", "dear", "It's", "élan"]);
    const fits = [
      "Hello, you.",
      "it is",
      "It's late",
      "'Dear' me",
      '"dear" me',
      '\'"it"',
      "Élan vital",
      "it was",
    ];
    const others = ["hello-there", " it was", "Hello\nthere", "", " ", "The end."];
    const start = word.slice(0, 2).toLowerCase();
    const near = fits.filter((fit) => fit.toLowerCase().includes(start));
    const exact = chance(random, 0.8) ? num : between(random, 1, 5);
    return {
      kwargs: { num_paragraphs: num, nth_paragraph: between(random, 1, num), first_word: word },
      response: joined(random, some(random, [...near, ...near, ...near, ...fits, ...others], exact, exact), [
        "\n\n",
        "\n\n",
        "\n\n",
        "\n\n",
        "\n\n\n",
        "\n \n",
      ]),
    };
  },
  "detectable_content:number_placeholders": (random) => ({
    kwargs: { num_placeholders: between(random, 1, 4) },
    response: joined(
      random,
      some(random, ["[name]", "[]", "[a [b]", "[c]]", "[d\ne]", "[f", "g]", "(h)", "[x][y]"], 1, 5),
      [" ", "\n", ""],
    ),
  }),
  "detectable_content:postscript": (random) => ({
    kwargs: { postscript_marker: random.pick(["P.S.", "P.P.S", " P.S. ", "PS:", "P.P.S."]) },
    response: `${prose(random, 1, 3)}\n${random.pick(["P.S. Hi", "p.s.", "P. S. Hi", "P.  S.", "PS: hi", "P.P.S hi", "p. p. s", "P.P.S. hi", "P.\nS.", "Bye", "S.P."])}`,
  }),
  "detectable_format:number_bullet_lists": (random) => ({
    kwargs: { num_bullets: between(random, 1, 4) },
    response: joined(
      random,
      some(
        random,
        [
          "* a",
          "- b",
          "** c",
          "**d** e",
          "  * f",
          "\t- g",
          "*",
          "* ",
          "-",
          "--- ",
          "plain",
          "",
          "*h",
          "1. i",
          "+ j",
          "\u00a0* k",
          "• l",
          "* *m*",
          "***",
        ],
        1,
        6,
      ),
      ["\n", "\n", "\n\n", "\r\n", "\u2028"],
    ),
  }),
  "detectable_format:constrained_response": (random) => ({
    kwargs: {},
    response: joined(
      random,
      some(
        random,
        [
          "My answer is yes.",
          "My answer is no.",
          "My answer is maybe.",
          "my answer is yes.",
          "My answer is yes",
          "My answer is  no.",
          "*My* answer is no.",
          "Hm.",
        ],
        1,
        3,
      ),
      [" ", "\n"],
    ),
  }),
  "detectable_format:number_highlighted_sections": (random) => ({
    kwargs: { num_highlights: between(random, 1, 4) },
    response: joined(
      random,
      some(
        random,
        ["*a*", "**b**", "***c***", "****", "* *", "** **", "*d", "*e\nf*", "**g*", "* h *", "plain"],
        1,
        5,
      ),
      [" ", "\n", ""],
    ),
  }),
  "detectable_format:multiple_sections": (random) => ({
    kwargs: {
      section_spliter: random.pick(["Section", "SECTION", " Section ", "Day", "PARAGRAPH"]),
      num_sections: between(random, 1, 4),
    },
    response: joined(
      random,
      some(
        random,
        [
          "Section 1",
          "Section2",
          "section 3",
          "SECTION 4",
          "Section  5",
          "Section\n6",
          "Day 7",
          "Section X",
          "Sections 8",
          "PARAGRAPH 9",
          "Section ٣",
          "Section 1Section 2",
        ],
        1,
        5,
      ),
      ["\n", " ", "\n\n"],
    ),
  }),
  "detectable_format:json_format": (random) => {
    const json = random.pick([
      '{"a": 1}',
      "[1, 2]",
      "5",
      '"x"',
      "null",
      "NaN",
      "[Infinity, -Infinity]",
      "-NaN",
      "1NaN",
      "{'a': 1}",
      '{"a": 1,}',
      "01",
      "1.",
      '{"a": "NaN',
      '{"NaN": NaN}',
      "tru",
      '["\\ud800"]',
      '["\t"]',
      "{} {}",
      "\ufeff{}",
      '{"a"\u00a0: 1}',
      "1e999",
      "[]",
      "nullNaN",
      '["\\""]',
    ]);
    const fence = random.pick(["", "", "```", "```json\n", "```JSON\n", "```Json", "```js\n", " ```json"]);
    return {
      kwargs: {},
      response: fence === "" ? json : `${fence}${json}${random.pick(["```", "\n```", "\n```\n", ""])}`,
    };
  },
  "detectable_format:title": (random) => ({
    kwargs: {},
    response: joined(
      random,
      some(
        random,
        [
          "<<A title>>",
          "<< >>",
          "<<>>",
          "<<>>>",
          "<<<>>>",
          "<<a\nb>>",
          "<a>",
          ">>b<<",
          "<<c>> <<d>>",
          "<<<e>",
          "<<f> g>>",
          "<<\u00a0>>",
          "plain",
          "<<>> x>>",
        ],
        1,
        3,
      ),
      [" ", "\n", ""],
    ),
  }),
  "combination:two_responses": (random) => ({
    kwargs: {},
    response: joined(
      random,
      some(random, ["One way.", "Two ways.", "Three ways.", " One way. ", "", " \n"], 2, 3),
      ["******", "\n******\n", "*******", "***", "\n\n******\n\n", "************"],
    ),
  }),
  "combination:repeat_prompt": (random) => {
    const request = random.pick(["Write a poem, please.", " Say HELLO ", "What is 1+1? (a|b)", "ΑΣ"]);
    const start = random.pick([
      request,
      request.toLowerCase(),
      request.toUpperCase(),
      ` \n${request.trim()}`,
      `Sure: ${request}`,
      request.slice(0, -1),
      `"${request}"`,
      `*${request.trim()}*`,
    ]);
    return {
      kwargs: { prompt_to_repeat: request },
      response: `${start}${random.pick(["\n\nRoses are red.", "", " ", "!"])}`,
    };
  },
  "startend:end_checker": (random) => {
    const phrase = random.pick(["Any questions?", " The end ", "over and OUT.", "“Bye”"]);
    const end = random.pick([
      phrase,
      phrase.trim().toUpperCase(),
      `"${phrase.trim()}"`,
      `${phrase} `,
      `${phrase}!`,
      `"${phrase.trim()}" `,
      `${phrase.trim()}" "`,
      `${phrase.trim()}\nThanks.`,
      `*${phrase.trim()}*`,
      "Bye.",
    ]);
    return { kwargs: { end_phrase: phrase }, response: `${prose(random, 1, 2)} ${end}` };
  },
  "startend:quotation": (random) => {
    const text = prose(random, 1, 2);
    return {
      kwargs: {},
      response: random.pick([
        `"${text}"`,
        ` "${text}"\n`,
        `"${text}`,
        `“${text}”`,
        '"',
        '""',
        `'${text}'`,
        text,
        `"*${text}*"`,
        `\ufeff"${text}"`,
        `\u001c"${text}"\u0085`,
      ]),
    };
  },
  "change_case:capital_word_frequency": (random) => {
    const words = [
      "NASA",
      "I",
      "A",
      "U.S.",
      "can't",
      "CAN'T",
      "don't",
      "WELL-KNOWN",
      "Mixed",
      "X1",
      "42",
      "ÉCOLE",
      "CANNOT",
      "Gonna",
      "GONNA",
      "FBI,",
      "(CIA)",
      '"OK"',
      "A/B",
      "TO_DO",
      "P.S.",
      "I'M",
      "YOU'RE",
      "HE'S",
      "'TWAS",
      "USA's",
      "A.B.",
      "x",
      "\u01c5",
    ];
    const response = joined(
      random,
      [...some(random, words, 1, 8), ...some(random, SENTENCES, 0, 3)],
      [" ", " ", " ", "\n", "--"],
    );
    return {
      kwargs: { capital_frequency: between(random, 1, 9), capital_relation: random.pick(RELATIONS) },
      response,
    };
  },
  "change_case:english_capital": (random) => {
    const text = plain(random, 4, 8);
    const others = Object.values(LANGUAGE_SAMPLES);
    const response = random.pick([
      text.toUpperCase(),
      text.toUpperCase(),
      text.toUpperCase(),
      text,
      random.pick(others),
      `${text.toUpperCase()} ok`,
    ]);
    return { kwargs: {}, response };
  },
  "change_case:english_lowercase": (random) => {
    const text = plain(random, 2, 5);
    const others = Object.values(LANGUAGE_SAMPLES).map((sample) => sample.toLowerCase());
    const response = random.pick([
      text.toLowerCase(),
      text.toLowerCase(),
      text.toLowerCase(),
      text,
      random.pick(others),
      `${text.toLowerCase()} OK`,
    ]);
    return { kwargs: {}, response };
  },
  "punctuation:no_comma": (random) => ({
    kwargs: {},
    response: joined(
      random,
      some(random, [...SENTENCES, "你好，世界。", "a、b", "1,000", "no comma", "، "], 1, 3),
      [" ", "\n"],
    ),
  }),
};

export const CASE_IDS: readonly string[] = Object.keys(DRAWS);

/** Cases aimed at one check's edges. The same seed draws the same cases. */
export function casesFor(id: string, count: number, seed = 1): readonly Case[] {
  const draw = DRAWS[id];
  if (draw === undefined) throw new RangeError(`no cases for ${id}`);
  return Array.from({ length: count }, (_, index) => {
    const random = randomFor(seed, "ifeval", id, index);
    const { kwargs, response } = draw(random);
    return { id, kwargs, prompt: "Do as you are told.", response: wrapped(random, response) };
  });
}
