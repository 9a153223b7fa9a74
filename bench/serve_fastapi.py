"""A reward server as one writes it in Python: FastAPI, one route, the rule of bench/serve.mjs. python serve_fastapi.py PORT."""

import re
import sys
from typing import List, Optional

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

ANSWER = re.compile(r"answer: (-?\d+)\s*$")
TAGS = re.compile(r"^<think>[\s\S]*?</think>")


class Response(BaseModel):
    id: str
    text: str


class Group(BaseModel):
    id: str
    prompt: str
    reference: Optional[str] = None
    responses: List[Response]


class Request(BaseModel):
    groups: List[Group]


app = FastAPI()


@app.post("/score")
async def score(request: Request):
    return {
        "groups": [
            {"id": group.id, "responses": [scored(response, group.reference) for response in group.responses]}
            for group in request.groups
        ],
        "missing": [],
    }


def scored(response, reference):
    found = ANSWER.search(response.text)
    correct = 1.0 if found and found.group(1) == reference else 0.0
    tags = 1.0 if TAGS.search(response.text) else 0.0
    return {
        "id": response.id,
        "reward": correct + 0.1 * tags,
        "scores": {"correct": {"kind": "scored", "value": correct}, "tags": {"kind": "scored", "value": tags}},
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
