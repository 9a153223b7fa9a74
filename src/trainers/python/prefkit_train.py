"""Runs one training with TRL, as `prefkit train` planned it. `prefkit train` starts this file; it can be started by hand too.

    python prefkit_train.py --versions           prints the versions of what it needs, as JSON
    python prefkit_train.py RUN/config.json      trains

Lines on stdout that begin with MARK carry JSON: {"event": "start" | "log" | "summary" | "refused" | "end", ...}. All else
on stdout and stderr is the libraries' talk. With PREFKIT_TRAIN_SUPERVISED=1, stdin is the other way round: the line
"stop" asks for a checkpoint after the step under way and an end; a closed stdin means that nobody watches any more, and
the process ends at once.

Needs Python 3.10, torch, transformers 5.x, trl 1.x, accelerate, datasets; requests, which TRL imports for GRPO without asking for
it; peft for LoRA.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import importlib.metadata
import json
import math
import os
import sys
import threading
import time
import traceback
from array import array
from pathlib import Path

MARK = "@prefkit "
NEEDED = ("torch", "transformers", "trl", "accelerate", "datasets", "requests", "peft")
TRACED_STEPS = 4


class Refused(Exception):
    """The training cannot be what was asked for. `code` is one of prefkit's error codes."""

    def __init__(self, code: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.code = code
        self.fix = fix


@contextlib.contextmanager
def loading(what: str, place: str):
    """transformers tells of a folder that holds no model, or of an id that the hub does not know, in several classes of errors."""
    try:
        yield
    except Exception as error:
        raise Refused(
            "need_unmet",
            f"{what} {place} could not be loaded: {reason_of(error)}",
            "correct --model, or what it says; the whole story is in log.txt.",
        ) from error


def reason_of(error: BaseException) -> str:
    """The class and the first line of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


class NothingLeft(Exception):
    """The checkpoint that was to be gone on from is of the last step already."""


def is_main() -> bool:
    return os.environ.get("RANK", "0") == "0"


def say(event: str, **fields: object) -> None:
    """One line, in one write, so that lines of several processes do not mix."""
    if not is_main():
        return
    sys.stdout.write(f"\n{MARK}{json.dumps({'event': event, **fields}, allow_nan=False)}\n")
    sys.stdout.flush()


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in NEEDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def ids_hash(ids: list[int]) -> str:
    """First 32 hex digits of sha256 over the ids as little-endian 32-bit integers; prefkit's `idsHash`."""
    packed = array("i", ids)
    if sys.byteorder == "big":
        packed.byteswap()
    return hashlib.sha256(packed.tobytes()).hexdigest()[:32]


class Supervisor:
    """What stdin says, when somebody is there to say it."""

    def __init__(self) -> None:
        self.stop_asked = False
        if os.environ.get("PREFKIT_TRAIN_SUPERVISED") == "1" and is_main():
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                self.stop_asked = True
        # Nobody is there any more: what goes on would write into a directory that another run may take over.
        os._exit(70)


def numbers_of(logs: dict) -> tuple[dict[str, float | None], list[str]]:
    """The numbers among `logs`; NaN and infinities, which JSON has not, as None, and their names."""
    numbers: dict[str, float | None] = {}
    broken: list[str] = []
    for name, value in logs.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        finite = math.isfinite(value)
        numbers[name] = value if finite else None
        if not finite:
            broken.append(name)
    return numbers, broken


def reporter(supervisor: Supervisor, processes: int):
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Tells every logged step, and stops where asked, after the step under way, with a checkpoint."""

        def __init__(self) -> None:
            self.started = time.monotonic()

        def on_train_begin(self, args, state, control, **kwargs):
            # The trainer looks at its last step only after another one. The checkpoint is loaded by now.
            if state.global_step >= state.max_steps:
                raise NothingLeft

        def on_log(self, args, state, control, logs=None, **kwargs):
            if not state.is_world_process_zero or not logs:
                return
            numbers, broken = numbers_of(logs)
            seconds = round(time.monotonic() - self.started, 3)
            if "train_runtime" in numbers:
                say("summary", metrics=numbers)
                return
            numbers.pop("epoch", None)
            say(
                "log",
                step=state.global_step,
                epoch=state.epoch,
                of=state.max_steps,
                seconds=seconds,
                metrics=numbers,
                not_finite=broken,
            )
            dead = [name for name in ("loss", "grad_norm") if name in broken]
            # With float16 the scaler meets infinite gradients by design, and skips those steps.
            if dead and not args.fp16:
                raise Refused(
                    "not_finite",
                    f"{' and '.join(dead)} of step {state.global_step} {'are' if len(dead) > 1 else 'is'} not finite, so the "
                    "weights are lost.",
                    "lower --lr, or look at the rows of that step (--trace), and start over with --force: with --resume the same "
                    "settings would meet the same step.",
                )

        def on_step_end(self, args, state, control, **kwargs):
            asked = [supervisor.stop_asked]
            if processes > 1:
                # Every process has to stop at the same step, or those that go on wait for ever.
                from accelerate.utils import broadcast_object_list

                broadcast_object_list(asked, from_process=0)
            if asked[0] and state.global_step < state.max_steps:
                control.should_save = True
                control.should_training_stop = True

    return Reporter()


class Trace:
    """What the first losses were computed from, one JSON line per batch, when asked for. Written by the first process."""

    def __init__(self, path: Path | None) -> None:
        self.path = path if is_main() else None
        self.lines = 0

    @property
    def is_open(self) -> bool:
        return self.path is not None and self.lines < TRACED_STEPS

    def write(self, **fields: object) -> None:
        if not self.is_open:
            return
        self.lines += 1
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")


def make_arguments(config_class, config: dict, run: Path):
    """The TRL config: the settings, what this machine can do, and an error for names that TRL does not have."""
    import torch

    settings = dict(config["trainer"])
    known = {field.name for field in dataclasses.fields(config_class) if field.init}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise Refused(
            "bad_option",
            f"{config_class.__name__} of TRL {versions()['trl']} has no field {', '.join(unknown)}.",
            f"look the field up in TRL's documentation of {config_class.__name__}, and correct --set.",
        )
    has_gpu = torch.cuda.is_available() and not config["cpu"]
    if has_gpu:
        settings.setdefault("bf16", torch.cuda.is_bf16_supported())
    else:
        settings["use_cpu"] = True
        settings.setdefault("bf16", False)
        settings.setdefault("gradient_checkpointing", False)
    settings["output_dir"] = str(run / "checkpoints")
    require_kinds(config_class, config["trainer"])
    try:
        arguments = config_class(**settings)
    except (TypeError, ValueError) as error:
        raise Refused("bad_option", f"TRL refused the settings: {error}", "correct the option or --set it names.") from error
    return arguments, torch.cuda.get_device_name(0) if has_gpu else "cpu"


def require_kinds(config_class, settings: dict) -> None:
    """The config classes take a text for a number, and the training then fails somewhere deep in it."""
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    for name, value in settings.items():
        field = fields[name]
        if isinstance(value, str) and isinstance(field.default, (bool, int, float)) and "str" not in str(field.type):
            kind = "true or false" if isinstance(field.default, bool) else "a number"
            raise Refused("bad_option", f"{name} is {value!r}, and TRL takes {kind}.", f"correct --set {name}.")


def load_data(config: dict, run: Path, split: str):
    from datasets import load_dataset

    files = [str((run / path).resolve()) for path in config["data"]["files"].get(split, [])]
    if not files:
        return None
    kind = "json" if files[0].endswith(("jsonl", "json")) else "parquet"
    return load_dataset(kind, data_files={"data": files}, split="data", cache_dir=str(run / "cache"))


def with_reference(dataset, config: dict, run: Path):
    """The rows with the reference's log-probs beside them, which stand in the same order in a file of their own."""
    from datasets import concatenate_datasets, load_dataset

    path = str((run / config["reference"]["file"]).resolve())
    beside = load_dataset("parquet", data_files={"data": [path]}, split="data", cache_dir=str(run / "cache"))
    if len(beside) != len(dataset):
        raise Refused(
            "damaged_file",
            f"{path} has {len(beside)} rows for {len(dataset)} pairs.",
            "start the run over with --force.",
        )
    return concatenate_datasets([dataset, beside], axis=1)


def require_plain_sums(arguments) -> None:
    """The reference's log-probs are sums over whole responses, cut at their end."""
    if arguments.truncation_mode != "keep_start" or arguments.ld_alpha is not None:
        raise Refused(
            "bad_option",
            "log-probs of a reference were given, and with truncation_mode keep_end or ld_alpha the trainer needs those of "
            "other tokens.",
            "leave the setting out, or the log-probs: TRL then computes them.",
        )


def require_equal_tokens(dataset, max_length: int | None) -> None:
    """The reference's log-probs are sums over its own tokens: they mean nothing unless the trainer scores the same."""
    for row in dataset:
        for side in ("chosen", "rejected"):
            ids = (row["prompt_ids"] + row[f"{side}_ids"])[:max_length]
            count = len(ids) - len(row["prompt_ids"])
            given = row[f"ref_{side}_token_count"]
            what = None
            if count != given:
                what = f"the reference counted {given} tokens and the trainer counts {count}"
            elif ids_hash(ids) != row[f"ref_{side}_ids_hash"]:
                what = f"the reference scored other token ids than the trainer's, {count} in number as they are"
            if what is not None:
                raise Refused(
                    "need_unmet",
                    f"the {side} response of pair {row['prefkit_pair_id']}: {what}.",
                    "compute the reference's log-probs with this model's tokenizer and chat template and this --max-length, "
                    "or leave --reference-logprobs out: TRL then computes them.",
                )


def has_tokens(row: dict) -> bool:
    """Whether both responses have a token to score. CPOTrainer cuts a too long row's responses to max_length minus the longer
    one, to nothing even, and the mean log-prob of nothing is NaN."""
    return all(any(label != -100 for label in row[f"{side}_labels"][1:]) for side in ("chosen", "rejected"))


def count_cut(trainer, method: str) -> int:
    """Rows whose responses the trainer cuts at max_length."""
    if method == "dpo":
        limit = trainer.args.max_length or math.inf
        return sum(
            len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])) > limit
            for row in trainer.train_dataset
        )
    # CPOTrainer ends every whole answer with this token.
    end = trainer.processing_class.eos_token_id
    return sum(
        row["chosen_input_ids"][-1] != end or row["rejected_input_ids"][-1] != end for row in trainer.train_dataset
    )


def dpo_trainer():
    from trl import DPOTrainer

    class ReferencedDPOTrainer(DPOTrainer):
        """Takes the reference's log-probs from the dataset, where TRL would compute them again."""

        def _precompute_ref_logps(self, dataset, name, batch_size):
            if "ref_chosen_logps" not in dataset.column_names:
                return super()._precompute_ref_logps(dataset, name, batch_size)
            require_equal_tokens(dataset, self.args.max_length)
            own = [
                column
                for column in dataset.column_names
                if column == "prefkit_pair_id" or column.endswith(("_token_count", "_ids_hash"))
            ]
            return dataset.remove_columns(own)

    return ReferencedDPOTrainer


def simpo_trainer(trace: Trace):
    from trl.experimental.cpo import CPOTrainer

    class TracedCPOTrainer(CPOTrainer):
        """Keeps, for the first batches, each scored token's log-prob and the batch's loss."""

        def get_batch_logps(self, logits, labels, **options):
            if trace.is_open:
                logprobs = logits.detach()[:, :-1].float().log_softmax(-1)
                self.traced = []
                for row, ids in zip(logprobs, labels[:, 1:]):
                    kept = ids != -100
                    self.traced.append(row[kept].gather(-1, ids[kept].unsqueeze(-1)).squeeze(-1).tolist())
            return super().get_batch_logps(logits, labels, **options)

        def get_batch_loss_metrics(self, model, batch, train_eval="train"):
            loss, metrics = super().get_batch_loss_metrics(model, batch, train_eval)
            if trace.is_open and train_eval == "train":
                half = len(self.traced) // 2
                trace.write(
                    step=self.state.global_step + 1,
                    rows=[int(row) for row in batch["prefkit_row"]],
                    chosen=self.traced[:half],
                    rejected=self.traced[half:],
                    loss=loss.item(),
                )
            return loss, metrics

    return TracedCPOTrainer


def grpo_trainer(trace: Trace):
    from trl import GRPOTrainer

    class TracedGRPOTrainer(GRPOTrainer):
        """Keeps, for the first batches, what was rewarded, with what, and the advantage that came of it."""

        def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
            rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
            self.scored = (inputs, completions, rewards)
            return rewards

        def _generate_and_score_completions(self, inputs):
            output = super()._generate_and_score_completions(inputs)
            if trace.is_open:
                given, completions, rewards = self.scored
                size = len(given)
                trace.write(
                    step=self.state.global_step + 1,
                    prompt_ids=[row.get("prompt_id") for row in given],
                    completions=[text if isinstance(text, str) else text[-1]["content"] for text in completions],
                    rewards=[None if math.isnan(value) else value for value in rewards[:size, 0].tolist()],
                    advantages=output["advantages"].tolist(),
                )
            return output

    return TracedGRPOTrainer


def server_reward(config: dict, arguments):
    """Asks prefkit's server, and logs how long that took and how many completions, of all processes, it did not score."""
    import prefkit_reward

    os.environ["PREFKIT_REWARD_URL"] = config["reward"]["url"]

    # Equal prompts may follow each other; the groups are known by their size.
    os.environ["PREFKIT_GROUP_SIZE"] = str(arguments.num_generations)
    processes = arguments.world_size

    def prefkit(prompts, completions, log_metric=None, **columns):
        started = time.monotonic()
        rewards = prefkit_reward.trl_reward(prompts, completions, **columns)
        if log_metric is not None:
            log_metric("reward_seconds", time.monotonic() - started)
            # TRL logs the mean over processes: this makes it their sum.
            log_metric("unscored", float(processes * sum(reward is None for reward in rewards)))
        return rewards

    return prefkit


def load_tokenizer(config: dict):
    from transformers import AutoTokenizer

    with loading("the tokenizer of", config["model"]):
        tokenizer = AutoTokenizer.from_pretrained(config["model"])
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.chat_template is None:
        raise Refused(
            "need_unmet",
            f"the tokenizer of {config['model']} has no chat template, and the dataset holds conversations.",
            "train a model that has one, or put chat_template.jinja into the model's folder.",
        )
    return tokenizer


def load_model(config: dict, options: dict):
    """In float32 unless told: the checkpoint's own half precision would lose most updates of a small learning rate."""
    from transformers import AutoModelForCausalLM

    with loading("the model", config["model"]):
        return AutoModelForCausalLM.from_pretrained(config["model"], **{"dtype": "float32", **options})


def lora_of(config: dict):
    if config["lora"] is None:
        return None
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", **config["lora"])


def make_trainer(config: dict, run: Path):
    import transformers

    trace = Trace(run / "trace.jsonl" if config["trace"] else None)
    method = config["method"]
    if method == "simpo":
        from trl.experimental.cpo import CPOConfig as config_class
    elif method == "dpo":
        from trl import DPOConfig as config_class
    else:
        from trl import GRPOConfig as config_class
    model_options = dict(config["trainer"].pop("model_init_kwargs", None) or {})
    arguments, device = make_arguments(config_class, config, run)
    transformers.set_seed(arguments.seed)
    data = load_data(config, run, config["data"]["split"])
    given = len(data)
    wants_eval = str(getattr(arguments.eval_strategy, "value", arguments.eval_strategy)) != "no"
    shared = {
        "args": arguments,
        "eval_dataset": load_data(config, run, "test") if wants_eval else None,
        "processing_class": load_tokenizer(config),
        "peft_config": lora_of(config),
    }
    if method == "simpo":
        model = load_model(config, model_options)
        if config["trace"]:
            data = data.add_column("prefkit_row", list(range(given)))
        trainer = simpo_trainer(trace)(model=model, train_dataset=data, **shared)
        trainer.train_dataset = trainer.train_dataset.filter(has_tokens)
    else:
        # By name, so that TRL can load the reference the same way.
        arguments.model_init_kwargs = {"dtype": "float32", **model_options}
        if method == "dpo":
            if config["reference"] is not None:
                require_plain_sums(arguments)
                data = with_reference(data, config, run)
            trainer = dpo_trainer()(model=config["model"], train_dataset=data, **shared)
        else:
            reward = server_reward(config, arguments)
            trainer = grpo_trainer(trace)(
                model=config["model"], reward_funcs=reward, train_dataset=data, **shared
            )
    facts = {"device": device, "rows": given, "kept": len(trainer.train_dataset)}
    return trainer, {**facts, "truncated": None if method == "grpo" else count_cut(trainer, method)}


def train(config_path: Path) -> None:
    from transformers.trainer_callback import PrinterCallback

    supervisor = Supervisor()
    run = config_path.resolve().parent
    config = json.loads(config_path.read_text(encoding="utf-8"))
    trainer, facts = make_trainer(config, run)
    if trainer.args.world_size != config["processes"]:
        raise Refused(
            "bad_option",
            f"{config['processes']} processes were asked for, and {trainer.args.world_size} were started.",
            "give --processes the number of GPUs, or --cpu to train on the CPU.",
        )
    if facts["kept"] == 0:
        raise Refused(
            "empty_input",
            f"none of the {facts['rows']} rows has a response left within --max-length.",
            "raise --max-length.",
        )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(reporter(supervisor, trainer.args.world_size))
    say("start", versions=versions(), processes=trainer.args.world_size, **facts)
    resume = config["resume"]
    try:
        trainer.train(resume_from_checkpoint=str(run / resume) if resume else None)
    except NothingLeft:
        pass
    state = trainer.state
    if state.global_step < state.max_steps and supervisor.stop_asked:
        say("end", kind="stopped", step=state.global_step, of=state.max_steps)
        return
    trainer.save_model(str(run / "model"))
    say("end", kind="done", step=state.global_step, of=state.max_steps)


def refusal_of(error: Exception, config_path: Path) -> Refused | None:
    """What is no fault of the program, and has a remedy; None for all else, whose traceback is the best there is."""
    name, text = type(error).__name__, str(error)
    is_full = getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in text
    # torch says no more than that its writer failed, or that it stands elsewhere than it wrote.
    if is_full or "PytorchStreamWriter failed" in text or ("inline_container" in text and "unexpected pos" in text):
        return Refused(
            "io",
            f"{config_path.parent} could not be written to{', since the disk is full' if is_full else ''} ({reason_of(error)}).",
            "make room on its disk; --resume then goes on from the last whole checkpoint.",
        )
    if type(error).__module__ == "prefkit_reward":
        return Refused(
            "io",
            f"the reward server gave no rewards: {text.rstrip('.')}.",
            "see that `prefkit serve` runs there and takes the token; then give the same command, with --resume where steps were trained.",
        )
    if name == "SafetensorError":
        return Refused(
            "damaged_file",
            f"the weights could not be read ({reason_of(error)}).",
            "see that --model's folder was copied or downloaded to its end.",
        )
    if name == "OutOfMemoryError":
        return Refused(
            "need_unmet",
            f"the GPU has not enough memory ({reason_of(error)}).",
            "lower --batch-size and raise --grad-accum, lower --max-length or --max-completion-length, or train with --lora.",
        )
    return None


def main(arguments: list[str]) -> int:
    if arguments == ["--versions"]:
        print(MARK + json.dumps(versions()))
        return 0
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    try:
        train(Path(arguments[0]))
    except Exception as error:
        refusal = error if isinstance(error, Refused) else refusal_of(error, Path(arguments[0]).resolve())
        if refusal is None:
            raise
        if refusal is not error:
            traceback.print_exc()
        say("refused", code=refusal.code, problem=str(refusal), fix=refusal.fix)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
