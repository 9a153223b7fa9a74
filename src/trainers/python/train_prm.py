"""A process reward model from the steps beside this file, with TRL 1.13's PRM trainer (TRL has no command for it).

python train_prm.py --model MODEL --output prm-model [--steps N] [--cpu]

A row is a prompt (text, no chat template), the steps and whether each is right. TRL puts `step_separator` after every step, and the
step's label (1 right, 0 wrong) on the separator's last token; all other tokens have none. What is longer than max_length is cut at
the end, its labels too; a row without a label left is left out, since the mean over none is NaN. Weights are trained in float32.
A loss or gradient that is not finite ends the training, and such weights are not saved.
"""

from __future__ import annotations

import argparse
import glob
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A process reward model from the steps beside this file.")
    parser.add_argument("--model", required=True, help="a folder or a name on the hub")
    parser.add_argument("--output", default=str(HERE.parent / "prm-model"))
    parser.add_argument("--step-separator", default="\n")
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=8, help="rows per step and device")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=-1, help="end after so many steps")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--cpu", action="store_true")
    return parser.parse_args()


def training_files() -> list[str]:
    """The files of the split train, and of no other whose name holds that word."""
    found = sorted((HERE / "data").glob("train-[0-9]*-of-[0-9]*.parquet"))
    return [glob.escape(str(path)) for path in found]


def has_labels(row: dict) -> bool:
    return any(label != -100 for label in row["labels"])


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
    from transformers import AutoModelForTokenClassification, AutoTokenizer
    from trl.experimental.prm import PRMConfig, PRMTrainer

    train = load_dataset("parquet", data_files=training_files(), split="train")
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    # The checkpoint's own half precision would lose most updates of so small a learning rate.
    model = AutoModelForTokenClassification.from_pretrained(given.model, num_labels=2, dtype="float32")
    config = PRMConfig(
        output_dir=given.output,
        step_separator=given.step_separator,
        learning_rate=given.learning_rate,
        max_length=given.max_length,
        per_device_train_batch_size=given.batch_size,
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
    trainer = PRMTrainer(
        model=model,
        args=config,
        processing_class=tokenizer,
        train_dataset=train,
        callbacks=[stop_at_non_finite()],
    )
    kept = trainer.train_dataset.filter(has_labels)
    if len(kept) < len(train):
        trainer.accelerator.print(
            f"{len(train) - len(kept)} of {len(train)} rows have no step's end within --max-length, and are left out."
        )
    if len(kept) == 0:
        sys.exit("No row is left: raise --max-length.")
    trainer.train_dataset = kept
    trainer.train()
    trainer.save_model(given.output)


if __name__ == "__main__":
    main()
