"""Opens a table of a prefkit dataset by `datasets.load_dataset` and prints its rows and types as JSON; bytes as base64.

usage: open_dataset.py DATASET_DIR [CONFIG]
"""

import base64
import json
import sys

import datasets


def as_json(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(type(value))


def main(*args):
    found = datasets.load_dataset(*args)
    rows = [row for split in found.values() for row in split]
    features = {name: str(kind) for split in found.values() for name, kind in split.features.items()}
    json.dump({"splits": {name: len(split) for name, split in found.items()}, "features": features, "rows": rows}, sys.stdout, default=as_json)


if __name__ == "__main__":
    main(*sys.argv[1:])
