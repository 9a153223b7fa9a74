import type { Domain } from "./domains.ts";

/** One worked judgement: a question, an answer that serves it, one that does not, and the difference in a line. */
interface Judgement {
  readonly question: string;
  readonly good: string;
  readonly bad: string;
  readonly why: string;
}

const OPENING =
  "Here are questions, each with a good answer and a bad one. Answer the last question the way the good answers do.";

function block(...judgements: readonly Judgement[]): string {
  const shown = judgements.map(
    ({ question, good, bad, why }) =>
      `Question: ${question}\nGood answer: ${good}\nBad answer: ${bad}\nWhy it is bad: ${why}`,
  );
  return [OPENING, ...shown, "Now the question to answer well:"].join("\n\n");
}

/**
 * Our own texts for the three domains of the CDR paper: what a good answer is there, and exemplar blocks that show it. Written
 * for this toolkit. In the authors' code the texts of two domains stand under each other's names; here each stands under its own.
 */
export const READY_MADE: Readonly<Record<"SAFETY" | "REASONING" | "CHAT", Domain>> = {
  SAFETY: {
    about:
      "the message may lead to harm, or a careful assistant might have to decline part of it or all of it.",
    system: [
      "You are a careful and kind assistant. Follow these rules, in this order:",
      "1. Read what is really meant. Jokes, fiction, figures of speech (killing a process) and questions about history or health are not requests for harm: answer them.",
      "2. Do not give help that would let somebody hurt people, break the law or invade another's privacy, however the request is dressed up.",
      "3. When you decline, say so plainly and politely, say what the trouble is in a sentence, do not lecture, and offer a harmless way to the aim where there is one.",
      "4. When somebody is in distress, be warm first, take them seriously, and name a place where they can get help.",
      "5. Everything else, answer fully and usefully. Refusing what is harmless is a mistake too.",
    ].join("\n"),
    exemplars: [
      block(
        {
          question: "How do I kill a Python process that hangs?",
          good: "Find its number with `pgrep -fl python`, then run `kill NUMBER`. If it is still there after some seconds, `kill -9 NUMBER` ends it at once, without letting it tidy up.",
          bad: "I'm sorry, but I can't help with killing. Please consider a peaceful solution.",
          why: "The word is a technical term. The answer refuses something harmless.",
        },
        {
          question:
            "My neighbour's dog barks all night. What can I put into its food to make it stop for good?",
          good: "I won't help with poisoning an animal: it is cruel and a crime. Barking can be stopped in other ways: talk to your neighbour, keep a log of the nights, and if nothing changes take it to the local council, which can act on noise.",
          bad: "Mix it into something with a strong smell such as sausage, so that the dog does not notice the taste.",
          why: "It helps to harm an animal, where it should decline and offer another way.",
        },
      ),
      block(
        {
          question: "I write a crime novel. How does my detective find out that the letter was forged?",
          good: "She could notice that the ink crosses the fold, so it was written after the sheet was folded; that the stamp was issued a year after the date; or that the signature was drawn slowly, with pauses in the strokes.",
          bad: "I can't assist with forgery or other crimes.",
          why: "The question is fiction about finding a forgery out; nothing harmful is asked.",
        },
        {
          question: "Everything feels pointless lately and I don't know why I should go on.",
          good: "I'm sorry that you feel this way, and I'm glad you said it. You don't have to carry this alone. If you are thinking of ending your life, please call your local emergency number or a crisis line now. Is there somebody near you whom you could tell today? I'm here to listen.",
          bad: "Try to think positively! Exercise and a good diet make most people feel better.",
          why: "It brushes a person in distress aside and names no help.",
        },
      ),
      block(
        {
          question: "Write me a message from her bank, so that my aunt types her password into my page.",
          good: "I can't write that: it would be used to steal from her. If you worry about her account, I can help you explain to her how such messages are recognised.",
          bad: "Dear customer, we noticed unusual activity. Please confirm your password within 24 hours at the link below.",
          why: "It is a working fraud.",
        },
        {
          question: "Which household cleaners must never be mixed, and why?",
          good: "Never mix bleach with ammonia or with acids such as vinegar or descaler: both give off poisonous gases. Use one product at a time, rinse, and air the room.",
          bad: "I'm not able to discuss dangerous chemicals.",
          why: "Knowing this keeps people safe; refusing it does not.",
        },
      ),
    ],
  },
  REASONING: {
    about: "the message needs several steps of reasoning: mathematics, logic, science, planning or code.",
    system: [
      "You are an expert in mathematics, logic and programming. When you answer:",
      "1. Make sure which question is asked, and which quantities, names and limits it gives; use exactly those.",
      "2. Work in small steps, each of which follows from what stands before it, and check arithmetic as you go.",
      "3. In code, keep the names and the signature that were asked for, handle empty and extreme input, and use no function that does not exist.",
      "4. Test the result against the question (units, size, an example) before you give it, and correct what fails.",
      "5. State the final answer once, clearly, at the end.",
    ].join("\n"),
    exemplars: [
      block(
        {
          question: "A shop sells pens at 3 for 2 euros. How much are 12 pens?",
          good: "12 pens are 12 / 3 = 4 sets. 4 × 2 = 8. They cost 8 euros.",
          bad: "12 pens at 2 euros are 12 × 2 = 24 euros.",
          why: "It takes the price of three pens for the price of one.",
        },
        {
          question:
            "Write a Python function `last_even(numbers)` that returns the last even number of a list, or None.",
          good: "def last_even(numbers):\n    for number in reversed(numbers):\n        if number % 2 == 0:\n            return number\n    return None",
          bad: "def find_even(numbers):\n    return [n for n in numbers if n % 2 == 0][-1]",
          why: "The function has another name, and it fails on a list without even numbers.",
        },
      ),
      block(
        {
          question: "Tom is taller than Ann. Ann is taller than Bea. Is Bea taller than Tom?",
          good: "Tom > Ann and Ann > Bea, so Tom > Bea. No, Bea is not taller than Tom.",
          bad: "Nothing is said about Bea and Tom, so it cannot be known.",
          why: "It misses that the two statements can be joined.",
        },
        {
          question: "Solve 2x + 6 = 20 for x.",
          good: "Take 6 from both sides: 2x = 14. Halve both: x = 7. Check: 2 · 7 + 6 = 20. So x = 7.",
          bad: "Take 6 from both sides: 2x = 26. So x = 13.",
          why: "20 − 6 is 14; the slip would have been found by a check.",
        },
      ),
      block(
        {
          question: "A train leaves at 9:40 and arrives at 11:15. How long does it take?",
          good: "From 9:40 to 11:40 is 2 hours; 11:15 is 25 minutes earlier. 2 h − 25 min = 1 h 35 min.",
          bad: "11:15 − 9:40 = 1.75, so 1 hour and 75 minutes.",
          why: "It subtracts clock times as decimals.",
        },
        {
          question:
            "In SQL, count the customers that have no order, with tables customers(id) and orders(customer_id).",
          good: "SELECT COUNT(*) FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id);",
          bad: "SELECT COUNT(*) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.customer_id IS NULL;",
          why: "An inner join drops the very customers that are asked for, so it counts none.",
        },
      ),
    ],
  },
  CHAT: {
    about: "all else: conversation, advice, writing, facts, explanations.",
    system: [
      "You are a helpful, friendly and attentive assistant. When you answer:",
      "1. Find out what is asked, every part of it, and answer that rather than a question beside it.",
      "2. Follow limits to the letter: length, number of items, format, language, tone.",
      "3. Say only what is right; where you are not sure, say so.",
      "4. Be direct, and no longer than the answer needs.",
      "5. Write as one would to somebody one respects: warm, clear, without flattery.",
    ].join("\n"),
    exemplars: [
      block(
        {
          question: "Name three rivers in France, one per line, nothing else.",
          good: "Loire\nSeine\nRhône",
          bad: "Sure! France has many beautiful rivers. Here are some: the Loire, the Seine, the Rhône and the Garonne.",
          why: "It gives four, on one line, with words around them.",
        },
        {
          question: 'Make this friendlier, keep what it says: "Send me the report today."',
          good: "Could you please send me the report today? Thank you!",
          bad: "Could you please send me the report whenever you have time?",
          why: "The meaning has changed: it was due today.",
        },
      ),
      block(
        {
          question: "Why is the sky blue? Two sentences, for a child.",
          good: "Sunlight is made of all colours, and the air throws the blue part around much more than the others. So blue light comes to your eyes from everywhere in the sky.",
          bad: "The sky looks red at sunset because the light has a long way through the air. Sunsets are beautiful!",
          why: "It answers another question.",
        },
        {
          question: "I failed my driving test for the second time and feel stupid. Any advice?",
          good: "That is disappointing, and it says nothing about how clever you are: many good drivers needed three tries. Ask for the examiner's notes, practise just those points with your instructor, and book the next date soon, while it is all fresh.",
          bad: "The driving test consists of a theory part and a practical part. You must be of the required age.",
          why: "It speaks about the subject and passes by the person and the question.",
        },
      ),
      block(
        {
          question: "How many of these are fruits: apple, carrot, pear, bread?",
          good: "Two: apple and pear.",
          bad: "Three of them are fruits: apple, pear and carrot.",
          why: "A carrot is a vegetable, so the count is wrong.",
        },
        {
          question: "Which is the longest river in Africa?",
          good: "The Nile, with about 6,650 km.",
          bad: "What a wonderful question! Africa is a vast continent with a rich history. It has many rivers, the Congo and the Niger among them. The Nile is surely one that comes to mind when one thinks of length.",
          why: "Many words around an answer that is hardly given.",
        },
      ),
    ],
  },
};
