"""Loads exports with their trainer's own code and prints what reaches the trainer, a JSON list per export, on the last line.

usage: load_exports.py TRAINER SCRATCH KIND=EXPORT_DIRECTORY...

Whatever the trainers import beside what reads data (engines, clusters, audio) is replaced by empty modules: see ABSENT.
"""

import importlib.abc
import importlib.machinery
import json
import os
import runpy
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
    "trl": "",
}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


# Templates of thinking models open the thoughts in the generation prompt, and write none for an answer without.
THINKING = TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")


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


def tokenizer_in(scratch, template=TEMPLATE, further=()):
    """A byte-level tokenizer with a ChatML template, whose decoding gives every text back."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|pad|>", *further]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = template
    folder = Path(scratch) / "tokenizer"
    made.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}))
    return made, folder


PARTS_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def vision_model_in(scratch):
    """A tiny LLaVA that has seen nothing: an image of 8 x 8 points is four patches, and so four tokens."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    folder = Path(scratch) / "vision"
    tokenizer, _ = tokenizer_in(scratch, PARTS_TEMPLATE, ["<image>"])
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}),
        tokenizer=tokenizer,
        patch_size=4,
        vision_feature_select_strategy="default",
        chat_template=PARTS_TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(**small, image_size=8, patch_size=4),
            text_config=LlamaConfig(**small, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id),
            image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
            vision_feature_layer=-1,
        )
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


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
    from axolotl.loaders import load_tokenizer
    from axolotl.utils.config import validate_config
    from axolotl.utils.data.rl import _load_split
    from axolotl.utils.data.sft import _load_and_prepare_datasets
    from axolotl.utils.dict import DictDefault

    _, folder = tokenizer_in(scratch, THINKING if kind == "reward" else TEMPLATE)
    os.chdir(directory)
    given = {**read_yaml(Path(directory, f"{kind}.yaml")), "base_model": str(folder)}
    config = validate_config(DictDefault(given))
    unknown = sorted(set(given) - set(config))
    if unknown:
        raise ValueError(f"axolotl does not know {unknown} in {kind}.yaml")
    config |= {
        "tokenizer_config": str(folder),
        # Of this class as it was saved: by the model's type axolotl would get Qwen's own, which normalizes texts.
        "tokenizer_type": "PreTrainedTokenizerFast",
        "base_model_config": str(folder),
        "dataset_prepared_path": str(Path(scratch, "prepared", kind)),
        "dataset_num_proc": 1,
        "shuffle_merged_datasets": False,
    }
    if kind == "grpo":
        return [{"row": row, **grpo_of(config)} for row in _load_split(config, split="train")]
    if config.rl:
        return [dict(row) for row in _load_split(config, split="train")]
    tokenizer = load_tokenizer(config)
    rows, _, _ = _load_and_prepare_datasets(tokenizer, config, split="train")
    return [
        {
            "model": config.type_of_model,
            **{name: tokenizer.decode(ids) for name, ids in row.items() if name.endswith("_ids")},
            "steps": steps_of(row, tokenizer),
        }
        for row in rows
    ]


def grpo_of(config):
    """The reward function that the settings name, found as axolotl finds it, and what TRL's own config makes of them."""
    from axolotl.core.trainers.grpo import GRPOStrategy
    from trl import GRPOConfig

    # As `python -m axolotl.cli.train`, by which axolotl starts a training.
    sys.path.insert(0, os.getcwd())
    [[reward]] = GRPOStrategy.set_trainer_args(config)
    fields = GRPOStrategy.set_training_args_kwargs(config)
    known = GRPOConfig(output_dir="unused", bf16=False, **{name: fields[name] for name in fields if name in GRPO_FIELDS})
    return {"reward": reward.__name__, "trl": {name: getattr(known, name) for name in GRPO_FIELDS}}


GRPO_FIELDS = ("num_generations", "max_completion_length", "temperature", "loss_type", "scale_rewards")


def steps_of(row, tokenizer):
    """Where the labels stand: the text up to and with each labelled token."""
    if "labels" not in row:
        return None
    return [
        [tokenizer.decode(row["input_ids"][: place + 1]), label]
        for place, label in enumerate(row["labels"])
        if label != -100
    ]


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


def trl(kind, directory, scratch):
    """One step of the script in the export, and what its batches are made of."""
    from transformers import Trainer

    trained = []
    train = Trainer.train
    Trainer.train = lambda self, *args, **kwargs: (trained.append(self), train(self, *args, **kwargs))[1]
    os.chdir(directory)
    flags = "--use_cpu --bf16 False --gradient_checkpointing False --max_steps 1 --logging_steps 1 --save_strategy no"
    sys.argv = ["train_images.py", kind, "--config", f"{kind}.yaml", "--model_name_or_path", str(vision_model_in(scratch))]
    sys.argv += [*flags.split(), "--dtype", "float32", "--disable_tqdm", "True", "--output_dir", f"{scratch}/{kind}-model"]
    runpy.run_path("train_images.py", run_name="__main__")
    Trainer.train = train
    [trainer] = trained
    return [
        {
            **batch_of(trainer, row),
            "colours": ["#%02x%02x%02x" % image.convert("RGB").getpixel((0, 0)) for image in row["images"]],
            "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        }
        for row in trainer.train_dataset
    ]


def batch_of(trainer, row):
    """The row as the trainer's own collator makes it alone: the texts of its sequences, and its images."""
    batch = trainer.data_collator([dict(row)])
    tokenizer = trainer.processing_class.tokenizer
    pixels = batch.get("pixel_values")
    return {
        "prompts": [tokenizer.decode(ids[mask == 0]) for ids, mask in masked(batch)],
        "responses": [tokenizer.decode(ids[mask == 1]) for ids, mask in masked(batch)],
        "pictures": 0 if pixels is None else len(pixels),
        "label": bool(batch["label"][0]) if "label" in batch else None,
    }


def masked(batch):
    """Ids that are not padding, with whether each is of the response."""
    for ids, given, response in zip(batch["input_ids"], batch["attention_mask"], batch["completion_mask"], strict=True):
        yield ids[given == 1], response[given == 1]


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
    "trl": trl,
}


def main():
    trainer, scratch, *exports = sys.argv[1:]
    warnings.simplefilter("ignore")
    sys.meta_path.insert(0, Finder(ABSENT[trainer].split()))
    rows = [LOADERS[trainer](*export.split("=", 1), scratch) for export in exports]
    print("\n" + json.dumps(rows, default=str))


if __name__ == "__main__":
    main()
