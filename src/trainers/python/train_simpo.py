"""SimPO on the pairs beside this file, with TRL 1.13's CPO trainer (TRL has no command for it).

python train_simpo.py --model MODEL --output simpo-model [--steps N] [--cpu]

Loss of a pair, with mean log-probs per token in nats:
    -log sigmoid(beta * (mean log p(chosen) - mean log p(rejected)) - gamma)

The target margin goes by two conventions:
    gamma itself               simpo_gamma in TRL, axolotl, LLaMA-Factory and ms-swift
    the ratio gamma / beta     gamma_beta_ratio in the authors' later code
so that simpo_gamma = gamma_beta_ratio * beta: the authors' ratio 0.5 at beta 2.0 is simpo_gamma 1.0. This script takes the ratio,
which need not be changed with beta. The authors start from beta 2.0 to 2.5 and ratio 0.5, at learning rate 1e-6 and a total batch
of 128; for Llama-3-Instruct v0.2 they took beta 10 and ratio 0.3. TRL's own defaults (beta 0.1, simpo_gamma 0.5) are not theirs.

cpo_alpha is 0.0: TRL's 1.0 would add the NLL of the chosen side, which is not SimPO.
The CPO trainer puts the end-of-sequence token after the rendered answer, also after a template's own line break; and where prompt
and longer response do not fit into max_length, it cuts the responses to max_length minus the longer response. A pair with a side of
which nothing is left is left out: its mean would be NaN. Weights are trained in float32. A loss or gradient that is not finite ends
the training, and such weights are not saved.
"""

from __future__ import annotations

import argparse
import glob
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="SimPO on the pairs beside this file.")
    parser.add_argument("--model", required=True, help="a folder or a name on the hub")
    parser.add_argument("--output", default=str(HERE.parent / "simpo-model"))
    parser.add_argument("--beta", type=float, default=2.0)
    parser.add_argument("--gamma-beta-ratio", type=float, default=0.5)
    parser.add_argument("--learning-rate", type=float, default=1e-6)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=2, help="pairs per step and device")
    parser.add_argument("--gradient-accumulation", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=-1, help="end after so many steps")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--cpu", action="store_true")
    return parser.parse_args()


def training_files() -> list[str]:
    """The files of the split train, and of no other whose name holds that word."""
    found = sorted((HERE / "data").glob("train-[0-9]*-of-[0-9]*.parquet"))
    return [glob.escape(str(path)) for path in found]


def has_tokens(row: dict) -> bool:
    """Whether both responses have a token to score."""
    return all(any(label != -100 for label in row[f"{side}_labels"][1:]) for side in ("chosen", "rejected"))


def stop_at_non_finite():
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        """Looks at every step's numbers, which are logged before anything is saved, and are the same in every process."""

        def on_log(self, args, state, control, logs=None, **kwargs):
            broken = [name for name in ("loss", "grad_norm") if not math.isfinite((logs or {}).get(name, 0.0))]
            if broken:
                sys.exit(
                    f"Not finite at step {state.global_step}: {' and '.join(broken)}. The weights are lost, and are not saved: lower "
                    "--learning-rate, or look at the model's own weights and at the rows of that step."
                )

    return Stop()


def main() -> None:
    given = arguments()
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    train = load_dataset("parquet", data_files=training_files(), split="train")
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    config = CPOConfig(
        output_dir=given.output,
        loss_type="simpo",
        cpo_alpha=0.0,
        beta=given.beta,
        simpo_gamma=given.gamma_beta_ratio * given.beta,
        learning_rate=given.learning_rate,
        max_length=given.max_length,
        per_device_train_batch_size=given.batch_size,
        gradient_accumulation_steps=given.gradient_accumulation,
        num_train_epochs=given.epochs,
        max_steps=given.steps,
        seed=given.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        use_cpu=given.cpu,
        bf16=not given.cpu,
        gradient_checkpointing=not given.cpu,
    )
    trainer = CPOTrainer(
        # The checkpoint's own half precision would lose most updates of so small a learning rate.
        model=AutoModelForCausalLM.from_pretrained(given.model, dtype="float32"),
        args=config,
        processing_class=tokenizer,
        train_dataset=train,
        callbacks=[stop_at_non_finite()],
    )
    kept = trainer.train_dataset.filter(has_tokens)
    if len(kept) < len(train):
        trainer.accelerator.print(
            f"{len(train) - len(kept)} of {len(train)} pairs have a side without a token within --max-length, and are left out."
        )
    if len(kept) == 0:
        sys.exit("No pair is left: raise --max-length.")
    trainer.train_dataset = kept
    trainer.train()
    trainer.save_model(given.output)


if __name__ == "__main__":
    main()
