"""Rewards from a prefkit reward server (`prefkit serve`), for trainers. Standard library only, Python 3.9 and newer.

TRL          from prefkit_reward import trl_reward           GRPOTrainer(reward_funcs=trl_reward, ...)
verl         reward.custom_reward_function.path=prefkit_reward.py reward.custom_reward_function.name=compute_score_async
             (verl before 0.9: without `reward.`)
ms-swift     --external_plugins prefkit_reward.py --reward_funcs prefkit
OpenRLHF     --reward.remote_url http://HOST:PORT/get_reward (no Python needed), or this file's path (reward_func)

Set in the environment:
PREFKIT_REWARD_URL         one URL, or several separated by commas; default http://127.0.0.1:8300
PREFKIT_SERVE_TOKEN        the server's token, when it has one; or in the URL: http://any:TOKEN@HOST:PORT
PREFKIT_TIMEOUT            seconds for one try; default 180
PREFKIT_RETRIES            tries after the first, of each URL; default 30, which bears four minutes without a server
PREFKIT_GROUP_SIZE         TRL, ms-swift: completions per prompt; needed only where equal prompts may follow each other
PREFKIT_REFERENCE_COLUMN   TRL, ms-swift: the column with the reference answer; default reference
PREFKIT_METADATA           TRL, ms-swift: columns that are facts about the prompt, separated by commas; default: those
                           that are equal for all completions of a group. What the column `metadata` says wins
PREFKIT_ON_FAILURE         TRL, ms-swift: raise (default), or none: completions without an answer count as unscored
PREFKIT_UNSCORED           verl, OpenRLHF: the number that stands for no reward; default: there is none, and it raises
PREFKIT_NO_PROMPT          verl: 1 lets rows be scored whose extra_info holds no prompt

A response without a score has no reward: None, which TRL leaves out of its group's baseline (advantage 0). Never 0.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import http.client
import itertools
import json
import math
import os
import random
import ssl
import sys
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional, Union

__all__ = [
    "PrefkitClient",
    "PrefkitError",
    "compute_score",
    "compute_score_async",
    "default_client",
    "reward_func",
    "trl_reward",
    "trl_reward_async",
]

DEFAULT_URL = "http://127.0.0.1:8300"
RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
MAX_WAIT_SECONDS = 10.0
MAX_RETRY_AFTER_SECONDS = 60.0
# What goes into one request: a quarter of the bytes (--body-mb) and half of the responses that a server takes.
REQUEST_GROUPS = 32
REQUEST_RESPONSES = 4096
REQUEST_BYTES = 4 * 2**20
# As many samples of verl's wait for their groups at once, in each process.
WAITING_SAMPLES = 1024
# What trainers pass beside the dataset's columns, and columns that are no fact about the prompt.
NOT_METADATA = frozenset(
    {
        "trainer_state",
        "log_extra",
        "log_metric",
        "environments",
        "completion_ids",
        "chosen",
        "rejected",
        "margin",
        "score",
        "messages",
        "prompt_id",
        "tools",
        "metadata",
        # ms-swift's facts about the completion.
        "request_id",
        "finish_reason",
        "is_truncated",
        "rollout_infos",
        "response_token_ids",
        "response_loss_mask",
    }
)


class PrefkitError(RuntimeError):
    """The server cannot be reached, refuses the request, or answers something else than was asked.

    code: what the server called it (`bad_request`, `too_large`, `unscored`, ...); None where no server said.
    """

    def __init__(self, message: str, code: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code


class PrefkitClient:
    """Posts groups to one reward server, or to several behind one list.

    urls: one URL, a comma-separated list, or a list of them; a path at the end (`/score`, `/get_reward`) is left off,
    and the password in `http://any:TOKEN@host` is that server's token, in place of `token`.
    timeout: seconds for one try. retries: tries after the first, with growing pauses, or as long as the server's
    retry-after says; a server that is killed and started again is waited for. When one of several servers does not
    answer, the next one is asked at once; one try asks all of them.
    """

    def __init__(
        self,
        urls: Any = DEFAULT_URL,
        token: Optional[str] = None,
        timeout: float = 180.0,
        retries: int = 30,
    ) -> None:
        given = urls.split(",") if isinstance(urls, str) else list(urls)
        found = [_url_and_token(url) for url in given if url.strip()]
        self.urls = [url for url, _ in found]
        if not self.urls:
            raise PrefkitError("no URL of a prefkit reward server was given; set PREFKIT_REWARD_URL.")
        self.timeout = timeout
        self.retries = retries
        self._tokens = {url: _checked_token(own or token) for url, own in found}
        self._idle: dict[str, list[http.client.HTTPConnection]] = {}
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._turn = itertools.count()

    def score(self, groups: list[dict[str, Any]]) -> list[list[Optional[float]]]:
        """Rewards of whole groups: one list per group, in the order of its responses; None: unscored.

        groups: as `/score` takes them: {prompt, responses: [{id, text}], id?, reference?, metadata?}. The ids of
        responses must differ within the call; the answer is refused unless it has each of them once.
        """
        chunks = _chunks(groups)
        if len(chunks) <= 1:
            return [rewards for chunk in chunks for rewards in self._score_chunk(chunk, next(self._turn))]
        with ThreadPoolExecutor(max_workers=min(len(chunks), 4 * len(self.urls))) as threads:
            parts = list(threads.map(lambda chunk: self._score_chunk(chunk, next(self._turn)), chunks))
        return [rewards for part in parts for rewards in part]

    def score_one(self, group: dict[str, Any]) -> Optional[float]:
        """The reward of a group's one response. Samples of one prompt go to the same server, which gathers them."""
        return self.score_one_with_reason(group)[0]

    def score_one_with_reason(self, group: dict[str, Any]) -> tuple[Optional[float], str]:
        """`score_one`, and why there is no reward, as the server says it; empty where there is one."""
        data = _encoded(group)
        key = json.dumps([group.get("id"), group.get("prompt"), group.get("reference")], sort_keys=True)
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        [answer] = self._ask([(group, data)], int.from_bytes(digest[:4], "big"))
        [reward] = _rewards_of(group, answer)
        return reward, "" if reward is not None else _why_unscored(answer)

    def post(self, path: str, body: dict[str, Any], first: int = 0) -> dict[str, Any]:
        """Posts to the server number `first` of the list, then to the next ones, until one answers."""
        return self._post(path, _encoded(body), first)

    def _post(self, path: str, data: bytes, first: int) -> dict[str, Any]:
        problem, pause = "not tried", 0.0
        for tried in range(self.retries + 1):
            if tried > 0:
                time.sleep(pause * random.uniform(0.75, 1.25))
            pause = MAX_RETRY_AFTER_SECONDS
            for offset in range(len(self.urls)):
                url = self.urls[(first + offset) % len(self.urls)]
                wait = min(MAX_WAIT_SECONDS, 0.25 * 2 ** min(tried, 10))
                try:
                    status, retry_after, text = self._send(url, path, data)
                except (OSError, http.client.HTTPException) as error:
                    problem = f"{url}: {type(error).__name__}: {error}"
                else:
                    if status == 200:
                        return _parsed(url, text)
                    code, said = _error_of(status, text)
                    problem = f"{url} answered {status}: {said}"
                    # What no scorer could score now is told at once: the caller knows what stands for no reward.
                    if status not in RETRIED_STATUS or code == "unscored":
                        raise PrefkitError(problem, code)
                    if retry_after is not None:
                        wait = retry_after
                # All of them are asked again when the first of them may be ready.
                pause = min(pause, wait)
        raise PrefkitError(f"no reward after {self.retries + 1} tries; the last: {problem}")

    def _score_chunk(self, chunk: _Chunk, first: int) -> list[list[Optional[float]]]:
        return [_rewards_of(group, answer) for (group, _), answer in zip(chunk, self._ask(chunk, first))]

    def _ask(self, chunk: _Chunk, first: int) -> list[Any]:
        """The server's answer to each group; halves what is too long for it, between groups."""
        data = b'{"groups":[' + b",".join(encoded for _, encoded in chunk) + b"]}"
        try:
            answered = self._post("/score", data, first).get("groups")
        except PrefkitError as error:
            if error.code != "too_large":
                raise
            if len(chunk) == 1:
                fix = f"One group alone has {len(data)} bytes: start the server with a larger --body-mb."
                raise PrefkitError(f"{error} {fix}", error.code) from None
            half = len(chunk) // 2
            return self._ask(chunk[:half], first) + self._ask(chunk[half:], first)
        if not isinstance(answered, list) or len(answered) != len(chunk):
            raise PrefkitError(f"asked for {len(chunk)} groups, got {_count(answered)}.")
        return answered

    def _send(self, url: str, path: str, data: bytes) -> tuple[int, Optional[float], bytes]:
        connection, is_fresh = self._take(url)
        try:
            try:
                response = self._exchange(connection, url, path, data)
            except (ConnectionError, http.client.CannotSendRequest):
                if is_fresh:
                    raise
                # The server closed a connection that lay idle: that is no failure of the server.
                connection.close()
                connection = self._connect(url)
                response = self._exchange(connection, url, path, data)
            text = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.setdefault(url, []).append(connection)
        return response.status, _seconds(response.getheader("retry-after")), text

    def _exchange(
        self, connection: http.client.HTTPConnection, url: str, path: str, data: bytes
    ) -> http.client.HTTPResponse:
        headers = {"content-type": "application/json", "accept": "application/json"}
        token = self._tokens[url]
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            connection.request("POST", urllib.parse.urlsplit(url).path + path, body=data, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            # A body that is too long is not read to its end, and the answer that says so lies there.
            if connection.sock is None:
                raise
        return connection.getresponse()

    def _take(self, url: str) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._process != os.getpid():
                # A forked process must not write into its parent's connections.
                self._idle, self._process = {}, os.getpid()
            idle = self._idle.get(url)
            if idle:
                return idle.pop(), False
        return self._connect(url), True

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, parts.port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, parts.port, timeout=self.timeout)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for name in ("_idle", "_lock", "_turn"):
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._idle, self._lock, self._turn = {}, threading.Lock(), itertools.count()


_default: Optional[PrefkitClient] = None
_default_lock = threading.Lock()


def default_client() -> PrefkitClient:
    """The client that the environment describes, made once per process."""
    global _default
    with _default_lock:
        if _default is None:
            _default = PrefkitClient(
                os.environ.get("PREFKIT_REWARD_URL") or DEFAULT_URL,
                os.environ.get("PREFKIT_SERVE_TOKEN"),
                _setting("PREFKIT_TIMEOUT", 180.0),
                _setting("PREFKIT_RETRIES", 30),
            )
        return _default


def _setting(name: str, default: Any) -> Any:
    """A number of 0 or more from the environment, of the default's type."""
    given = os.environ.get(name)
    try:
        value = type(default)(given) if given else default
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise PrefkitError(f"{name} is {given!r}; set it to a number of 0 or more.")
    return value


# --- TRL -------------------------------------------------------------------------------------------------------------


def trl_reward(prompts: list[Any], completions: list[Any], **columns: Any) -> list[Optional[float]]:
    """A reward function for TRL's GRPOTrainer and RLOOTrainer.

    prompts, completions: texts or message lists, one per completion, the completions of a prompt in a row. The columns
    `prompt_id` and `reference` (PREFKIT_REFERENCE_COLUMN) are sent as such, `completion_ids` as token counts, other
    columns as the prompt's metadata where they are equal for all completions of a group, or as PREFKIT_METADATA names
    them; what the column `metadata` (JSON text of an object) says of the same name is sent in their place. Returns one
    reward per completion; None: unscored.
    """
    if len(prompts) != len(completions):
        raise PrefkitError(f"got {len(prompts)} prompts and {len(completions)} completions.")
    client = default_client()
    size = _setting("PREFKIT_GROUP_SIZE", 0)
    rewards: list[Optional[float]]
    try:
        groups = _groups_of(prompts, completions, columns, size)
        rewards = [reward for group in client.score(groups) for reward in group]
    except PrefkitError:
        if os.environ.get("PREFKIT_ON_FAILURE", "raise") != "none":
            raise
        rewards = [None] * len(completions)
    log_metric = columns.get("log_metric")
    if callable(log_metric) and rewards:
        log_metric("prefkit/unscored", sum(reward is None for reward in rewards) / len(rewards))
    return rewards


async def trl_reward_async(prompts: list[Any], completions: list[Any], **columns: Any) -> list[Optional[float]]:
    """`trl_reward` for trainers that gather several reward functions at once."""
    return await asyncio.to_thread(trl_reward, prompts, completions, **columns)


def _groups_of(
    prompts: list[Any], completions: list[Any], columns: dict[str, Any], size: int = 0
) -> list[dict[str, Any]]:
    """Cuts a batch into groups: rows in a row of one prompt, whatever else stands beside the completions."""
    reference_column = os.environ.get("PREFKIT_REFERENCE_COLUMN") or "reference"
    named = [name.strip() for name in (os.environ.get("PREFKIT_METADATA") or "").split(",") if name.strip()]
    others = [name for name in columns if name not in NOT_METADATA and name != reference_column]
    found: list[tuple[dict[str, Any], list[int]]] = []
    last = b""
    for row, prompt in enumerate(prompts):
        facts = _prompt_facts(prompt, row, columns, reference_column, named)
        key = _encoded(facts, sort_keys=True)
        if not found or key != last or (size and len(found[-1][1]) >= size):
            found.append((facts, []))
            last = key
        found[-1][1].append(row)
    return [_group_of(facts, rows, completions, columns, [] if named else others) for facts, rows in found]


def _group_of(
    facts: dict[str, Any], rows: list[int], completions: list[Any], columns: dict[str, Any], others: list[str]
) -> dict[str, Any]:
    group: dict[str, Any] = {**facts, "responses": []}
    # A column that differs within the group says something about the completion, not about the prompt.
    shared = {name: _cell(columns, name, rows[0]) for name in others if _is_one_value(columns, name, rows)}
    if shared:
        # What is declared keeps its type; the column of the same name may hold it as text.
        group["metadata"] = {**shared, **facts.get("metadata", {})}
    token_ids = columns.get("completion_ids")
    for row in rows:
        response = {"id": str(row), **_completion(completions[row])}
        if token_ids is not None:
            response["token_count"] = len(token_ids[row])
        group["responses"].append(response)
    return group


def _is_one_value(columns: dict[str, Any], name: str, rows: list[int]) -> bool:
    first = _cell(columns, name, rows[0])
    if first is None or not _is_json(first):
        return False
    text = json.dumps(first, sort_keys=True)
    for row in rows[1:]:
        value = _cell(columns, name, row)
        if value is not first and not (_is_json(value) and json.dumps(value, sort_keys=True) == text):
            return False
    return True


def _prompt_facts(
    prompt: Any, row: int, columns: dict[str, Any], reference_column: str, named: list[str]
) -> dict[str, Any]:
    """What makes rows belong to one prompt: its text, id, reference, tools, and metadata that is declared as such."""
    facts: dict[str, Any] = {"prompt": _prompt(prompt)}
    prompt_id = _cell(columns, "prompt_id", row)
    reference = _reference(_cell(columns, reference_column, row))
    tools = _cell(columns, "tools", row)
    own = _present({name: _cell(columns, name, row) for name in named})
    own.update(_metadata(_cell(columns, "metadata", row)))
    if prompt_id is not None:
        facts["id"] = str(prompt_id)
    if reference is not None:
        facts["reference"] = reference
    if tools:
        facts["tools"] = tools
    if own:
        facts["metadata"] = own
    return facts


def _metadata(value: Any) -> dict[str, Any]:
    """Facts about the prompt in one value; JSON text of an object is taken as it is, null too, as in files."""
    if not isinstance(value, str):
        # A table's struct has None for each field that a row lacks.
        return _present(value) if isinstance(value, dict) else {}
    try:
        found = json.loads(value)
    except ValueError:
        return {"metadata": value}
    return {name: item for name, item in found.items() if _is_json(item)} if isinstance(found, dict) else {}


def _present(values: dict[str, Any]) -> dict[str, Any]:
    """NaN, dates and pictures have no JSON; they count as missing."""
    return {name: value for name, value in values.items() if value is not None and _is_json(value)}


def _reference(value: Any) -> Union[str, int, float, None]:
    """A reference answer; None where there is none: a missing value, or NaN, as tables say it.

    Numbers and booleans stay what they are: the server writes them out as it does for files, 2.0 as 2.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()  # a number of numpy's or torch's, or several
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        if value != value:
            return None
        # Beyond that JSON readers round: text keeps every digit.
        return value if abs(value) < 2**53 else str(value)
    return json.dumps(value, default=str) if isinstance(value, (dict, list, tuple)) else str(value)


def _cell(columns: dict[str, Any], name: str, row: int) -> Any:
    column = columns.get(name)
    return column[row] if isinstance(column, (list, tuple)) and row < len(column) else None


def _prompt(prompt: Any) -> Any:
    if isinstance(prompt, str):
        return prompt
    messages = [dict(message) for message in prompt]
    # Some trainers hand over the conversation with the completion at its end.
    while messages and messages[-1].get("role") == "assistant":
        messages.pop()
    return messages


def _completion(completion: Any) -> dict[str, Any]:
    if isinstance(completion, str):
        return {"text": completion}
    turns = [turn for turn in completion if turn.get("role") == "assistant"]
    if not turns:
        return {"text": ""}
    content = turns[-1].get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    reasoning = turns[-1].get("reasoning_content")
    return {"text": content, "reasoning": reasoning} if reasoning else {"text": content}


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


# --- verl ------------------------------------------------------------------------------------------------------------


def compute_score(
    data_source: Any = None,
    solution_str: str = "",
    ground_truth: Any = None,
    extra_info: Optional[dict[str, Any]] = None,
    **_: Any,
) -> dict[str, float]:
    """verl's custom reward function: one sample per call. Start the server with --group-size to score groups.

    The prompt is read from extra_info (`prompt`, `messages` or `question`: text, a message list, or JSON text of one),
    its id from `prompt_id`, its metadata from `metadata` (JSON text of an object), beside data_source. Returns
    {"score", "unscored"}. verl knows no missing reward: unscored raises, unless PREFKIT_UNSCORED names the number to
    train on.
    """
    number = _number_for_unscored()
    info = dict(extra_info or {})
    group: dict[str, Any] = {"prompt": _verl_prompt(info), "responses": [{"id": "0", "text": solution_str}]}
    if info.get("prompt_id") is not None:
        group["id"] = str(info["prompt_id"])
    reference = _reference(ground_truth)
    if reference is not None and reference != "":
        group["reference"] = reference
    metadata = {} if data_source is None else {"data_source": str(data_source)}
    metadata.update(_metadata(info.get("metadata")))
    if metadata:
        group["metadata"] = metadata
    reward, why = default_client().score_one_with_reason(group)
    if reward is not None:
        return {"score": reward, "unscored": 0.0}
    if number is None:
        raise _no_number(why)
    return {"score": number, "unscored": 1.0}


async def compute_score_async(
    data_source: Any = None,
    solution_str: str = "",
    ground_truth: Any = None,
    extra_info: Optional[dict[str, Any]] = None,
    **others: Any,
) -> dict[str, float]:
    """`compute_score` for verl's reward loop.

    Samples wait for the others of their group, so many wait at once. asyncio's own threads are few (CPUs + 4, at most
    32): groups would wait for samples that wait for a thread, and verl decodes in the same threads.
    """
    work = functools.partial(compute_score, data_source, solution_str, ground_truth, extra_info, **others)
    return await asyncio.get_running_loop().run_in_executor(_waiting_threads(), work)


_waiting: Optional[ThreadPoolExecutor] = None
_waiting_process = 0


def _waiting_threads() -> ThreadPoolExecutor:
    """Threads that wait for the server, begun as they are needed; a forked process has none of its parent's."""
    global _waiting, _waiting_process
    with _default_lock:
        if _waiting is None or _waiting_process != os.getpid():
            _waiting = ThreadPoolExecutor(max_workers=WAITING_SAMPLES, thread_name_prefix="prefkit")
            _waiting_process = os.getpid()
        return _waiting


def _verl_prompt(info: dict[str, Any]) -> Any:
    for name in ("prompt", "messages", "question"):
        value = info.get(name)
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                return info[name]
            if not (isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value)):
                return info[name]
        if value is not None and len(value) > 0:
            return _prompt(value)
    if os.environ.get("PREFKIT_NO_PROMPT") == "1":
        return "(the trainer sent no prompt)"
    raise PrefkitError(
        "extra_info holds no prompt: write it as `prompt` into the data (prefkit export does), "
        "or set PREFKIT_NO_PROMPT=1 when no scorer looks at it."
    )


def _number_for_unscored() -> Optional[float]:
    """PREFKIT_UNSCORED, looked at before anything is asked; None: there is no such number."""
    given = os.environ.get("PREFKIT_UNSCORED")
    if not given:
        return None
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PrefkitError(f"PREFKIT_UNSCORED is {given!r}; set it to a finite number, or leave it out.")
    return number


def _no_number(why: str) -> PrefkitError:
    told = f" ({why})" if why else ""
    fix = "set PREFKIT_UNSCORED to the number that stands for no reward."
    return PrefkitError(f"a response was not scored{told}; {fix}", "unscored")


# --- OpenRLHF --------------------------------------------------------------------------------------------------------


def reward_func(queries: list[str], prompts: list[str], labels: list[str], **_: Any) -> dict[str, Any]:
    """For `--reward.remote_url prefkit_reward.py`. The URL of /get_reward does the same without Python.

    extra_logs.unscored is 1 where there was no reward and PREFKIT_UNSCORED, or the server's own number, stands for it.
    """
    number = _number_for_unscored()
    if not queries:
        return {"rewards": [], "scores": [], "extra_logs": {}}
    digest = hashlib.sha256(_encoded([prompts, labels])).digest()
    labels = list(labels) or [""] * len(queries)
    rows = list(zip(queries, prompts, labels))
    if not len(rows) == len(queries) == len(prompts) == len(labels):
        raise PrefkitError(f"got {len(queries)} queries, {len(prompts)} prompts and {len(labels)} labels.")
    given = _openrlhf_rewards(default_client(), rows, int.from_bytes(digest[:4], "big"), number)
    rewards, unscored = [reward for reward, _ in given], [flag for _, flag in given]
    try:
        import torch
    except ImportError:
        return {"rewards": rewards, "scores": rewards, "extra_logs": {"unscored": unscored}}
    tensor = torch.tensor(rewards)
    return {"rewards": tensor, "scores": tensor, "extra_logs": {"unscored": torch.tensor(unscored)}}


def _openrlhf_rewards(
    client: PrefkitClient, rows: list[tuple[str, str, str]], first: int, number: Optional[float]
) -> list[tuple[float, float]]:
    """Of each row its reward, and 1 where that is a number for none."""
    queries, prompts, labels = (list(column) for column in zip(*rows))
    try:
        answer = client.post("/get_reward", {"query": queries, "prompts": prompts, "labels": labels}, first)
    except PrefkitError as error:
        if error.code == "unscored":
            if number is None:
                raise _no_number(str(error)) from None
            if len(rows) == 1:
                return [(number, 1.0)]
        elif error.code != "too_large" or len(rows) == 1:
            raise
        # One row without a reward is refused with all that came along: each is asked for alone, at once, so that the
        # server can gather those of a group again.
        with ThreadPoolExecutor(max_workers=min(len(rows), 64)) as threads:
            parts = list(threads.map(lambda row: _openrlhf_rewards(client, [row], first, number), rows))
        return [reward for part in parts for reward in part]
    rewards = [_finite(reward) for reward in answer.get("rewards") or []]
    if len(rewards) != len(rows):
        raise PrefkitError(f"asked for {len(rows)} rewards, got {len(rewards)}.")
    logs = answer.get("extra_logs")
    flags = logs.get("unscored") if isinstance(logs, dict) else None
    if not isinstance(flags, list) or len(flags) != len(rows):
        flags = [0] * len(rows)
    found: list[tuple[float, float]] = []
    for reward, flag in zip(rewards, flags):
        if reward is not None and not flag:
            found.append((reward, 0.0))
            continue
        stands_for_none = number if number is not None else reward
        if stands_for_none is None:
            raise _no_number("")
        found.append((stands_for_none, 1.0))
    return found


# --- ms-swift --------------------------------------------------------------------------------------------------------


def _swift_rewards() -> Any:
    """ms-swift's registry of reward functions and their base class; (None, object) outside ms-swift."""
    if "swift" not in sys.modules:
        # ms-swift is loaded when it loads its plug-ins; other trainers must not wait for it.
        return None, object
    for module in ("swift.rewards", "swift.plugin.orm", "swift.plugin"):
        try:
            found = __import__(module, fromlist=["ORM", "orms"])
            return found.orms, found.ORM
        except (ImportError, AttributeError):
            continue
    return None, object


_orms, _ORM = _swift_rewards()


class PrefkitORM(_ORM):
    """ms-swift's shape of a reward function; registered as `prefkit`. The prompt is the column `messages`.

    ms-swift overwrites `prompt_id` with a number that it counts anew in every batch; it is no id and is not sent.
    """

    def __call__(self, completions: list[Any], **columns: Any) -> list[Optional[float]]:
        prompts = columns.get("messages") or columns.get("prompts")
        if prompts is None:
            raise PrefkitError("ms-swift passed neither messages nor prompts.")
        others = {name: column for name, column in columns.items() if name != "prompt_id"}
        return trl_reward(**{**others, "prompts": prompts, "completions": completions})


if _orms is not None:
    _orms["prefkit"] = PrefkitORM


# --- the wire --------------------------------------------------------------------------------------------------------


_Chunk = list[tuple[dict[str, Any], bytes]]  # Groups, each with its JSON.


def _url_and_token(url: str) -> tuple[str, Optional[str]]:
    """The URL up to the routes, without user and password, and the token that stands there. Errors show neither."""
    shown = url.strip().rpartition("@")[2]
    problem = PrefkitError(
        f"{shown!r} is no URL of a reward server; write http://HOST:PORT, or http://any:TOKEN@HOST:PORT "
        "with the token's special characters percent-encoded."
    )
    try:
        parts = urllib.parse.urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise problem from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise problem
    if port == 0 or "@" in parts.path + parts.query + parts.fragment:
        raise problem
    path = parts.path.rstrip("/")
    for route in ("/score", "/get_reward"):
        if path.endswith(route):
            path = path[: -len(route)]
    user, _, place = parts.netloc.rpartition("@")
    token = user.partition(":")[2] or user
    base = urllib.parse.urlunsplit((parts.scheme, place, path, "", ""))
    return base, urllib.parse.unquote(token) or None


def _checked_token(token: Optional[str]) -> Optional[str]:
    """A token that a header can carry; the standard library's own error would show it."""
    token = token.strip() if token else None
    if token and not all("!" <= character <= "~" for character in token):
        raise PrefkitError("the server's token has characters that a header cannot carry (it is not shown here).")
    return token or None


def _encoded(value: Any, sort_keys: bool = False) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, sort_keys=sort_keys).encode()
    except UnicodeEncodeError:
        # Half of a character pair has no UTF-8; its escape has.
        return json.dumps(value, allow_nan=False, sort_keys=sort_keys).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PrefkitError(f"what the trainer passed is no JSON: {error}.") from error


def _chunks(groups: list[dict[str, Any]]) -> list[_Chunk]:
    """Requests of bounded size, each of whole groups."""
    chunks: list[_Chunk] = []
    bytes_left = responses_left = 0
    for group in groups:
        data, responses = _encoded(group), len(group["responses"])
        is_full = not chunks or len(chunks[-1]) >= REQUEST_GROUPS
        if is_full or len(data) > bytes_left or responses > responses_left:
            chunks.append([])
            bytes_left, responses_left = REQUEST_BYTES, REQUEST_RESPONSES
        chunks[-1].append((group, data))
        bytes_left -= len(data) + 1
        responses_left -= responses
    return chunks


def _why_unscored(answer: dict[str, Any]) -> str:
    """Why a group's one response has no reward: its window closed short, the combine step's problem, its scorers."""
    reasons: list[str] = []
    gathered = answer.get("gathered")
    if isinstance(gathered, dict) and gathered.get("present") != gathered.get("expected"):
        reasons.append(f"{gathered.get('present')} of {gathered.get('expected')} of its group came in time")
    if answer.get("problem"):
        reasons.append(str(answer["problem"]).rstrip("."))
    scores = answer["responses"][0].get("scores")
    for name, score in (scores if isinstance(scores, dict) else {}).items():
        if isinstance(score, dict) and score.get("kind") in ("abstained", "failed"):
            reasons.append(f"{name} {score['kind']}: {score.get('code') or score.get('why')}")
    return "".join(c if c.isprintable() else "?" for c in "; ".join(reasons)[:400])


def _rewards_of(asked: dict[str, Any], got: Any) -> list[Optional[float]]:
    """The rewards by the ids that were sent; refuses ids and counts that were not asked for."""
    if not isinstance(got, dict) or not isinstance(got.get("responses"), list):
        raise PrefkitError("the server's answer holds a group without responses.")
    if "id" in asked and got.get("id") != asked["id"]:
        raise PrefkitError(f"asked for group {asked['id']!r}, got {got.get('id')!r}.")
    ids = [response["id"] for response in asked["responses"]]
    rewards: dict[Any, Optional[float]] = {}
    for response in got["responses"]:
        if not isinstance(response, dict) or "reward" not in response:
            raise PrefkitError("the server's answer holds a response without a reward.")
        if response.get("id") in rewards:
            raise PrefkitError(f"the server answered twice for response {response.get('id')!r}.")
        rewards[response.get("id")] = _finite(response["reward"])
    if set(rewards) != set(ids):
        raise PrefkitError(f"asked for responses {ids[:10]!r}, got {list(rewards)[:10]!r}.")
    return [rewards[own] for own in ids]


def _finite(value: Any) -> Optional[float]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise PrefkitError(f"the server answered {value!r} for a reward.")
    return float(value)


def _parsed(url: str, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise PrefkitError(f"{url} did not answer JSON; is it a prefkit server?") from error
    if not isinstance(answer, dict):
        raise PrefkitError(f"{url} did not answer an object; is it a prefkit server?")
    return answer


def _error_of(status: int, text: bytes) -> tuple[Optional[str], str]:
    """The code and the words of a refusal."""
    try:
        error = json.loads(text)["error"]
        return str(error["code"]), f"{error['code']}: {error['message']} Fix: {error['fix']}"
    except (ValueError, KeyError, TypeError):
        # A proxy before the server has words of its own.
        return "too_large" if status == 413 else None, text[:200].decode("utf-8", "replace")


def _seconds(value: Optional[str]) -> Optional[float]:
    try:
        seconds = float(value) if value else None
    except ValueError:
        return None
    return seconds if seconds is not None and seconds >= 0 else None


def _count(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else "none"
