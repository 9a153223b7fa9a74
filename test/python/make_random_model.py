"""Builds a tiny random model as a model folder: `python make_random_model.py llama OUT` (or qwen2).

Written are config.json, model.safetensors, onnx/model.onnx (inputs input_ids and attention_mask, output logits, both free in
batch and length), tokenizer.json with a byte-level BPE of its own, and tokenizer_config.json with a chat template.
Seeded: the same arguments give the same weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXTS = [
    "The capital of France is Paris, and the answer is short.",
    "système, naïve café; größer; Привет, мир; 你好，世界; 🐈‍⬛ and 👩‍👩‍👧",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))  # 3",
] * 20


def make_tokenizer(folder: Path) -> int:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer.get_vocab_size()


class Logits(torch.nn.Module):
    """The model as a function of two tensors, without a cache."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits


def main(kind: str, out: str) -> None:
    folder = Path(out)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    vocabulary = make_tokenizer(folder)
    config_class = {"llama": LlamaConfig, "qwen2": Qwen2Config}[kind]
    config = config_class(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        eos_token_id=2,
        bos_token_id=None,
        # Wide enough that the log-probs are no near-uniform blur, which would hide a misplaced position.
        initializer_range=0.2,
        attn_implementation="eager",
    )
    torch.manual_seed(20)
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    model.save_pretrained(folder)
    ids = torch.randint(3, vocabulary, (2, 7))
    mask = torch.ones_like(ids)
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    torch.onnx.export(
        Logits(model).eval(),
        (ids, mask),
        str(folder / "onnx" / "model.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_shapes={"input_ids": {0: batch, 1: length}, "attention_mask": {0: batch, 1: length}},
        dynamo=True,
        external_data=False,
        opset_version=18,
        verbose=False,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
