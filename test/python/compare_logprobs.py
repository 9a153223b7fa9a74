"""Compares token log-probs with PyTorch's: `python compare_logprobs.py ROWS.jsonl`.

Each row: {"model": folder, "ids": [...], "start": n, "logprobs": [...], "entropies": [...]?, "selfCertainties": [...]?}, where
the numbers belong to the tokens ids[start:]. Prints one JSON object: the largest absolute difference of each kind, in nats.

Row {"tokenizer": folder, "text": s, "ids": [...], "decoded": s} compares token ids and their text with `tokenizers`'.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import lru_cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)


@lru_cache
def load(folder: str) -> torch.nn.Module:
    if (Path(folder) / "model.safetensors").exists():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    # The models that come with the package keep their weights in the ONNX file alone.
    sys.path.insert(0, str(Path(folder).parent))
    spec = importlib.util.spec_from_file_location("rebuild", Path(folder).parent / "rebuild.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.rebuild(folder)


@lru_cache
def tokenizer(folder: str) -> Tokenizer:
    return Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))


def differences(row: dict) -> dict[str, float]:
    ids = torch.tensor([row["ids"]])
    with torch.no_grad():
        logits = load(row["model"])(input_ids=ids).logits[0].double()
    every = torch.log_softmax(logits, -1)[row["start"] - 1 : -1]
    targets = ids[0, row["start"] :]
    expected = {
        "logprobs": every.gather(1, targets[:, None])[:, 0],
        "entropies": -(every.exp() * every).sum(-1),
        # KL(uniform ‖ p) = -log V - mean(log p)
        "selfCertainties": -torch.log(torch.tensor(float(every.shape[1]), dtype=torch.float64)) - every.mean(-1),
    }
    found = {}
    for name, values in expected.items():
        if name not in row:
            continue
        ours = torch.tensor(row[name], dtype=torch.float64)
        if ours.shape != values.shape:
            raise SystemExit(f"{name}: {len(ours)} numbers for {len(values)} tokens")
        found[name] = (ours - values).abs().max().item()
    return found


def main(path: str) -> None:
    worst: dict[str, float] = {}
    rows = texts = 0
    unlike = []
    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        row = json.loads(line)
        if "tokenizer" in row:
            texts += 1
            ids = tokenizer(row["tokenizer"]).encode(row["text"], add_special_tokens=False).ids
            decoded = tokenizer(row["tokenizer"]).decode(ids, skip_special_tokens=False)
            if ids != row["ids"] or decoded != row["decoded"]:
                unlike.append({"tokenizer": Path(row["tokenizer"]).name, "text": row["text"], "python": [ids, decoded], "ours": [row["ids"], row["decoded"]]})
            continue
        rows += 1
        for name, value in differences(row).items():
            worst[name] = max(worst.get(name, 0.0), value)
    print(json.dumps({"rows": rows, "texts": texts, "worst": worst, "unlike": unlike}))


if __name__ == "__main__":
    main(sys.argv[1])
