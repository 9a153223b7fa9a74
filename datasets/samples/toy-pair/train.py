"""Trains the toy strong/weak pair and writes everything in this folder that is not source.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py            # 5 to 15 minutes on one core

Pinned: Python 3.11, torch 2.13.0 (CPU), transformers 5.23.0, tokenizers 0.23.3, onnx 1.23.2, onnxruntime 1.31.1, numpy 2.4.6.
One seed, one thread, deterministic algorithms: the same machine gives the same bytes. Another processor or another version
of a library may round differently, and then the weights, the hashes and, slightly, the accuracies differ.

1. Training pairs and held-out pairs are made from two sets of templates (pairs.py).
2. A byte-level BPE tokenizer is trained on the training texts.
3. weak: a language model on good and bad answers alike.
4. strong: starts as weak and is tuned with DPO against it (Rafailov et al. 2023), plus the usual loss on the good answers.
5. Both are written as ONNX, read back, compared with PyTorch, and measured on the held-out pairs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

import templates_held_out  # noqa: E402
import templates_train  # noqa: E402
from evaluate import report  # noqa: E402
from onnx_model import write_onnx  # noqa: E402
from pairs import KINDS, Pair, check_disjoint, make_pair  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 20261121
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 512,
    "hidden_size": 96,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 24,
    "hidden_act": "silu",
    "max_position_embeddings": 2304,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "rms_norm_eps": 1e-05,
    "initializer_range": 0.02,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "use_cache": False,
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "dtype": "float32",
}
# The kinds that take more than a choice of words come more often.
KIND_WEIGHTS = {"off_topic": 3, "cut_off": 3, "repetition": 3}
HELD_OUT_PAIRS = 720
BETA = 0.1
CHOSEN_LOSS_WEIGHT = 0.06


def draw_training_pair(rng: random.Random) -> Pair:
    kind = rng.choices(KINDS, [KIND_WEIGHTS.get(kind, 2) for kind in KINDS])[0]
    return make_pair(templates_train, kind, rng)


def prompt_text(prompt: str, rng: random.Random | None = None) -> str:
    """The ChatML rendering up to the answer; with `rng`, one in seven times with a system turn."""
    system = ""
    if rng is not None and rng.random() < 1 / 7:
        system = f"{START}system\n{rng.choice(templates_train.SYSTEMS)}{END}\n"
    return f"{system}{START}user\n{prompt}{END}\n{START}assistant\n"


def train_tokenizer() -> Tokenizer:
    """Byte-level BPE: no normalizer, so that any text comes back unchanged, and no token before the first."""
    rng = random.Random(f"{SEED} tokenizer")
    texts = []
    for _ in range(6000):
        pair = draw_training_pair(rng)
        texts += [pair.prompt, pair.chosen, pair.rejected]
    texts += ["user", "assistant", "system"] * 50
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"],
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in (PAD, START, END)],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class Batch:
    """Rows of token ids, right-padded, with a mask of the positions whose token belongs to the answer."""

    def __init__(self, rows: list[tuple[list[int], int]]) -> None:
        longest = max(len(ids) for ids, _ in rows)
        self.ids = torch.zeros(len(rows), longest, dtype=torch.long)
        self.is_token = torch.zeros(len(rows), longest, dtype=torch.bool)
        self.is_answer = torch.zeros(len(rows), longest, dtype=torch.bool)
        for index, (ids, start) in enumerate(rows):
            self.ids[index, : len(ids)] = torch.tensor(ids)
            self.is_token[index, : len(ids)] = True
            self.is_answer[index, start : len(ids)] = True


def token_logprobs(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """log p of each token given those before it, [rows, length - 1]. Right padding needs no mask under causal attention."""
    logits = model(input_ids=batch.ids).logits[:, :-1]
    return -torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), batch.ids[:, 1:].reshape(-1), reduction="none"
    ).view(logits.shape[0], -1)


def encode(tokenizer: Tokenizer, prompt: str, answer: str) -> tuple[list[int], int]:
    head = tokenizer.encode(prompt, add_special_tokens=False).ids
    return head + tokenizer.encode(answer + END, add_special_tokens=False).ids, len(head)


def by_length(items: list, length, size: int, rng: random.Random) -> list[list]:
    """Batches of similar length (little padding), in random order."""
    ordered = sorted(items, key=length)
    batches = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    rng.shuffle(batches)
    return batches


def optimise(model: LlamaForCausalLM, batches: list, loss_of, peak: float, name: str) -> None:
    """AdamW with a warm-up and a cosine decay; one pass over the batches."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.05)
    model.train()
    started, total, window = time.time(), len(batches), []
    for step, batch in enumerate(batches):
        rate = peak * min(1.0, (step + 1) / 50) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / total)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss, shown = loss_of(batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        window.append(shown)
        if (step + 1) % 100 == 0 or step + 1 == total:
            means = " ".join(f"{value:.3f}" for value in np.mean(window, axis=0))
            print(f"{name} step {step + 1}/{total} {means} {time.time() - started:.0f} s", flush=True)
            window = []
    model.eval()


def train_weak(tokenizer: Tokenizer, texts: int) -> LlamaForCausalLM:
    rng = random.Random(f"{SEED} weak")
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    rows = []
    for _ in range(texts):
        pair = draw_training_pair(rng)
        rows.append(encode(tokenizer, prompt_text(pair.prompt, rng), pair.chosen if rng.random() < 0.5 else pair.rejected))

    def loss_of(batch_rows: list) -> tuple[torch.Tensor, tuple[float, ...]]:
        batch = Batch(batch_rows)
        wanted = batch.is_token[:, 1:]
        loss = -(token_logprobs(model, batch) * wanted).sum() / wanted.sum()
        return loss, (loss.item(),)

    optimise(model, by_length(rows, lambda row: len(row[0]), 16, rng), loss_of, 4e-3, "weak")
    return model


def train_strong(tokenizer: Tokenizer, weak: LlamaForCausalLM, count: int) -> LlamaForCausalLM:
    rng = random.Random(f"{SEED} strong")
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    model.load_state_dict(weak.state_dict())
    encoded = []
    for _ in range(count):
        pair = draw_training_pair(rng)
        prompt = prompt_text(pair.prompt, rng)
        encoded.append((encode(tokenizer, prompt, pair.chosen), encode(tokenizer, prompt, pair.rejected)))

    def loss_of(batch_pairs: list) -> tuple[torch.Tensor, tuple[float, ...]]:
        batch = Batch([chosen for chosen, _ in batch_pairs] + [rejected for _, rejected in batch_pairs])
        answer = batch.is_answer[:, 1:]
        strong = token_logprobs(model, batch)
        with torch.no_grad():
            reference = token_logprobs(weak, batch)
        ratios = ((strong - reference) * answer).sum(dim=1)
        half = len(batch_pairs)
        margins = ratios[:half] - ratios[half:]
        preference = -torch.nn.functional.logsigmoid(BETA * margins).mean()
        chosen = -(strong[:half] * answer[:half]).sum() / answer[:half].sum()
        shown = (preference.item(), chosen.item(), (margins > 0).float().mean().item())
        return preference + CHOSEN_LOSS_WEIGHT * chosen, shown

    batches = by_length(encoded, lambda pair: max(len(pair[0][0]), len(pair[1][0])), 8, rng)
    optimise(model, batches, loss_of, 7e-4, "strong")
    return model


def pretty(value: object, indent: str = "") -> str:
    """JSON with two spaces of indent and lists of plain values on one line, as this repository's formatter wants it."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        items = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return "[\n" + ",\n".join(inner + pretty(item, inner) for item in value) + f"\n{indent}]"
    if isinstance(value, float):
        return repr(value).replace("e-0", "e-")
    return json.dumps(value, ensure_ascii=False)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pretty(value) + "\n", encoding="utf-8")


def write_folder(folder: Path, model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    weights = {
        name: tensor.detach().numpy() for name, tensor in model.state_dict().items() if name != "lm_head.weight"
    }
    write_onnx(CONFIG, weights, folder / "onnx")
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "generation_config.json", {"eos_token_id": 2, "pad_token_id": 0, "do_sample": False, "max_new_tokens": 64})
    write_json(folder / "tokenizer.json", json.loads(tokenizer.to_str()))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_bos_token": False,
            "bos_token": None,
            "eos_token": END,
            "pad_token": PAD,
            "padding_side": "right",
            "additional_special_tokens": [START],
            "clean_up_tokenization_spaces": False,
            "model_max_length": CONFIG["max_position_embeddings"],
            "chat_template": CHAT_TEMPLATE,
        },
    )


def write_held_out(path: Path) -> None:
    rng = random.Random(f"{SEED} held out")
    seen: set[tuple[str, str, str]] = set()
    lines = []
    while len(lines) < HELD_OUT_PAIRS:
        pair = make_pair(templates_held_out, KINDS[len(lines) % len(KINDS)], rng)
        key = (pair.prompt, pair.chosen, pair.rejected)
        if key not in seen:
            seen.add(key)
            lines.append(json.dumps(pair.__dict__, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_hashes(out: Path) -> None:
    files = sorted(path for name in ("strong", "weak") for path in (out / name).rglob("*") if path.is_file())
    files.append(out / "held-out.jsonl")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}" for path in files]
    (out / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the toy pair.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: this one)")
    parser.add_argument("--weak-texts", type=int, default=16000)
    parser.add_argument("--strong-pairs", type=int, default=10000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    check_disjoint(templates_train, templates_held_out)
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.time()
    write_held_out(options.out / "held-out.jsonl")
    tokenizer = train_tokenizer()
    weak = train_weak(tokenizer, options.weak_texts)
    write_folder(options.out / "weak", weak, tokenizer)
    strong = train_strong(tokenizer, weak, options.strong_pairs)
    write_folder(options.out / "strong", strong, tokenizer)
    write_hashes(options.out)
    print(f"trained in {time.time() - started:.0f} s", file=sys.stderr)
    print(report(options.out))


if __name__ == "__main__":
    main()
