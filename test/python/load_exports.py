"""Loads exports with their trainer's own code and prints what reaches the trainer, a JSON list per export, on the last line.

usage: load_exports.py TRAINER SCRATCH KIND=EXPORT_DIRECTORY...

Whatever the trainers import beside what reads data (engines, clusters, audio) is replaced by empty modules: see ABSENT.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
import warnings
from pathlib import Path

ABSENT = {
    "openrlhf": "deepspeed flash_attn ray vllm loralib",
    "verl": "ray",
    "llama-factory": "torchaudio av",
    "axolotl": "posthog numba",
    "ms-swift": "oss2 torchaudio openai fastapi uvicorn aiohttp",
}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Empty(types.ModuleType):
    """A module of which every name is a class that takes anything, and a decorator that does nothing."""

    __path__: list[str] = []
    __version__ = "0.0.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(
            name,
            (),
            {
                "__new__": lambda cls, *args, **_: (
                    args[0] if len(args) == 1 and callable(args[0]) else object.__new__(cls)
                ),
                "__init__": lambda self, *args, **kwargs: None,
                "__call__": lambda self, function: function,
                "__class_getitem__": classmethod(lambda cls, _: cls),
            },
        )
        setattr(self, name, made)
        return made


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names):
        self.names = set(names)

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


def tokenizer_in(scratch):
    """A byte-level tokenizer with a ChatML template, whose decoding gives every text back."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    folder = Path(scratch) / "tokenizer"
    made.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}))
    return made, folder


def files_of(directory, split="train"):
    return sorted(str(path) for path in Path(directory, "data").glob(f"{split}-*.parquet"))


def openrlhf(kind, directory, scratch):
    from openrlhf.datasets.prompts_dataset import PromptDataset
    from openrlhf.datasets.reward_dataset import RewardDataset
    from openrlhf.datasets.utils import blending_datasets

    tokenizer, _ = tokenizer_in(scratch)
    data = types.SimpleNamespace(
        prompt_key="prompt",
        chosen_key="chosen",
        rejected_key="rejected",
        apply_chat_template=True,
        input_key="input",
        label_key="label",
    )
    strategy = types.SimpleNamespace(
        args=types.SimpleNamespace(data=data, use_ms=False), print=lambda *_: None, is_rank_0=lambda: False
    )
    rows = blending_datasets(",".join(files_of(directory)), None, strategy, 42)
    if kind == "prompts":
        prompts = PromptDataset(rows, tokenizer, strategy)
        return [
            {"datasource": source, "prompt": prompt, "label": label, "images": images}
            for source, prompt, label, images in (prompts[index] for index in range(len(prompts)))
        ]
    made = RewardDataset(rows, tokenizer, 4096, strategy, is_dpo=kind == "preference", num_processors=1)
    return [
        {
            "prompt": made.prompts[index],
            "chosen": tokenizer.decode(made[index][0][0]),
            "rejected": tokenizer.decode(made[index][2][0]),
            "extra": made[index][4],
        }
        for index in range(len(made))
    ]


def verl(_, directory, scratch):
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

    tokenizer, _ = tokenizer_in(scratch)
    config = OmegaConf.create(
        {
            "cache_dir": str(Path(scratch) / "verl"),
            "max_prompt_length": 4096,
            "filter_overlong_prompts": True,
            "filter_overlong_prompts_workers": 1,
        }
    )
    made = RLHFDataset(files_of(directory), tokenizer, config)
    collate_fn([made[index] for index in range(len(made))])
    names = ("data_source", "raw_prompt", "reward_model", "extra_info", "index")
    return [{name: made[index][name] for name in names} for index in range(len(made))]


def llama_factory(kind, directory, scratch):
    from llamafactory.data.loader import _load_single_dataset
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.data.processor import FeedbackDatasetProcessor, PairwiseDatasetProcessor
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments

    tokenizer, _ = tokenizer_in(scratch)
    settings = read_yaml(Path(directory, "dpo.yaml" if kind == "preference" else "kto.yaml"))
    data = DataArguments(
        dataset_dir=directory,
        dataset=settings["dataset"],
        cutoff_len=4096,
        template="chatml",
        media_dir=directory,
    )
    model = types.SimpleNamespace(cache_dir=str(Path(scratch) / "llamafactory"), hf_hub_token=None)
    training = types.SimpleNamespace(local_process_index=0)
    found = get_dataset_list(settings["dataset"].split(","), directory)
    aligned = [row for one in found for row in _load_single_dataset(one, model, data, training)]
    template = get_template_and_fix_tokenizer(tokenizer, data)
    processor = PairwiseDatasetProcessor if kind == "preference" else FeedbackDatasetProcessor
    batch = {name: [row[name] for row in aligned] for name in aligned[0]}
    encoded = processor(template=template, tokenizer=tokenizer, processor=None, data_args=data).preprocess_dataset(batch)

    def scored(labels):
        return tokenizer.decode([label for label in labels if label >= 0])

    if kind == "preference":
        texts = [
            {"prompt": tokenizer.decode(ids[: labels.count(-100)]), "chosen": scored(labels), "rejected": scored(other)}
            for ids, labels, other in zip(
                encoded["chosen_input_ids"], encoded["chosen_labels"], encoded["rejected_labels"], strict=True
            )
        ]
    else:
        texts = [
            {"completion": scored(labels), "label": tag}
            for labels, tag in zip(encoded["labels"], encoded["kto_tags"], strict=True)
        ]
    return [{"aligned": row, "texts": text} for row, text in zip(aligned, texts, strict=True)]


def axolotl(kind, directory, scratch):
    from axolotl.utils.data.rl import _load_split
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.enums import RLType

    _, folder = tokenizer_in(scratch)
    os.chdir(directory)
    config = DictDefault(
        {
            **read_yaml(Path(directory, f"{kind}.yaml")),
            "base_model": str(folder),
            "tokenizer_config": str(folder),
            "base_model_config": str(folder),
            "dataset_prepared_path": str(Path(scratch) / "prepared"),
            "dataset_num_proc": 1,
        }
    )
    config.rl = RLType(config.rl)
    made = _load_split(config, split="train")
    return [dict(row) for row in made]


def ms_swift(kind, directory, _):
    from swift.dataset import load_dataset
    from swift.template.template_inputs import TemplateInputs

    made, _ = load_dataset(files_of(directory), num_proc=1, remove_unused_columns=kind != "prompts", shuffle=False)
    rows = []
    for row in made:
        row = {name: value for name, value in row.items() if value is not None}
        inputs = TemplateInputs.from_dict(row)
        rows.append({"row": row, "chosen": sides_of(inputs.chosen), "rejected": sides_of(inputs.rejected)})
    return rows


def sides_of(inputs):
    if inputs is None:
        return None
    return {"system": inputs.system, "messages": inputs.messages, "label": inputs.label, "tools": inputs.tools}


def read_yaml(path):
    import yaml

    return yaml.safe_load(path.read_text())


LOADERS = {
    "openrlhf": openrlhf,
    "verl": verl,
    "llama-factory": llama_factory,
    "axolotl": axolotl,
    "ms-swift": ms_swift,
}


def main():
    trainer, scratch, *exports = sys.argv[1:]
    warnings.simplefilter("ignore")
    sys.meta_path.insert(0, Finder(ABSENT[trainer].split()))
    rows = [LOADERS[trainer](*export.split("=", 1), scratch) for export in exports]
    print("\n" + json.dumps(rows, default=str))


if __name__ == "__main__":
    main()
