"""What TRL's own loss code says of random batches: `python trl_losses.py SEED` prints JSON.

Each trainer's loss method runs unchanged on a small model (two embedding tables, so that a token's log-prob depends on its
place and on the token before it), without the trainer's constructor, which would ask for datasets and a tokenizer. Beside each
loss stand the per-token log-probs it was made from, so that another implementation can be asked for the same number.
The advantages come from a whole GRPOTrainer that samples from a tiny Qwen2; only the rewards are ours.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
import warnings
from collections import defaultdict
from contextlib import redirect_stdout
from types import SimpleNamespace

os.environ.update(TRL_EXPERIMENTAL_SILENCE="1", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
warnings.filterwarnings("ignore")

import torch
import trl
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.gspo_token import GRPOTrainer as GspoTokenTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.reward_trainer import RewardTrainer

VOCABULARY = 13
PROMPT = 3
LONGEST = 7
PAD = 0
CPU = torch.device("cpu")


class Alone:
    """The part of accelerate's Accelerator that a loss touches, with one process."""

    device = CPU
    num_processes = 1
    sync_gradients = True
    is_main_process = True

    def gather(self, value):
        return value

    gather_for_metrics = gather

    def reduce(self, value, reduction="sum"):
        return value

    def unwrap_model(self, model):
        return model


class Bigram(torch.nn.Module):
    is_gradient_checkpointing = False

    def __init__(self, seed: int, spread: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.after = torch.nn.Parameter(spread * torch.randn(VOCABULARY, VOCABULARY, generator=generator))
        self.at = torch.nn.Parameter(spread * torch.randn(64, VOCABULARY, generator=generator))

    def forward(self, input_ids, attention_mask=None, **ignored):
        logits = self.after[input_ids] + self.at[: input_ids.shape[1]]
        return SimpleNamespace(logits=logits, aux_loss=None)


class Rewards(torch.nn.Module):
    def __init__(self, rewards) -> None:
        super().__init__()
        self.rewards = rewards

    def forward(self, **ignored):
        return SimpleNamespace(logits=self.rewards.unsqueeze(-1))


def bare(kind, model, **attributes):
    """A trainer without its constructor, for one call of its loss."""
    trainer = kind.__new__(kind)
    common = dict(
        model=model, accelerator=Alone(), aux_loss_enabled=False, _tp_size=1, _total_train_tokens=0,
        _metrics={"train": defaultdict(list), "eval": defaultdict(list)}, is_encoder_decoder=False,
    )
    for name, value in {**common, **attributes}.items():
        setattr(trainer, name, value)
    return trainer


def log_softmax(model, ids):
    """[B, L - 1, V], in double precision from the same float32 logits."""
    with torch.no_grad():
        return model(ids).logits[:, :-1].double().log_softmax(-1)


def token_logprobs(model, ids):
    return log_softmax(model, ids).gather(-1, ids[:, 1:, None]).squeeze(-1)


def picked(values, mask):
    return [[float(v) for v, keep in zip(row, kept) if keep] for row, kept in zip(values, mask)]


def random_batch(generator, rows, shortest=1):
    lengths = torch.randint(shortest, LONGEST + 1, (rows,), generator=generator)
    ids = torch.randint(1, VOCABULARY, (rows, PROMPT + LONGEST), generator=generator)
    places = torch.arange(PROMPT + LONGEST)[None]
    attention = (places < PROMPT + lengths[:, None]).long()
    completion = ((places >= PROMPT) & (attention == 1)).long()
    return torch.where(attention == 1, ids, PAD), attention, completion


def pairs_of(policy, mask):
    sides = picked(policy, mask)
    half = len(sides) // 2
    return [{"chosen": c, "rejected": r} for c, r in zip(sides[:half], sides[half:])]


def dpo_cases(generator, policy, reference):
    types = [
        "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
        "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
    ]
    settings = [{"types": [t], "beta": beta} for t in types for beta in (0.1, 1.3)]
    settings += [{"types": [t], "divergence": d} for t in ("sigmoid", "ipo") for d in ("forward_kl", "js_divergence", "alpha_divergence")]
    settings += [{"types": ["sigmoid"], "divergence": "alpha_divergence", "alpha": a} for a in (1.0, 1.7)]
    settings += [{"types": [t], "ld_alpha": a} for t in ("sigmoid", "apo_zero") for a in (0.0, 0.4, 1.0)]
    settings += [{"types": [t], "weighting": True} for t in ("sigmoid", "hinge", "ipo")]
    settings += [{"types": ["sigmoid", "bco_pair", "sft"], "weights": [0.8, 0.2, 1.0]}]
    for setting in settings:
        ids, attention, completion = random_batch(generator, 10)
        beta, smoothing = setting.get("beta", 0.3), 0.1
        types, weights = setting["types"], setting.get("weights", [1.0] * len(setting["types"]))
        divergence, alpha = setting.get("divergence", "reverse_kl"), setting.get("alpha", 0.5)
        trainer = bare(
            DPOTrainer, policy, ref_model=reference, ld_alpha=setting.get("ld_alpha"), precompute_ref_logps=False, beta=beta,
            f_divergence_type=divergence, f_alpha_divergence_coef=alpha, loss_types=types, loss_weights=weights,
            label_smoothing=smoothing, use_weighting=setting.get("weighting", False),
            args=SimpleNamespace(discopop_tau=0.05, gradient_checkpointing_kwargs=None),
        )
        inputs = {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}
        loss = trainer._compute_loss(policy, inputs, False)
        mask = completion[:, 1:]
        rows = [
            {"policy": p, "reference": r}
            for p, r in zip(pairs_of(token_logprobs(policy, ids), mask), pairs_of(token_logprobs(reference, ids), mask))
        ]
        if setting.get("weighting"):
            collisions = pairs_of((2 * log_softmax(policy, ids)).logsumexp(-1), mask)
            rows = [{**row, "collisions": c} for row, c in zip(rows, collisions)]
        options = {
            "type": [{"type": t, "weight": w} for t, w in zip(types, weights)], "beta": beta, "labelSmoothing": smoothing,
            "divergence": divergence, "divergenceAlpha": alpha, "ldAlpha": setting.get("ld_alpha"), "discopopTau": 0.05,
        }
        metrics = trainer._metrics["train"]
        logged = {k: metrics[f"rewards/{k}"][0] for k in ("accuracies", "margins")}
        yield {"call": "dpo", "options": options, "rows": rows, "loss": loss.item(), "logged": logged}


def side(ids, attention, completion):
    """CPO's and ORPO's columns of one side."""
    return {"input_ids": ids, "attention_mask": attention, "labels": torch.where(completion == 1, ids, -100)}


def two_sides(generator):
    ids, attention, completion = random_batch(generator, 8)
    batch = {}
    for name, part in (("chosen", slice(0, 4)), ("rejected", slice(4, 8))):
        for key, value in side(ids[part], attention[part], completion[part]).items():
            batch[f"{name}_{key}"] = value
    return batch, ids, attention, completion


def cpo_cases(generator, policy):
    for kind, cpo_alpha, alpha, smoothing in itertools.product(
        ("sigmoid", "hinge", "ipo", "simpo"), (0.0, 1.0), (0.0, 0.25, -0.3), (0.0, 0.15)
    ):
        batch, ids, _, completion = two_sides(generator)
        trainer = bare(
            CPOTrainer, policy, alpha=alpha, beta=0.7, loss_type=kind, simpo_gamma=0.5, label_smoothing=smoothing,
            cpo_alpha=cpo_alpha, pad_token_id=PAD,
        )
        loss, metrics = trainer.get_batch_loss_metrics(policy, batch)
        options = {"type": kind, "beta": 0.7, "gamma": 0.5, "labelSmoothing": smoothing, "cpoAlpha": cpo_alpha, "alpha": alpha}
        rows = pairs_of(token_logprobs(policy, ids), completion[:, 1:])
        logged = {k: metrics[f"rewards/{k}"] for k in ("accuracies", "margins")}
        yield {"call": "cpo", "options": options, "rows": rows, "loss": loss.item(), "logged": logged}
    configured = CPOConfig(output_dir="unused", loss_type="alphapo", bf16=False, use_cpu=True, report_to="none")
    yield {"call": "alphapo-config", "loss_type": configured.loss_type, "cpo_alpha": configured.cpo_alpha}


def orpo_cases(generator, policy):
    for beta in (0.1, 1.0, 0.3, 2.0):
        batch, ids, attention, completion = two_sides(generator)
        trainer = bare(ORPOTrainer, policy, beta=beta, padding_value=PAD)
        loss, metrics = trainer.get_batch_loss_metrics(policy, batch)
        logprobs = token_logprobs(policy, ids)
        prompts = picked(logprobs[:4], (attention - completion)[:4, 1:])
        rows = [{**pair, "prompt": p} for pair, p in zip(pairs_of(logprobs, completion[:, 1:]), prompts)]
        logged = {k: metrics[f"rewards/{k}"] for k in ("accuracies", "margins")}
        yield {"call": "orpo", "options": {"beta": beta}, "rows": rows, "loss": loss.item(), "logged": logged}


def kto_cases(generator, policy, reference):
    for kind, labels, weights in itertools.product(
        ("kto", "apo_zero_unpaired"),
        ([True, False, True, True, False, False], [True] * 6, [False] * 6),
        ((1.0, 1.0), (0.5, 1.4)),
    ):
        ids, attention, completion = random_batch(generator, 6)
        other = random_batch(generator, 6)
        trainer = bare(
            KTOTrainer, policy, ref_model=reference, beta=0.3, loss_type=kind, desirable_weight=weights[0],
            undesirable_weight=weights[1], calculate_KL=kind == "kto", precompute_ref_logps=False, use_liger_kernel=False,
            args=SimpleNamespace(gradient_checkpointing_kwargs=None),
        )
        batch = {"input_ids": ids, "attention_mask": attention, "completion_mask": completion, "label": torch.tensor(labels)}
        if kind == "kto":
            batch |= {"KL_input_ids": other[0], "KL_attention_mask": other[1], "KL_completion_mask": other[2]}
        loss = trainer._compute_loss(policy, batch, False)

        def both(tokens, mask):
            sides = [picked(token_logprobs(model, tokens), mask[:, 1:]) for model in (policy, reference)]
            return [{"policy": p, "reference": r} for p, r in zip(*sides)]

        rows = [{**row, "label": label} for row, label in zip(both(ids, completion), labels)]
        options = {"type": kind, "beta": 0.3, "desirableWeight": weights[0], "undesirableWeight": weights[1]}
        mismatched = both(other[0], other[2]) if kind == "kto" else None
        kl = trainer._metrics["train"]["kl"][0]
        yield {"call": "kto", "options": options, "rows": rows, "mismatched": mismatched, "kl": kl, "loss": loss.item()}


def reward_cases(generator):
    for margin, centering in itertools.product((False, True), (None, 0.01, 0.5)):
        rewards = 3 * torch.randn(12, generator=generator)
        margins = 3 * torch.rand(6, generator=generator)
        model = Rewards(rewards)
        trainer = bare(RewardTrainer, model, args=SimpleNamespace(center_rewards_coefficient=centering))
        inputs = {"attention_mask": torch.ones(12, 4)} | ({"margin": margins} if margin else {})
        loss = trainer.compute_loss(model, inputs)
        rows = [{"chosen": c, "rejected": r} for c, r in zip(rewards[:6].tolist(), rewards[6:].tolist())]
        if margin:
            rows = [{**row, "margin": m} for row, m in zip(rows, margins.tolist())]
        accuracy = trainer._metrics["train"]["accuracy"][0]
        options = {"centering": centering or 0}
        yield {"call": "reward", "options": options, "rows": rows, "loss": loss.item(), "accuracy": accuracy}


def grpo_cases(generator, policy, old, reference):
    plain = [(kind, level, GRPOTrainer) for kind in ("grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo") for level in ("token", "sequence")]
    tokenwise = [(kind, "sequence_token", GspoTokenTrainer) for kind in ("grpo", "bnpo", "dr_grpo", "dapo")]
    for (kind, level, trainer_class), (beta, corrected), delta, first_step in itertools.product(
        plain + tokenwise, ((0.0, True), (0.3, True), (0.3, False)), (None, 1.5), (False, True)
    ):
        if trainer_class is GspoTokenTrainer and corrected and beta:
            continue  # GSPO-token has no bias correction.
        ids, attention, completion = random_batch(generator, 6)
        mask = completion[:, PROMPT:].clone()
        mask[1, : 2 if mask[1].sum() > 2 else 1] = 0  # What a tool wrote.
        mask[4] = 0  # A completion that was cut off.
        high = 1.7 if kind == "cispo" else 0.28
        trainer = bare(
            trainer_class, policy, model_kwarg_keys=[], temperature=0.8, _entropy_bonus_enabled=False, top_entropy_quantile=1.0,
            off_policy_mask_threshold=None, importance_sampling_level=level, beta=beta, loss_type=kind, epsilon_low=0.2,
            epsilon_high=high, use_vllm=False, vllm_importance_sampling_correction=False, max_completion_length=9,
            current_gradient_accumulation_steps=1,
            args=SimpleNamespace(
                use_bias_correction_kl=corrected, delta=delta, sapo_temperature_pos=1.0, sapo_temperature_neg=1.05,
                steps_per_generation=1, report_to=[],
            ),
        )

        def logprobs(model):
            with torch.no_grad():
                tempered = (model(ids).logits[:, :-1] / 0.8).double().log_softmax(-1)
            return tempered.gather(-1, ids[:, 1:, None]).squeeze(-1)[:, PROMPT - 1 :]

        advantages = torch.randn(6, generator=generator)
        advantages[3] = 0.0
        inputs = {
            "prompt_ids": ids[:, :PROMPT], "prompt_mask": attention[:, :PROMPT], "completion_ids": ids[:, PROMPT:],
            "completion_mask": completion[:, PROMPT:], "tool_mask": mask, "advantages": advantages,
            "ref_per_token_logps": logprobs(reference).float(), "num_items_in_batch": torch.tensor(37.0),
        }
        if not first_step:
            inputs["old_per_token_logps"] = logprobs(old).float()
        loss = trainer._compute_loss(policy, inputs)
        rows = []
        for row in range(6):
            length = int(completion[row].sum())
            values = {name: [float(v) for v in logprobs(model)[row][:length]] for name, model in (("policy", policy), ("old", old), ("reference", reference))}
            if first_step:
                values.pop("old")
            rows.append({**values, "advantage": float(advantages[row]), "mask": [bool(m) for m in mask[row][:length]]})
        options = {
            "type": kind, "level": level, "epsilonLow": 0.2, "epsilonHigh": high, "delta": delta, "beta": beta,
            "maxCompletionLength": 9, "normalizer": 37,
        } | ({} if trainer_class is GspoTokenTrainer else {"biasCorrectedKl": corrected})
        kl = trainer._metrics["train"]["kl"][0] if beta else None
        yield {"call": "grpo", "options": options, "rows": rows, "loss": loss.item(), "kl": kl}


def tiny_grpo_trainer(functions):
    from datasets import Dataset
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<pad>", "<end>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>")
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )
    arguments = GRPOConfig(
        output_dir="unused", use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none", save_strategy="no",
        per_device_train_batch_size=8, num_generations=4, max_completion_length=2, disable_tqdm=True,
        reward_weights=[1.0, 0.5],
    )

    def unused(completions, **ignored):
        return [0.0] * len(completions)

    return GRPOTrainer(
        model=Qwen2ForCausalLM(config), reward_funcs=[unused] * functions, args=arguments, processing_class=fast,
        train_dataset=Dataset.from_dict({"prompt": ["a", "b"]}),
    )


def advantage_cases(generator):
    trainer = tiny_grpo_trainer(2)
    inputs = [{"prompt": prompt} for prompt in ("a", "b") for _ in range(4)]
    nan = float("nan")
    tables = [torch.randn(8, 2, generator=generator) for _ in range(3)]
    tables[1][2] = nan  # An unscored completion.
    tables[1][5, 0] = nan  # One function without an opinion.
    few = torch.full((8, 2), nan)
    few[0] = torch.tensor([1.0, 2.0])  # One scored in its group, and two in the batch.
    few[6, 1] = 0.5
    alone = torch.full((8, 2), nan)
    alone[3] = torch.tensor([0.3, 0.4])
    equal = torch.full((8, 2), 0.5)
    equal[4:, 0] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    for table, (scale, aggregation) in itertools.product(
        [*tables, few, alone, equal],
        (("group", "sum_then_normalize"), ("batch", "sum_then_normalize"), ("none", "sum_then_normalize"), ("group", "normalize_then_sum")),
    ):
        trainer.scale_rewards, trainer.multi_objective_aggregation = scale, aggregation
        trainer._calculate_rewards = lambda *ignored, given=table: given.clone()
        advantages = trainer._generate_and_score_completions(inputs)["advantages"]
        rows = [[None if math.isnan(v) else v for v in row] for row in table.tolist()]
        options = {"groupSize": 4, "weights": [1.0, 0.5], "scale": scale, "aggregation": aggregation}
        yield {"call": "advantages", "options": options, "rows": rows, "advantages": advantages.tolist()}


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(int(sys.argv[1]))
    policy, reference, old = Bigram(1, 0.8), Bigram(2, 0.8), Bigram(3, 0.8)
    with torch.no_grad():  # The model that sampled is close to the policy, so that ratios fall on both sides of every bound.
        old.after.copy_(policy.after + 0.15 * old.after)
        old.at.copy_(policy.at + 0.15 * old.at)
    with redirect_stdout(sys.stderr):
        cases = [
            *dpo_cases(generator, policy, reference),
            *cpo_cases(generator, policy),
            *orpo_cases(generator, policy),
            *kto_cases(generator, policy, reference),
            *reward_cases(generator),
            *grpo_cases(generator, policy, old, reference),
            *advantage_cases(generator),
        ]
    json.dump({"trl": trl.__version__, "cases": cases}, sys.stdout)


main()
