"""Trains a tiny model for one step on each export below a folder, by the config or script that lies in the export, and prints as
JSON what reached the loss: `train_exports.py FOLDER`, where FOLDER holds dpo, dpo-text, splits, kto, reward, reward-text, prm and
grpo.
What lies in folders named layout-… is loaded alone.
"""

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
from pathlib import Path

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TRL_EXPERIMENTAL_SILENCE="1",
    TOKENIZERS_PARALLELISM="false",
    CUDA_VISIBLE_DEVICES="",
)
FOLDER = Path(sys.argv[1]).resolve()
os.environ["HF_HOME"] = str(FOLDER / "hf-home")

import torch  # noqa: E402
import trl  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, Trainer  # noqa: E402

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ON_CPU = ["--use_cpu", "--bf16", "False", "--gradient_checkpointing", "False", "--max_steps", "1", "--logging_steps", "1"]
QUICK = ["--save_strategy", "no", "--disable_tqdm", "True", "--per_device_train_batch_size", "2"]


def tiny_model(path):
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        ["What is 40 + 2?"],
        trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|pad|>")
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=2048,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return tokenizer


TRAINED = []
train = Trainer.train


def watched(self, *args, **kwargs):
    TRAINED.append(self)
    return train(self, *args, **kwargs)


Trainer.train = watched


def by_command(command, export, model):
    """As `trl COMMAND --config COMMAND.yaml --model_name_or_path MODEL` in the export's directory, in this process."""
    module = importlib.import_module(f"trl.scripts.{command}")
    os.chdir(FOLDER / export)
    arguments = ["--config", f"{command}.yaml", "--model_name_or_path", str(model), *ON_CPU, *QUICK]
    arguments += ["--output_dir", str(FOLDER / f"{export}-model")]
    if command != "reward":
        arguments += ["--dtype", "float32"]
    module.main(*module.make_parser().parse_args_and_config(args=arguments, fail_with_unknown_args=True))
    return TRAINED[-1]


def by_script(script, export, model):
    sys.argv = [script, "--model", str(model), "--output", str(FOLDER / f"{script}-model"), "--steps", "1", "--cpu"]
    sys.argv += ["--batch-size", "2"]
    runpy.run_path(str(FOLDER / export / script), run_name="__main__")
    return TRAINED[-1]


def rows(trainer, decode, lists=(), plain=()):
    found = []
    for row in trainer.train_dataset:
        found.append({name: decode(row[name]) for name in lists} | {name: row[name] for name in plain})
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"rows": found, "losses": losses, "type": type(trainer).__name__}


def simpo_rows(trainer, decode):
    found = rows(trainer, decode)
    found["rows"] = [
        {
            side: decode([token for token, label in zip(row[f"{side}_input_ids"], row[f"{side}_labels"]) if label != -100])
            for side in ("chosen", "rejected")
        }
        | {"prompt": decode(row["prompt_input_ids"])}
        for row in trainer.train_dataset
    ]
    found["args"] = {name: getattr(trainer.args, name) for name in ("beta", "simpo_gamma", "cpo_alpha", "loss_type")}
    return found


def grpo_config(model):
    """Parsed as `trl grpo` does, with the reward function imported as it does; a run needs a reward server."""
    os.chdir(FOLDER / "grpo")
    sys.path.insert(0, str(FOLDER / "grpo"))
    module = importlib.import_module("trl.scripts.grpo")
    arguments = ["--config", "grpo.yaml", "--model_name_or_path", str(model), "--use_cpu", "--bf16", "False"]
    script, training, *_ = module.make_parser().parse_args_and_config(args=arguments, fail_with_unknown_args=True)
    path, name = script.reward_funcs[0].rsplit(".", 1)
    from datasets import load_dataset

    loaded = load_dataset(script.dataset_name)
    return {
        "callable": callable(getattr(importlib.import_module(path), name)),
        "generations": training.num_generations,
        "rows": list(loaded["train"]),
    }


def splits_of(export):
    """Rows by split, as `load_dataset` opens an export and, by itself, the folder of its data."""
    from datasets import load_dataset

    opened = (load_dataset(str(FOLDER / export)), load_dataset(str(FOLDER / export / "data")))
    return [{split: len(rows) for split, rows in one.items()} for one in opened]


def loaded():
    """The layouts of public datasets, as `load_dataset` opens the folder."""
    from datasets import load_dataset

    exports = sorted(path for path in FOLDER.glob("layout-*") if path.is_dir())
    return {export.name: list(load_dataset(str(export), split="train")) for export in exports}


def main():
    model = FOLDER / "tiny"
    tokenizer = tiny_model(model)
    decode = tokenizer.decode
    found = {"versions": {"trl": trl.__version__, "torch": torch.__version__}}
    three = ("prompt_ids", "chosen_ids", "rejected_ids")
    for export in ("dpo", "dpo-text"):
        found[export] = rows(by_command("dpo", export, model), decode, three)
    found["simpo"] = simpo_rows(by_script("train_simpo.py", "dpo", model), decode)
    found["splits"] = {"opened": splits_of("splits"), "later": splits_of("later/splits")}
    trainer = by_command("dpo", "splits", model)
    found["splits"] |= {"dpo": len(trainer.train_dataset), "evaluated": len(trainer.eval_dataset)}
    found["splits"]["simpo"] = len(by_script("train_simpo.py", "splits", model).train_dataset)
    found["kto"] = rows(by_command("kto", "kto", model), decode, ("prompt_ids", "completion_ids"), ("label",))
    found["reward"] = rows(by_command("reward", "reward", model), decode, ("chosen_ids", "rejected_ids"), ("margin",))
    found["reward-text"] = rows(by_command("reward", "reward-text", model), decode, ("chosen_ids", "rejected_ids"))
    prm = by_script("train_prm.py", "prm", model)
    found["prm"] = rows(prm, decode, ("input_ids",), ("labels",))
    # Where the labels stand: the text up to and with each labelled token.
    for row, ids in zip(found["prm"]["rows"], prm.train_dataset["input_ids"]):
        places = [place for place, label in enumerate(row["labels"]) if label != -100]
        row["steps"] = [[decode(ids[: place + 1]), bool(row["labels"][place])] for place in places]
        del row["labels"]
    found["grpo"] = grpo_config(model)
    found["loaded"] = loaded()
    return found


said = io.StringIO()
try:
    with contextlib.redirect_stdout(said):
        result = main()
except BaseException:
    print(said.getvalue()[-4000:], file=sys.stderr)
    raise
print(json.dumps(result))
