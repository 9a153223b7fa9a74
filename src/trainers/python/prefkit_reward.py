"""Rewards from a prefkit reward server (`prefkit serve`), for trainers. Standard library only, Python 3.9 and newer.

TRL          from prefkit_reward import trl_reward           GRPOTrainer(reward_funcs=trl_reward, ...)
verl         custom_reward_function.path=prefkit_reward.py   (name: compute_score)
ms-swift     --external_plugins prefkit_reward.py --reward_funcs prefkit
OpenRLHF     --reward.remote_url http://HOST:PORT/get_reward (no Python needed), or this file's path (reward_func)

Set in the environment:
PREFKIT_REWARD_URL         one URL, or several separated by commas; default http://127.0.0.1:8300
PREFKIT_SERVE_TOKEN        the server's token, when it has one
PREFKIT_TIMEOUT            seconds for one try; default 180
PREFKIT_RETRIES            tries after the first; default 30, which bears about four minutes without a server
PREFKIT_GROUP_SIZE         TRL, ms-swift: completions per prompt; needed only where equal prompts may follow each other
PREFKIT_REFERENCE_COLUMN   TRL, ms-swift: the column with the reference answer; default reference
PREFKIT_ON_FAILURE         TRL, ms-swift: raise (default), or none: completions without an answer count as unscored
PREFKIT_UNSCORED           verl, OpenRLHF: the number that stands for no reward; default: there is none, and it raises
PREFKIT_NO_PROMPT          verl: 1 lets rows be scored whose extra_info holds no prompt

A response without a score has no reward: None, which TRL leaves out of its group's baseline (advantage 0). Never 0.
"""

from __future__ import annotations

import asyncio
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
from typing import Any, Optional

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
REQUEST_GROUPS = 32
REQUEST_CHARACTERS = 4_000_000
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
    }
)


class PrefkitError(RuntimeError):
    """The server cannot be reached, refuses the request, or answers something else than was asked."""


class PrefkitClient:
    """Posts groups to one reward server, or to several behind one list.

    urls: one URL, a comma-separated list, or a list of them; a path at the end (`/score`, `/get_reward`) is left off.
    timeout: seconds for one try. retries: tries after the first, with growing pauses, or as long as the server's
    retry-after says; a server that is killed and started again is waited for. When one of several servers does not
    answer, the next one is asked.
    """

    def __init__(
        self,
        urls: Any = DEFAULT_URL,
        token: Optional[str] = None,
        timeout: float = 180.0,
        retries: int = 30,
    ) -> None:
        given = urls.split(",") if isinstance(urls, str) else list(urls)
        self.urls = [_base_url(url) for url in given if url.strip()]
        if not self.urls:
            raise PrefkitError("no URL of a prefkit reward server was given; set PREFKIT_REWARD_URL.")
        self.timeout = timeout
        self.retries = retries
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
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
        key = json.dumps([group.get("id"), group.get("prompt"), group.get("reference")], sort_keys=True)
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        [[reward]] = self._score_chunk([group], int.from_bytes(digest[:4], "big"))
        return reward

    def post(self, path: str, body: dict[str, Any], first: int = 0) -> dict[str, Any]:
        """Posts to the server number `first` of the list, then to the next ones, until one answers."""
        data = json.dumps(body, allow_nan=False).encode("utf-8", "replace")
        problem = "not tried"
        for attempt in range(self.retries + 1):
            url = self.urls[(first + attempt) % len(self.urls)]
            wait = min(MAX_WAIT_SECONDS, 0.25 * 2 ** min(attempt // len(self.urls), 10))
            try:
                status, retry_after, text = self._send(url, path, data)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{url}: {type(error).__name__}: {error}"
            else:
                if status == 200:
                    return _parsed(url, text)
                problem = f"{url} answered {status}: {_error_text(text)}"
                if status not in RETRIED_STATUS:
                    raise PrefkitError(problem)
                if retry_after is not None:
                    wait = min(MAX_RETRY_AFTER_SECONDS, retry_after)
            if attempt < self.retries:
                # The next server of the list is asked at once; all of them again after a pause.
                is_round = (attempt + 1) % len(self.urls) == 0
                time.sleep(wait * random.uniform(0.75, 1.25) if is_round else 0.0)
        raise PrefkitError(f"no reward after {self.retries + 1} tries; the last: {problem}")

    def _score_chunk(self, groups: list[dict[str, Any]], first: int) -> list[list[Optional[float]]]:
        answer = self.post("/score", {"groups": groups}, first)
        answered = answer.get("groups")
        if not isinstance(answered, list) or len(answered) != len(groups):
            raise PrefkitError(f"asked for {len(groups)} groups, got {_count(answered)}.")
        return [_rewards_of(asked, got) for asked, got in zip(groups, answered)]

    def _send(self, url: str, path: str, data: bytes) -> tuple[int, Optional[float], bytes]:
        connection, is_fresh = self._take(url)
        try:
            prefix = urllib.parse.urlsplit(url).path
            try:
                connection.request("POST", prefix + path, body=data, headers=self._headers)
                response = connection.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
                if is_fresh:
                    raise
                # The server closed a connection that lay idle: that is no failure of the server.
                connection.close()
                connection = self._connect(url)
                connection.request("POST", prefix + path, body=data, headers=self._headers)
                response = connection.getresponse()
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
                float(os.environ.get("PREFKIT_TIMEOUT") or 180),
                int(os.environ.get("PREFKIT_RETRIES") or 30),
            )
        return _default


# --- TRL -------------------------------------------------------------------------------------------------------------


def trl_reward(prompts: list[Any], completions: list[Any], **columns: Any) -> list[Optional[float]]:
    """A reward function for TRL's GRPOTrainer and RLOOTrainer.

    prompts, completions: texts or message lists, one per completion, the completions of a prompt in a row. The columns
    `prompt_id` and `reference` (PREFKIT_REFERENCE_COLUMN) are sent as such, `completion_ids` as token counts, all other
    dataset columns as the prompt's metadata. Returns one reward per completion; None: unscored.
    """
    groups = _groups_of(prompts, completions, columns)
    try:
        rewards = [reward for group in default_client().score(groups) for reward in group]
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


def _groups_of(prompts: list[Any], completions: list[Any], columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Cuts a batch into groups: rows in a row that are alike in all but the completion."""
    if len(prompts) != len(completions):
        raise PrefkitError(f"got {len(prompts)} prompts and {len(completions)} completions.")
    size = int(os.environ.get("PREFKIT_GROUP_SIZE") or 0)
    reference_column = os.environ.get("PREFKIT_REFERENCE_COLUMN") or "reference"
    token_ids = columns.get("completion_ids")
    groups: list[dict[str, Any]] = []
    last = ""
    for row, (prompt, completion) in enumerate(zip(prompts, completions)):
        facts = _prompt_facts(prompt, row, columns, reference_column)
        key = json.dumps(facts, sort_keys=True)
        if not groups or key != last or (size and len(groups[-1]["responses"]) >= size):
            groups.append({**facts, "responses": []})
            last = key
        response = {"id": str(row), **_completion(completion)}
        if token_ids is not None:
            response["token_count"] = len(token_ids[row])
        groups[-1]["responses"].append(response)
    return groups


def _prompt_facts(prompt: Any, row: int, columns: dict[str, Any], reference_column: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"prompt": _prompt(prompt)}
    prompt_id = _cell(columns, "prompt_id", row)
    reference = _cell(columns, reference_column, row)
    tools = _cell(columns, "tools", row)
    metadata = _cell(columns, "metadata", row)
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            metadata = {"metadata": metadata}
    own = dict(metadata) if isinstance(metadata, dict) else {}
    for name in columns:
        if name in NOT_METADATA or name == reference_column:
            continue
        value = _cell(columns, name, row)
        if value is not None and _is_json(value):
            own[name] = value
    if prompt_id is not None:
        facts["id"] = str(prompt_id)
    if reference is not None:
        facts["reference"] = reference if isinstance(reference, str) else json.dumps(reference)
    if tools:
        facts["tools"] = tools
    if own:
        facts["metadata"] = own
    return facts


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
    except (TypeError, ValueError):
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
    its id from `prompt_id`. Returns {"score", "unscored"}. verl knows no missing reward: unscored raises, unless
    PREFKIT_UNSCORED names the number to train on.
    """
    info = dict(extra_info or {})
    group: dict[str, Any] = {"prompt": _verl_prompt(info), "responses": [{"id": "0", "text": solution_str}]}
    if info.get("prompt_id") is not None:
        group["id"] = str(info["prompt_id"])
    if ground_truth is not None and ground_truth != "":
        group["reference"] = ground_truth if isinstance(ground_truth, str) else json.dumps(ground_truth, default=str)
    if data_source is not None:
        group["metadata"] = {"data_source": str(data_source)}
    reward = default_client().score_one(group)
    if reward is not None:
        return {"score": reward, "unscored": 0.0}
    return {"score": _number_for_unscored(), "unscored": 1.0}


async def compute_score_async(
    data_source: Any = None,
    solution_str: str = "",
    ground_truth: Any = None,
    extra_info: Optional[dict[str, Any]] = None,
    **others: Any,
) -> dict[str, float]:
    """`compute_score` for verl's reward loop."""
    return await asyncio.to_thread(compute_score, data_source, solution_str, ground_truth, extra_info, **others)


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


def _number_for_unscored() -> float:
    given = os.environ.get("PREFKIT_UNSCORED")
    if given:
        return float(given)
    raise PrefkitError("a response was not scored; set PREFKIT_UNSCORED to the number that stands for no reward.")


# --- OpenRLHF --------------------------------------------------------------------------------------------------------


def reward_func(queries: list[str], prompts: list[str], labels: list[str], **_: Any) -> dict[str, Any]:
    """For `--reward.remote_url prefkit_reward.py`. The URL of /get_reward does the same without Python."""
    if not queries:
        return {"rewards": [], "scores": [], "extra_logs": {}}
    digest = hashlib.sha256(json.dumps([prompts, labels]).encode("utf-8", "replace")).digest()
    answer = default_client().post(
        "/get_reward", {"query": queries, "prompts": prompts, "labels": labels}, int.from_bytes(digest[:4], "big")
    )
    rewards = [_finite(reward) for reward in answer.get("rewards") or []]
    if len(rewards) != len(queries):
        raise PrefkitError(f"asked for {len(queries)} rewards, got {len(rewards)}.")
    filled = [_number_for_unscored() if reward is None else reward for reward in rewards]
    try:
        import torch
    except ImportError:
        return {"rewards": filled, "scores": filled, "extra_logs": answer.get("extra_logs") or {}}
    tensor = torch.tensor(filled)
    logs = {name: torch.tensor(values) for name, values in (answer.get("extra_logs") or {}).items()}
    return {"rewards": tensor, "scores": tensor, "extra_logs": logs}


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
    """ms-swift's shape of a reward function; registered as `prefkit`. The prompt is the column `messages`."""

    def __call__(self, completions: list[Any], **columns: Any) -> list[Optional[float]]:
        prompts = columns.get("messages") or columns.get("prompts")
        if prompts is None:
            raise PrefkitError("ms-swift passed neither messages nor prompts.")
        return trl_reward(**{**columns, "prompts": prompts, "completions": completions})


if _orms is not None:
    _orms["prefkit"] = PrefkitORM


# --- the wire --------------------------------------------------------------------------------------------------------


def _base_url(url: str) -> str:
    parts = urllib.parse.urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PrefkitError(f"{url!r} is no URL of a reward server; write http://HOST:PORT.")
    path = parts.path.rstrip("/")
    for route in ("/score", "/get_reward"):
        if path.endswith(route):
            path = path[: -len(route)]
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _chunks(groups: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Requests of bounded size, each of whole groups."""
    chunks: list[list[dict[str, Any]]] = []
    room = 0
    for group in groups:
        length = sum(len(response["text"]) for response in group["responses"])
        if not chunks or len(chunks[-1]) >= REQUEST_GROUPS or length > room:
            chunks.append([])
            room = REQUEST_CHARACTERS
        chunks[-1].append(group)
        room -= length
    return chunks


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


def _error_text(text: bytes) -> str:
    try:
        error = json.loads(text)["error"]
        return f"{error['code']}: {error['message']} Fix: {error['fix']}"
    except (ValueError, KeyError, TypeError):
        return text[:200].decode("utf-8", "replace")


def _seconds(value: Optional[str]) -> Optional[float]:
    try:
        seconds = float(value) if value else None
    except ValueError:
        return None
    return seconds if seconds is not None and seconds >= 0 else None


def _count(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else "none"
