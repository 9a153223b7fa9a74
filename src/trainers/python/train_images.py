"""Trains a vision model on the rows with images beside this file, with TRL 1.13's DPO or KTO trainer. In this directory:

python train_images.py dpo --config dpo.yaml --model_name_or_path MODEL [flags of `trl dpo`]
python train_images.py kto --config kto.yaml --model_name_or_path MODEL [flags of `trl kto`]

As `trl dpo` and `trl kto`, but that the column `images` is read as pictures: TRL would be given bytes and paths otherwise. It needs
Pillow, and what the model's processor needs. A relative path of an image is looked for in the directory that this runs in.
Every step is logged. A loss or gradient that is not finite ends the training, and such weights are not saved.
"""

from __future__ import annotations

import math
import sys

METHODS = {"dpo": "DPO", "kto": "KTO"}
# The filter would log a loss that is not finite as 0.
EVERY_STEP = "--logging_strategy steps --logging_steps 1 --logging_nan_inf_filter False".split()


def stop_at_non_finite():
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        """Looks at every step's numbers, which are logged before anything is saved, and are the same in every process."""

        def on_log(self, args, state, control, logs=None, **kwargs):
            # With float16 the scaler meets infinite gradients by design, and skips those steps.
            names = ("loss",) if args.fp16 else ("loss", "grad_norm")
            broken = [name for name in names if not math.isfinite((logs or {}).get(name, 0.0))]
            if broken:
                sys.exit(
                    f"Not finite at step {state.global_step}: {' and '.join(broken)}. The weights are lost, and are not saved: lower "
                    "--learning_rate, or look at the model's own weights and at the rows of that step."
                )

    return Stop()


def main() -> None:
    method = METHODS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if method is None:
        sys.exit(__doc__)
    import trl
    from datasets import Image, List, load_dataset

    config, trainer = getattr(trl, f"{method}Config"), getattr(trl, f"{method}Trainer")
    parser = trl.TrlParser((trl.ScriptArguments, config, trl.ModelConfig))
    given = [*sys.argv[2:], *EVERY_STEP]
    script, training, model = parser.parse_args_and_config(args=given, fail_with_unknown_args=True)
    training.model_init_kwargs = {
        "revision": model.model_revision,
        "trust_remote_code": training.trust_remote_code,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
    }
    rows = load_dataset(script.dataset_name).cast_column("images", List(Image()))
    made = trainer(
        model=model.model_name_or_path,
        args=training,
        train_dataset=rows[script.dataset_train_split],
        eval_dataset=rows[script.dataset_test_split] if training.eval_strategy != "no" else None,
        quantization_config=trl.get_quantization_config(model),
        peft_config=trl.get_peft_config(model),
        callbacks=[stop_at_non_finite()],
    )
    made.train()
    made.save_model(training.output_dir)


if __name__ == "__main__":
    main()
