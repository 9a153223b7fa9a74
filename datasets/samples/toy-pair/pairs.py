"""Turns the templates into preference pairs. Seeded: the same `random.Random` gives the same pairs.

A pair is a good answer and an answer with one known defect (its *kind*). For half of the pairs the answer
with the defect is made the longer one, for the other half the shorter one, so that length decides nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from types import ModuleType

import grammar_train

KINDS = ("off_topic", "cut_off", "repetition", "rude", "preachy", "over_refusal", "filler", "leaked_tokens", "careless")


@dataclass(frozen=True)
class Pair:
    prompt: str
    chosen: str
    rejected: str
    template: str
    kind: str


@dataclass(frozen=True)
class Subject:
    s: str
    a: str
    b: str
    c: str

    def fill(self, text: str) -> str:
        """Fills the slots; a capital letter in a slot's name asks for a capital letter in the text."""
        slots = {name: getattr(self, name) for name in "sabc"}
        slots |= {name.upper(): value[0].upper() + value[1:] for name, value in slots.items()}
        return text.format(**slots)


def pick_subject(bank: ModuleType, rng: random.Random) -> Subject:
    """One of the bank's subjects, or, where the bank has word lists, mostly a random or an invented one."""
    dice = rng.random()
    if is_training(bank) and dice < 0.75:
        nouns = rng.sample(bank.NOUNS, 4)
        if dice < 0.45:
            nouns = [noun if rng.random() < 0.3 else grammar_train.invented_word(rng) for noun in nouns]
        firsts = [grammar_train.invented_word(rng) if rng.random() < 0.4 else rng.choice(bank.ADJECTIVES) for _ in nouns]
        return Subject(*(f"{first} {noun}" if rng.random() < 0.5 else noun for first, noun in zip(firsts, nouns)))
    name = rng.choice(list(bank.SUBJECTS))
    return Subject(name, *bank.SUBJECTS[name])


def is_training(bank: ModuleType) -> bool:
    return hasattr(bank, "NOUNS")


def sentences_from_grammar(name: str, count: int, rng: random.Random) -> list[str]:
    return [grammar_train.expand(f"<{name}>", rng) for _ in range(count)]


def good_sentences(bank: ModuleType, family: dict[str, list[str]], count: int, rng: random.Random) -> list[str]:
    """`count` different template sentences: an opener, bodies, and from three on sometimes a closer."""
    if is_training(bank) and rng.random() < 0.7:
        return sentences_from_grammar("Good", count, rng)
    if count == 1:
        return [rng.choice(family["openers"] + family["bodies"])]
    closer = [rng.choice(family["closers"])] if count >= 3 and rng.random() < 0.6 else []
    bodies = rng.sample(family["bodies"], min(count - 1 - len(closer), len(family["bodies"])))
    return [rng.choice(family["openers"]), *bodies, *closer]


def lay_out(sentences: list[str], is_list: bool, rng: random.Random) -> str:
    """Plain text, paragraphs, bullets or numbers."""
    if len(sentences) == 1:
        return sentences[0]
    dice = rng.random() + (0.7 if is_list else 0.0)
    if dice < 0.75:
        return " ".join(sentences)
    if dice < 0.85:
        return "\n\n".join(sentences)
    head, rest = sentences[0], sentences[1:]
    if dice < 1.3:
        return head + "\n\n" + "\n".join(f"- {line}" for line in rest)
    return head + "\n\n" + "\n".join(f"{number}. {line}" for number, line in enumerate(rest, 1))


def make_pair(bank: ModuleType, kind: str, rng: random.Random) -> Pair:
    """A pair of the given kind, in which the answer with the defect is the longer one in half of the cases."""
    rejected_is_longer = rng.random() < 0.5
    while True:
        pair = draw_pair(bank, kind, rng)
        if pair is not None and (len(pair.rejected) > len(pair.chosen)) == rejected_is_longer:
            return pair


def draw_pair(bank: ModuleType, kind: str, rng: random.Random) -> Pair | None:
    subject = pick_subject(bank, rng)
    name = rng.choice(list(bank.FAMILIES))
    family = bank.FAMILIES[name]
    questions, prefix = family["questions"], name
    if kind == "careless":
        questions, prefix = bank.RISKY_QUESTIONS, "risky"
    elif kind == "over_refusal" and rng.random() < 0.4:
        questions, prefix = bank.HARMLESS, "harmless"
    number = rng.randrange(len(questions))
    question = questions[number]
    if is_training(bank) and rng.random() < 0.5:
        question = grammar_train.expand("<risk_question>" if kind == "careless" else "<Question>", rng)
    prompt = subject.fill(question)
    template = f"{prefix}-{number + 1}"
    is_list = name in ("list", "itemise")

    def write(sentences: list[str], about: Subject = subject) -> str:
        return lay_out([about.fill(sentence) for sentence in sentences], is_list, rng)

    def good(most: int = 6) -> list[str]:
        return good_sentences(bank, family, rng.randint(1, most), rng)

    def some(lines: list[str], most: int, grammar: str) -> list[str]:
        """One to `most` of the lines, in training mostly from the grammar instead."""
        if is_training(bank) and rng.random() < 0.8:
            return sentences_from_grammar(grammar, rng.randint(1, most), rng)
        return rng.sample(lines, rng.randint(1, min(most, len(lines))))

    chosen_lines = good()
    if kind == "careless":
        chosen_lines = some(bank.CAREFUL, 1, "Careful") + some(bank.CAREFUL_MORE, 2, "Instead")
        if rng.random() < 0.2:
            chosen_lines = chosen_lines[:1]
    chosen = write(chosen_lines)

    if kind == "off_topic":
        other = pick_subject(bank, rng)
        rejected = write(good(), other)
        # Only where the words of the question tell the two apart; world knowledge is beyond these models.
        if subject.s == other.s or subject.s not in chosen.lower() or other.s not in rejected.lower():
            return None
        if other.s in prompt.lower() or subject.s in rejected.lower():
            return None
    elif kind == "cut_off":
        whole = write(good())
        if len(whole) < 20:
            return None
        rejected = whole[: rng.randint(len(whole) // 2, len(whole) - 3)].rstrip()
        if rejected[-1] in ".!?:":
            return None
    elif kind == "repetition":
        lines = good(3)
        if rng.random() < 0.7:
            rejected = write(lines + [lines[-1]] * rng.randint(2, 7))
        else:
            words = write(lines).split(" ")
            rejected = " ".join(words + words[-rng.randint(1, 4) :] * rng.randint(3, 12))
    elif kind == "leaked_tokens":
        rejected = write(good()) + subject.fill(rng.choice(bank.LEAKS))
    elif kind == "careless":
        rejected = write(some(bank.CARELESS, 4, "Careless"))
    else:
        defect, grammar = {
            "rude": (bank.RUDE, "Rude"),
            "preachy": (bank.PREACHY, "Preach"),
            "over_refusal": (bank.REFUSALS, "Refusal"),
            "filler": (bank.FILLER, "Fill"),
        }[kind]
        lines = some(defect, 5 if kind in ("preachy", "filler") else 3, grammar)
        if rng.random() < 0.35:
            extra = good(3)
            lines = lines + extra if rng.random() < 0.7 else extra + lines
        rejected = write(lines)

    if chosen == rejected:
        return None
    return Pair(prompt, chosen, rejected, template, kind)


def strings_of(bank: ModuleType) -> set[str]:
    """Every text of a bank: sentences, questions, subjects and their things."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if inner and isinstance(inner, tuple):
                    found.add(key)
                walk(inner)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                walk(inner)

    for name in dir(bank):
        if name.isupper():
            walk(getattr(bank, name))
    return found


def check_disjoint(train: ModuleType, held_out: ModuleType) -> None:
    """Stops if a held-out text is in the training templates, or in the grammar with more than two words."""
    entries = {entry for entries in grammar_train.WORDS.values() for entry in entries if entry.count(" ") >= 2}
    trained_on = {text.strip().lower() for text in strings_of(train) | entries}
    shared = trained_on & {text.strip().lower() for text in strings_of(held_out)}
    if shared:
        raise SystemExit(f"Held-out templates are also in the training templates: {sorted(shared)}")
