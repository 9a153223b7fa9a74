"""Builds the PyTorch model back from a toy folder: `python rebuild.py strong` prints a summary and compares it with ONNX.

    from rebuild import rebuild
    model = rebuild("datasets/samples/toy-pair/strong")   # transformers.LlamaForCausalLM, float32, eval mode
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from onnx_model import read_weights


def rebuild(folder: str | Path) -> LlamaForCausalLM:
    """Reads `config.json` and the weights inside `onnx/model.onnx`; fails if a parameter is missing or left over."""
    folder = Path(folder)
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(folder)).float()
    weights = {name: torch.from_numpy(array.copy()) for name, array in read_weights(folder / "onnx" / "model.onnx").items()}
    outcome = model.load_state_dict(weights, strict=False)
    if set(outcome.missing_keys) - {"lm_head.weight"} or outcome.unexpected_keys:
        raise ValueError(f"{folder}: weights do not fit the config: {outcome}")
    model.tie_weights()
    return model.eval()


def largest_difference(folder: str | Path) -> float:
    """The largest absolute difference of logits, ONNX against PyTorch: rows alone, and right-padded together."""
    import numpy as np
    import onnxruntime

    model = rebuild(folder)
    session = onnxruntime.InferenceSession(str(Path(folder) / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(7)
    rows = [generator.integers(3, model.config.vocab_size, length) for length in (1, 2, 17, 160)]
    longest = max(len(row) for row in rows)
    ids = np.zeros((len(rows), longest), np.int64)
    mask = np.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    (batch,) = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
    worst = 0.0
    for index, row in enumerate(rows):
        with torch.no_grad():
            expected = model(input_ids=torch.from_numpy(row[None])).logits[0].numpy()
        (alone,) = session.run(["logits"], {"input_ids": row[None], "attention_mask": np.ones((1, len(row)), np.int64)})
        worst = max(worst, np.abs(alone[0] - expected).max(), np.abs(batch[index, : len(row)] - expected).max())
    return float(worst)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["strong", "weak"]:
        print(name, f"{rebuild(name).num_parameters():,} parameters, ONNX differs from PyTorch by", largest_difference(name))
