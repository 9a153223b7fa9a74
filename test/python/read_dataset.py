"""Reads a prefkit dataset with the readers of the Python world and compares every value and type with what was put in.

usage: read_dataset.py DATASET_DIR EXPECTED.json

Readers: `datasets.load_dataset` (each config by name, and the default one), pyarrow, DuckDB. Prints a line per check; exits 1 at the
first difference. Needs no network.
"""

import hashlib
import json
import sys
from pathlib import Path

import datasets
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SCHEMAS = {
    "pairs": pa.schema(
        [
            ("pair_id", pa.string()),
            ("prompt_id", pa.string()),
            ("prompt", MESSAGES),
            ("chosen", MESSAGES),
            ("rejected", MESSAGES),
            ("score_chosen", pa.float64()),
            ("score_rejected", pa.float64()),
            ("reward_margin", pa.float64()),
            ("chosen_id", pa.string()),
            ("rejected_id", pa.string()),
            ("rule", pa.string()),
            ("metadata", pa.string()),
        ]
    ),
    "groups": pa.schema(
        [
            ("prompt_id", pa.string()),
            ("prompt", MESSAGES),
            ("reference", pa.string()),
            (
                "responses",
                pa.list_(
                    pa.struct(
                        [
                            ("response_id", pa.string()),
                            ("text", pa.string()),
                            ("reasoning", pa.string()),
                            ("role", pa.string()),
                            ("model", pa.string()),
                            ("finish_reason", pa.string()),
                            ("token_count", pa.int64()),
                            ("sum_logprob", pa.float64()),
                            ("reward", pa.float64()),
                            ("metadata", pa.string()),
                        ]
                    )
                ),
            ),
            ("sibling_id", pa.string()),
            ("metadata", pa.string()),
        ]
    ),
    "scores": pa.schema(
        [
            ("prompt_id", pa.string()),
            ("response_id", pa.string()),
            ("name", pa.string()),
            ("scorer", pa.string()),
            ("version", pa.int64()),
            ("config_hash", pa.string()),
            ("kind", pa.string()),
            ("value", pa.float64()),
            ("code", pa.string()),
            ("why", pa.string()),
            ("parts", pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64())]))),
            (
                "spans",
                pa.list_(
                    pa.struct(
                        [("start", pa.int64()), ("end", pa.int64()), ("value", pa.float64()), ("label", pa.string())]
                    )
                ),
            ),
            ("raw", pa.string()),
        ]
    ),
}


def content_hash(value):
    """First 32 hex digits of sha256 over canonical JSON; for strings and small integers Python's own JSON is canonical."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def with_ids(expected):
    """Adds the ids, worked out here from their definition, and drops what the tables do not have."""
    ids = {}
    for group in expected["groups"]:
        seen = {}
        for response in group["responses"]:
            k = seen.get(response["text"], 0)
            seen[response["text"]] = k + 1
            response["response_id"] = content_hash([group["prompt_id"], response["text"], k])
            ids.setdefault((group["prompt_id"], response["text"]), response["response_id"])
    for score in expected["scores"]:
        score["response_id"] = ids[(score["prompt_id"], score.pop("text"))]
    for pair in expected["pairs"]:
        pair["chosen_id"] = ids[(pair["prompt_id"], pair["chosen"][0]["content"])]
        pair["rejected_id"] = ids[(pair["prompt_id"], pair["rejected"][0]["content"])]
        pair["pair_id"] = content_hash([pair["prompt_id"], pair["chosen_id"], pair["rejected_id"], pair["rule"]])
    return expected


def readable(row):
    """JSON columns parsed, and what is told apart elsewhere left out."""
    row = dict(row)
    row.pop("config_hash", None)
    if "metadata" in row:
        row["metadata"] = json.loads(row["metadata"])
    if "responses" in row:
        row["responses"] = [{**response, "metadata": json.loads(response["metadata"])} for response in row["responses"]]
    return row


KEYS = {
    "pairs": lambda row: row["pair_id"],
    "groups": lambda row: row["prompt_id"],
    "scores": lambda row: (row["response_id"], row["name"]),
}


def first_difference(got, want, path=""):
    if isinstance(want, dict) and isinstance(got, dict):
        if set(got) != set(want):
            return f"{path}: keys {sorted(set(got) ^ set(want))} on one side only"
        differences = (first_difference(got[key], want[key], f"{path}.{key}") for key in want)
        return next((difference for difference in differences if difference), None)
    if isinstance(want, list) and isinstance(got, list):
        if len(got) != len(want):
            return f"{path}: {len(got)} items, not {len(want)}"
        differences = (first_difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(got, want)))
        return next((difference for difference in differences if difference), None)
    # Numbers by value: JSON says 1 where a double column says 1.0. Anything else by type too.
    numbers = isinstance(got, (int, float)) and isinstance(want, (int, float))
    if got == want and (numbers or type(got) is type(want)):
        return None
    return f"{path}: got {str(got)[:80]!r}, not {str(want)[:80]!r}"


def same_rows(reader, table, got, want):
    key = KEYS[table]
    got = sorted((readable(row) for row in got), key=key)
    want = sorted(want, key=key)
    difference = first_difference(got, want, table)
    if difference:
        sys.exit(f"{reader}: {difference}")
    print(f"{reader}: {table}, {len(got)} rows, every value as it was put in")


def same_types(reader, table, got, want):
    if got != want:
        sys.exit(f"{reader}: the types of {table} are\n{got}\nnot\n{want}")
    print(f"{reader}: {table}, types as designed")


def all_splits(found):
    return [row for split in found.values() for row in split]


def duck_type(arrow_type):
    if pa.types.is_list(arrow_type):
        return f"{duck_type(arrow_type.value_type)}[]"
    if pa.types.is_struct(arrow_type):
        fields = ", ".join(f"{field.name} {duck_type(field.type)}" for field in arrow_type)
        return f"STRUCT({fields})"
    return {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE"}[arrow_type]


def main(directory, expected_path):
    directory = Path(directory)
    expected = with_ids(json.loads(Path(expected_path).read_text(encoding="utf-8")))

    same_rows("load_dataset(dir)", "pairs", all_splits(datasets.load_dataset(str(directory))), expected["pairs"])
    for table, schema in SCHEMAS.items():
        found = datasets.load_dataset(str(directory), table)
        for split in found.values():
            same_types(f'load_dataset(dir, "{table}")', table, split.features, datasets.Features.from_arrow_schema(schema))
        same_rows(f'load_dataset(dir, "{table}")', table, all_splits(found), expected[table])

        files = sorted((directory / table).glob("*.parquet"))
        tables = [pq.read_table(file) for file in files]
        for read in tables:
            same_types("pyarrow", table, nameless(read.schema), nameless(schema))
        same_rows("pyarrow", table, [row for read in tables for row in read.to_pylist()], expected[table])

        connection = duckdb.connect()
        relation = connection.sql(f"SELECT * FROM read_parquet('{directory / table}/*.parquet')")
        types = [str(kind).replace('"', "") for kind in relation.types]
        same_types("DuckDB", table, dict(zip(relation.columns, types)), {f.name: duck_type(f.type) for f in schema})
        rows = [dict(zip(relation.columns, row)) for row in relation.fetchall()]
        same_rows("DuckDB", table, rows, expected[table])


def nameless(schema):
    """Types without the name of a list's item ("element" in Parquet, "item" in Arrow) and without nullability."""

    def plain(kind):
        if pa.types.is_list(kind):
            return pa.list_(plain(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([(field.name, plain(field.type)) for field in kind])
        return kind

    return pa.schema([(field.name, plain(field.type)) for field in schema])


if __name__ == "__main__":
    main(*sys.argv[1:])
