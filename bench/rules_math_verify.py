"""Verdicts and times of Math-Verify, for `npm run bench rules`.

Reads JSON lines {"gold", "prediction"} from the file named first and writes one JSON object to standard output:

  verdicts   list of true, false or null (an exception) in the order of the lines
  seconds    list of seconds of each: reading both sides and comparing them, in the main thread
  all_cores  {"pairs", "seconds", "processes"}: the same pairs through a process pool, or null without --all-cores
  version    of math-verify

Math-Verify is used as its README recommends for rewards: LaTeX and plain expressions are read, boxes come first and all
of them count, malformed operators and equations are not mended. The gold is wrapped in dollar signs when it is bare.
"""

import importlib.metadata
import json
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from latex2sympy2_extended import NormalizationConfig
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

logging.disable(logging.CRITICAL)

CONFIGURATION = [
    LatexExtractionConfig(
        boxed_match_priority=0,
        normalization_config=NormalizationConfig(
            basic_latex=True,
            units=True,
            malformed_operators=False,
            nits=False,
            boxed="all",
            equations=False,
        ),
    ),
    ExprExtractionConfig(),
]


def wrapped(gold):
    """A bare gold between dollar signs, of a worked solution what stands after "####"; one with signs of its own as it is."""
    gold = gold.rpartition("####")[2].strip()
    has_signs = "$" in gold.replace("\\$", "") or "\\boxed" in gold or "\\[" in gold or "\\(" in gold
    return gold if has_signs else f"${gold}$"


def judge(pair):
    gold, prediction = pair
    started = time.perf_counter()
    try:
        verdict = bool(verify(parse(wrapped(gold)), parse(prediction, extraction_config=CONFIGURATION)))
    except Exception:  # a verdict that Math-Verify does not give
        verdict = None
    return verdict, time.perf_counter() - started


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        pairs = [(row["gold"], row["prediction"]) for row in map(json.loads, file)]
    judge(("1", "\\boxed{1}"))  # SymPy's tables are built at the first use
    judged = [judge(pair) for pair in pairs]
    print(
        json.dumps(
            {
                "verdicts": [verdict for verdict, _ in judged],
                "seconds": [seconds for _, seconds in judged],
                "all_cores": all_cores(pairs) if "--all-cores" in sys.argv else None,
                "version": importlib.metadata.version("math-verify"),
            }
        )
    )


def all_cores(pairs):
    processes = os.cpu_count() or 1
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(judge, [("1", "\\boxed{1}")] * 64, chunksize=8))
        started = time.perf_counter()
        list(pool.map(judge, pairs, chunksize=32))
        return {"pairs": len(pairs), "seconds": time.perf_counter() - started, "processes": processes}


if __name__ == "__main__":
    main()
