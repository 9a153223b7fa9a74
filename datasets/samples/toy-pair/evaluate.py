"""Measures the toy pair on held-out.jsonl with the ONNX files: `python evaluate.py [folder]` prints the README's table.

The score of an answer is log p_strong - log p_weak, in nats, summed over its tokens and the end-of-turn token, with the prompt
rendered as ChatML. A pair counts as judged rightly if the chosen answer's score is strictly higher.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent


class Scorer:
    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "strong" / "tokenizer.json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.sessions = [
            onnxruntime.InferenceSession(str(folder / name / "onnx" / "model.onnx"), options, providers=["CPUExecutionProvider"])
            for name in ("strong", "weak")
        ]

    def score(self, messages: list[dict[str, str]], answer: str) -> tuple[float, float]:
        """The sum of log-ratios over the answer's tokens, in nats, and their mean per token."""
        turns = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in messages)
        head = self.tokenizer.encode(turns + "<|im_start|>assistant\n").ids
        tail = self.tokenizer.encode(answer + "<|im_end|>").ids
        ids = np.array([head + tail], np.int64)
        sums = []
        for session in self.sessions:
            (logits,) = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
            rows = logits[0, len(head) - 1 : -1].astype(np.float64)
            rows -= rows.max(axis=1, keepdims=True)
            logs = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
            sums.append(logs[np.arange(len(tail)), tail].sum())
        ratio = float(sums[0] - sums[1])
        return ratio, ratio / len(tail)


def wilson(right: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval; 60 of 100 gives 0.502 to 0.691."""
    z, share = 1.959964, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return middle - half, middle + half


def report(folder: Path) -> str:
    scorer = Scorer(folder)
    rows = [json.loads(line) for line in (folder / "held-out.jsonl").read_text(encoding="utf-8").splitlines()]
    judged: dict[str, list[tuple[bool, bool, bool]]] = {}
    for row in rows:
        messages = [{"role": "user", "content": row["prompt"]}]
        chosen, rejected = scorer.score(messages, row["chosen"]), scorer.score(messages, row["rejected"])
        shorter = len(row["chosen"]) < len(row["rejected"])
        outcome = (chosen[0] > rejected[0], chosen[1] > rejected[1], shorter)
        judged.setdefault(row["kind"], []).append(outcome)
    judged["all"] = [outcome for outcomes in list(judged.values()) for outcome in outcomes]
    lines = ["| kind | pairs | right (sum) | 95 % interval | right (per token) | chosen is shorter |", "| --- | --- | --- | --- | --- | --- |"]
    for kind, outcomes in judged.items():
        total = len(outcomes)
        right, mean, shorter = (sum(column) for column in zip(*outcomes, strict=True))
        low, high = wilson(right, total)
        lines.append(f"| {kind} | {total} | {right / total:.3f} | {low:.3f} to {high:.3f} | {mean / total:.3f} | {shorter / total:.3f} |")
    return "\n".join(lines)


def samples_report(folder: Path, path: Path) -> str:
    """The hand-written samples: pairs of a `right` response with one of another label, by that label."""
    scorer = Scorer(folder)
    counts: dict[str, list[bool]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        group = json.loads(line)
        prompt = group["prompt"]
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        scores = [(item["metadata"]["label"], scorer.score(messages, item["text"])[0]) for item in group["responses"]]
        for label, score in scores:
            if label != "right":
                for other, better in scores:
                    if other == "right":
                        counts.setdefault(label, []).append(better > score)
                        counts.setdefault(f"domain {group['domain']}", []).append(better > score)
                        counts.setdefault("all", []).append(better > score)
    counts["all"] = counts.pop("all")
    lines = ["| against | pairs | right (sum) | 95 % interval |", "| --- | --- | --- | --- |"]
    for label, outcomes in counts.items():
        low, high = wilson(sum(outcomes), len(outcomes))
        lines.append(f"| {label} | {len(outcomes)} | {sum(outcomes) / len(outcomes):.3f} | {low:.3f} to {high:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    chosen_folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    print(report(chosen_folder))
    print()
    print(samples_report(chosen_folder, HERE.parent / "prompts.jsonl"))
