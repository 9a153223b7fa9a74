import type { Fields } from "../../../src/store/input/source.ts";

/** Rows built to the published descriptions; the texts are ours. The first row of each layout becomes a group. */

const annotation = (rating: string) => ({ Rating: rating, Rationale: "Because." });

const completion = (
  model: string,
  response: string,
  ratings: readonly string[],
  overall: number,
): Fields => ({
  model,
  principle: "helpfulness",
  custom_system_prompt: `Be helpful, ${model}.`,
  response,
  annotations: {
    instruction_following: annotation(ratings[0] ?? "N/A"),
    honesty: annotation(ratings[1] ?? "N/A"),
    truthfulness: { Type: ["1"], ...annotation(ratings[2] ?? "N/A"), "Rationale For Rating": "So." },
    helpfulness: { Type: ["1"], ...annotation(ratings[3] ?? "N/A"), "Rationale For Rating": "So." },
  },
  "fine-grained_score": 3.25,
  overall_score: overall,
  critique: "Well.",
});

const talk = (...turns: readonly string[]): readonly Fields[] =>
  turns.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));

const steer = (prompt: string, response: string, helpfulness: number, verbosity: number): Fields => ({
  prompt,
  response,
  helpfulness,
  correctness: 3,
  coherence: 4,
  complexity: 1,
  verbosity,
});

const PRINCIPLES = ["empathy", "relevance", "clarity", "safety", "exploration", "autonomy", "staging"];
const rated = (side: string, ratings: readonly number[]): Fields =>
  Object.fromEntries(PRINCIPLES.map((name, index) => [`${side}_${name}_rating`, ratings[index]]));

export const PUBLISHED: Readonly<Record<string, readonly Fields[]>> = {
  ultrafeedback: [
    {
      source: "truthful_qa",
      instruction: "Which city is the capital of France?",
      models: ["alpaca-7b", "gpt-4", "starchat", "ultralm-13b"],
      correct_answers: ["Paris"],
      incorrect_answers: ["Lyon", "Nice"],
      completions: [
        completion("alpaca-7b", "Lyon.", ["1", "2", "1", "1"], 2),
        completion("gpt-4", "Paris.", ["5", "5", "5", "5"], 10),
        completion("starchat", "", ["1", "1", "1", "1"], 1),
        completion("ultralm-13b", "Paris, I think.", ["4", "3", "5", "N/A"], 7),
      ],
    },
    {
      source: "sharegpt",
      instruction: "Name a river.",
      models: [],
      correct_answers: ["None"],
      incorrect_answers: ["None"],
      completions: [],
    },
  ],
  "ultrafeedback-binarized": [
    {
      prompt: "Name a sea.",
      prompt_id: "f00d",
      messages: talk("Name a sea.", "The North Sea."),
      chosen: talk("Name a sea.", "The North Sea."),
      rejected: talk("Name a sea.", "Everest."),
      score_chosen: 8.5,
      score_rejected: 2,
    },
    {
      prompt: "Name a hill.",
      prompt_id: "beef",
      messages: [],
      chosen: talk("Name a hill.", "Box Hill."),
      rejected: talk("Name a hill.", "Arthur's Seat."),
      score_chosen: 7,
      score_rejected: 7,
    },
    {
      prompt: "Name a lake.",
      prompt_id: "cafe",
      messages: [],
      chosen: talk("Name a lake.", "Como."),
      rejected: talk("Name a lake!", "Garda."),
      score_chosen: 7,
      score_rejected: 6,
    },
  ],
  helpsteer2: [
    steer("c#", "C# is a language.", 3, 1),
    steer("c#", "A musical note.", 1, 0),
    steer("Hi\n<extra_id_1>Assistant\nHello!\n<extra_id_1>User\nAnd now?", "Now we talk.", 4, 2),
    { ...steer("d#", "A note.", 1, 0), helpfulness: [1, 2, 3] },
  ],
  "helpsteer2-preference": [
    {
      split: "train",
      prompt: "Sum 2 and 2.",
      response_1: "4",
      response_2: "The sum is 4.",
      preference_strength: 2,
      preference_statement: "Response 2 says what it is.",
      preference_elaboration: "More.",
      three_most_similar_preferences: [],
      all_preferences_unprocessed: [],
    },
    { split: "val", prompt: "Sum 1 and 2.", response_1: "3", response_2: "5", preference_strength: -3 },
    { split: "val", prompt: "Sum 0 and 2.", response_1: "2", response_2: "two", preference_strength: 0 },
    { split: "val", prompt: "Sum 9 and 2.", response_1: "11", response_2: "12", preference_strength: -100 },
  ],
  "psychocounsel-preference": [
    {
      ID: "q-1",
      prefID: 0,
      question: "I cannot sleep.",
      chosen: "That sounds tiring. What keeps you awake?",
      rejected: "Sleep more.",
      chosen_model: "model-a",
      rejected_model: "model-b",
      ...rated("chosen", [5, 5, 4, 5, 4, 4, 4]),
      ...rated("rejected", [3, 3, 3, 5, 2, 2, 2]),
    },
    {
      ID: "q-1",
      prefID: 1,
      question: "I cannot sleep.",
      chosen: "Sleep less.",
      rejected: "",
      ...rated("chosen", [5, 5, 4, 5, 4, 4, 4]),
      ...rated("rejected", [3, 3, 3, 5, 2, 2, 2]),
    },
  ],
  "hh-rlhf": [
    {
      chosen: "\n\nHuman: Hello\n\nAssistant: Hi!\n\nHuman: What is\n\n2+2?\n\nAssistant: 4",
      rejected: "\n\nHuman: Hello\n\nAssistant: Hi!\n\nHuman: What is\n\n2+2?\n\nAssistant: 5",
    },
    { chosen: "\n\nHuman: Hello\n\nAssistant: ", rejected: "\n\nHuman: Hello\n\nAssistant: Hi" },
    { chosen: "Human: Hello\n\nAssistant: Hi", rejected: "Human: Hello\n\nAssistant: Ho" },
    {
      chosen: "\n\nHuman: a\n\nHuman: b\n\nAssistant: c",
      rejected: "\n\nHuman: a\n\nHuman: b\n\nAssistant: d",
    },
    {
      chosen: "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d",
      rejected: "\n\nHuman: a\n\nAssistant: x\n\nHuman: c\n\nAssistant: d",
    },
    { chosen: "\n\nHuman: a\n\nAssistant: b", rejected: "\n\nHuman: a\n\nAssistant: b" },
    { chosen: "\n\nHuman: a\n\nAssistant: b\n\nHuman: c", rejected: "\n\nHuman: a\n\nAssistant: b" },
  ],
  rewardbench: [
    {
      prompt: "Write a haiku.",
      chosen: "Old pond.",
      chosen_model: "gpt-4",
      rejected: "No.",
      rejected_model: "alpaca",
      subset: "alpacaeval-easy",
      id: 7,
    },
  ],
  distilabel: [
    {
      instruction: "Name a colour.",
      system_prompt: "Be brief.",
      generations: ["Red.", "A colour is light.", null],
      generation_models: ["small", "large", "broken"],
      ratings: [5, 2, null],
      rationales: ["Right.", "Evasive.", null],
    },
    {
      messages: talk("Hi", "Hello", "Name a fish."),
      generations: ["Cod.", "Crab."],
      model_names: ["m", "n"],
      ratings: [4, null],
    },
    { instruction: "Name a bird.", generations: ["Wren."], ratings: [4, 5] },
  ],
  "distilabel-dpo": [
    {
      prompt: "Name a tree.",
      prompt_id: "abc",
      chosen: [{ role: "system", content: "Be brief." }, ...talk("Name a tree.", "Oak.")],
      chosen_model: "large",
      chosen_rating: 5,
      rejected: [{ role: "system", content: "Be brief." }, ...talk("Name a tree.", "Rock.")],
      rejected_model: "small",
      rejected_rating: 1,
    },
    {
      prompt: "Name a bush.",
      prompt_id: "abd",
      chosen: talk("Name a bush.", "Box."),
      chosen_rating: 3,
      rejected: talk("Name a bush.", "Yew."),
      rejected_rating: 3,
    },
  ],
};

export function linesOf(rows: readonly Fields[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
