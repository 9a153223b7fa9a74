"""Trains tiny models by the scripts that lie in exports, and prints as JSON what became of them: `train_scripts.py FOLDER`, where
FOLDER holds the exports `pairs` (train_simpo.py) and `steps` (train_prm.py).
"""

import contextlib
import io
import json
import math
import os
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TRL_EXPERIMENTAL_SILENCE="1",
    TOKENIZERS_PARALLELISM="false",
    CUDA_VISIBLE_DEVICES="",
)
FOLDER = Path(sys.argv[1]).resolve()
SCRIPTS = Path(__file__).resolve().parents[2] / "src/trainers/python"
os.environ["HF_HOME"] = str(FOLDER / "hf-home")

import torch
from make_random_model import make_tokenizer
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM, Trainer

torch.set_num_threads(1)


def model_in(name, change=lambda model: model):
    folder = FOLDER / name
    folder.mkdir()
    make_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        num_key_value_heads=1,
        tie_word_embeddings=False,
        eos_token_id=2,
        bos_token_id=None,
        pad_token_id=0,
        **small,
    )
    change(Qwen2ForCausalLM(config)).save_pretrained(folder)
    return folder


def broken(model):
    """One weight of the embedding is infinite: so is every number that comes of its token."""
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = math.inf
    return model


TRAINED = []
train = Trainer.train


def watched(self, *args, **kwargs):
    TRAINED.append(self)
    return train(self, *args, **kwargs)


Trainer.train = watched


def run(export, script, model, name, flags):
    """What the script said, how it ended, the rows it kept, and its weights beside those that it began with."""
    output = FOLDER / f"{export}-{name}"
    sys.argv = [script, "--model", str(model), "--output", str(output), "--cpu", *flags]
    TRAINED.clear()
    said = io.StringIO()
    ended = None
    with contextlib.redirect_stdout(said):
        try:
            runpy.run_path(str(FOLDER / export / script), run_name="__main__")
        except SystemExit as error:
            ended = str(error.code)
    saved = sorted(str(path.relative_to(output)) for path in output.rglob("*.safetensors"))
    found = {"said": said.getvalue(), "ended": ended, "saved": saved}
    if TRAINED:
        [trainer] = TRAINED
        found["kept"] = len(trainer.train_dataset)
        found["losses"] = [str(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    if "model.safetensors" in saved:
        before, after = load_file(model / "model.safetensors"), load_file(output / "model.safetensors")
        shared = [key for key in after if key in before]
        found["finite"] = all(bool(weights.isfinite().all()) for weights in after.values())
        found["dtypes"] = sorted({str(weights.dtype) for weights in after.values()})
        moved = sum(int((after[key].float() != before[key].float()).sum()) for key in shared)
        found["moved"] = moved / sum(after[key].numel() for key in shared)
    return found


def images_stop():
    """What the callback of train_images.py makes of logged numbers: how it ends, or None."""
    stop = runpy.run_path(str(SCRIPTS / "train_images.py"))["stop_at_non_finite"]()
    found = []
    for fp16, logs in [
        (False, {"loss": math.nan}),
        (False, {"loss": 0.5, "grad_norm": math.inf}),
        (True, {"loss": 0.5, "grad_norm": math.inf}),
        (False, {"loss": 0.5, "grad_norm": 1.0}),
        (False, {"train_runtime": 1.0}),
    ]:
        try:
            stop.on_log(SimpleNamespace(fp16=fp16), SimpleNamespace(global_step=3), None, logs=logs)
            found.append(None)
        except SystemExit as error:
            found.append(str(error.code))
    return found


def main():
    whole, half, infinite = model_in("whole"), model_in("half", lambda model: model.bfloat16()), model_in("infinite", broken)
    found = {}
    for export, script in (("pairs", "train_simpo.py"), ("steps", "train_prm.py")):
        short = ["--max-length", "96", "--batch-size", "1"]
        found[export] = {
            "cut": run(export, script, whole, "cut", short),
            "nothing": run(export, script, whole, "nothing", ["--max-length", "3"]),
            "infinite": run(export, script, infinite, "infinite", short),
            "half": run(export, script, half, "half", [*short, "--steps", "3", "--learning-rate", "1e-6"]),
        }
    return {**found, "images": images_stop()}


print(json.dumps(main()))
