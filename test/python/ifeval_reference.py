"""Runs IFEval's reference implementation, as lm-eval ships it, over JSON lines.

    python ifeval_reference.py CASES.jsonl

Each line is {"id": instruction id, "kwargs": {...}, "prompt": text, "response": text}. Printed is one JSON object:
{"verdicts": [[strict, loose], ...], "absent": [ids that could not be run here, with the reason]}.
Needs test/python/requirements-rules.txt, and test/python/requirements-rules-alone.txt without dependencies.
"""

import contextlib
import importlib.util
import json
import sys
import types
from pathlib import Path

# lm-eval's own __init__ files import torch; only the folder of this one task is wanted.
root = Path(importlib.util.find_spec("lm_eval").origin).parent
for name in ("lm_eval.tasks", "lm_eval.tasks.ifeval"):
    package = types.ModuleType(name)
    package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
    sys.modules[name] = package

import langdetect  # noqa: E402
import nltk  # noqa: E402

# This package carries the data in its wheel; it is not imported.
carrier = importlib.util.find_spec("llama_index")
for folder in carrier.submodule_search_locations if carrier else []:
    nltk.data.path.append(str(Path(folder, "core", "_static", "nltk_cache")))

absent = {}
try:
    nltk.data.find("tokenizers/punkt_tab/english/")
except LookupError:
    for name in ("length_constraints:number_sentences", "change_case:capital_word_frequency"):
        absent[name] = "NLTK's punkt_tab data is not installed"
    # The module downloads on import what is not there.
    nltk.download = lambda *_: False

with contextlib.redirect_stdout(sys.stderr):
    from lm_eval.tasks.ifeval import utils  # noqa: E402

# It draws n-grams at random; a seed makes a run repeatable.
langdetect.DetectorFactory.seed = 0


def verdict(test, case):
    example = utils.InputExample(
        key=0, instruction_id_list=[case["id"]], prompt=case["prompt"], kwargs=[case["kwargs"]]
    )
    return test(example, case["response"]).follow_all_instructions


def main(path):
    verdicts = []
    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        case = json.loads(line)
        if case["id"] in absent:
            verdicts.append(None)
            continue
        verdicts.append(
            [
                verdict(utils.test_instruction_following_strict, case),
                verdict(utils.test_instruction_following_loose, case),
            ]
        )
    json.dump({"verdicts": verdicts, "absent": absent}, sys.stdout)


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)  # It logs every text whose language it cannot tell.
    main(sys.argv[1])
