"""Builds the tiny model that test/long/train-trl.test.ts trains: `python tiny_model.py OUT`.

The random Qwen2 of make_random_model.py, with its ONNX file, and the tokenizer written as transformers reads it: its Qwen2
tokenizer cuts texts by a rule of its own, whatever tokenizer.json says, and would count other tokens than readers of that file.
"""

from __future__ import annotations

import sys

from make_random_model import main
from transformers import AutoTokenizer

if __name__ == "__main__":
    main("qwen2", sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.save_pretrained(sys.argv[1])
