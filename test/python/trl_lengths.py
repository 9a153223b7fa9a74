"""What TRL keeps of each row at a maximum length: prints JSON lines {method, max_length, rows: {row: [prompt, chosen, rejected]}}.

python trl_lengths.py TOKENIZER_FOLDER DATA.parquet MAX_LENGTH...
Counts are tokens after the trainer's own tokenization and cut; a row that is dropped is absent. A row is known by a column
`row`, which the trainers carry along.
"""

import json
import os
import sys
import tempfile

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TRL_EXPERIMENTAL_SILENCE="1",
    TOKENIZERS_PARALLELISM="false",
    CUDA_VISIBLE_DEVICES="",
)
scratch = tempfile.mkdtemp()
os.environ["HF_HOME"] = scratch

import torch
from datasets import load_dataset
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM, Qwen2ForSequenceClassification
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer

folder, data, *lengths = sys.argv[1:]


def tokenizer():
    made = AutoTokenizer.from_pretrained(folder)
    made.pad_token = made.eos_token
    return made


def config(**more):
    torch.manual_seed(0)
    return Qwen2Config(
        vocab_size=len(tokenizer()),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        pad_token_id=tokenizer().pad_token_id,
        **more,
    )


def dataset():
    read = load_dataset("parquet", data_files=data, split="train")
    return read.map(lambda row, index: {**row, "row": index}, with_indices=True)


def arguments(maker, max_length, **more):
    return maker(
        output_dir=scratch,
        max_length=max_length,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        disable_tqdm=True,
        per_device_train_batch_size=1,
        **more,
    )


def scored(labels):
    return sum(label != -100 for label in labels)


def dpo(max_length):
    made = DPOTrainer(
        Qwen2ForCausalLM(config()),
        Qwen2ForCausalLM(config()),
        args=arguments(DPOConfig, max_length),
        train_dataset=dataset(),
        processing_class=tokenizer(),
    )
    rows = {}
    for row in made.train_dataset:
        batch = made.data_collator([row])
        # The collator puts chosen before rejected.
        chosen, rejected = batch["completion_mask"].sum(dim=1).tolist()
        whole = batch["attention_mask"].sum(dim=1).tolist()
        rows[row["row"]] = [whole[0] - chosen, chosen, rejected]
    return rows


def cpo(max_length):
    model = Qwen2ForCausalLM(config())
    made = CPOTrainer(
        model,
        args=arguments(CPOConfig, max_length, loss_type="simpo", cpo_alpha=0.0),
        train_dataset=dataset(),
        processing_class=tokenizer(),
    )
    return {
        row["row"]: [
            len(row["chosen_labels"]) - scored(row["chosen_labels"]),
            scored(row["chosen_labels"]),
            scored(row["rejected_labels"]),
        ]
        for row in made.train_dataset
    }


def reward(max_length):
    model = Qwen2ForSequenceClassification(config(num_labels=1))
    made = RewardTrainer(
        model, args=arguments(RewardConfig, max_length), train_dataset=dataset(), processing_class=tokenizer()
    )
    # A reward model reads prompt and response as one: there is no prompt to count apart.
    return {row["row"]: [0, len(row["chosen_ids"]), len(row["rejected_ids"])] for row in made.train_dataset}


for length in map(int, lengths):
    for method, find in [("DPO", dpo), ("CPO (SimPO)", cpo), ("reward", reward)]:
        print(json.dumps({"method": method, "maxLength": length, "rows": find(length)}), flush=True)
