"""The rows of the store benchmark; the twin of store-rows.mjs, which says how they are made.

As a program: store_rows.py hash | datasets ROWS OUT | pyarrow ROWS OUT
"""

import hashlib
import sys

WORDS = 4096
POOL_CHARACTERS = 4_000_000
MASK = 0x7FFFFFFF


def lcg(seed):
    state = seed

    def draw(bound):
        nonlocal state
        state = (state * 1103515245 + 12345) & MASK
        return (state * bound) >> 31

    return draw


def pool(seed, letter):
    draw = lcg(seed)
    words = []
    for _ in range(WORDS):
        length = 2 + draw(9)
        words.append("".join(chr(letter(draw)) for _ in range(length)))
    parts, length = [], 0
    while length < POOL_CHARACTERS:
        first = draw(64)
        word = words[first * draw(64)]
        parts.append(word)
        length += len(word) + 1
    return " ".join(parts)


def bench_rows(count):
    latin = pool(1, lambda draw: 97 + draw(26))
    foreign = pool(2, lambda draw: 0x3B1 + draw(170))
    draw = lcg(3)

    def text(source, least, most):
        length = least + draw(most - least)
        start = draw(POOL_CHARACTERS - 8192)
        return source[start : start + length]

    for index in range(count):
        source = foreign if draw(10) == 0 else latin
        chosen_score = draw(1000) / 1000
        rejected_score = draw(1000) / 1000
        yield {
            "pair_id": f"{index * 8:032x}",
            "prompt_id": f"{index * 8 + 1:032x}",
            "prompt": [{"role": "user", "content": text(source, 200, 1400)}],
            "chosen": [{"role": "assistant", "content": text(source, 1000, 4000)}],
            "rejected": [{"role": "assistant", "content": text(source, 1000, 4000)}],
            "score_chosen": chosen_score,
            "score_rejected": rejected_score,
            "reward_margin": chosen_score - rejected_score,
            "chosen_id": f"{index * 8 + 2:032x}",
            "rejected_id": f"{index * 8 + 3:032x}",
            "rule": "best-vs-worst",
            "metadata": f'{{"source":"s{index % 7}"}}',
        }


def content_hash():
    digest = hashlib.sha256()
    for row in bench_rows(200):
        texts = [f"{m['role']}\n{m['content']}" for m in (row["prompt"][0], row["chosen"][0], row["rejected"][0])]
        scores = [str(round(row[name] * 1000)) for name in ("score_chosen", "score_rejected")]
        parts = [row["pair_id"], row["prompt_id"], *texts, *scores]
        parts += [row["chosen_id"], row["rejected_id"], row["rule"], row["metadata"]]
        digest.update("\n".join(parts).encode("utf-8"))
    return digest.hexdigest()


def write_with_datasets(count, out):
    import datasets

    datasets.disable_progress_bars()
    dataset = datasets.Dataset.from_generator(bench_rows, gen_kwargs={"count": count}, cache_dir=out + ".cache")
    dataset.to_parquet(out)


def write_with_pyarrow(count, out):
    import pyarrow as pa
    import pyarrow.parquet as pq

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    doubles = ("score_chosen", "score_rejected", "reward_margin")
    names = list(next(bench_rows(1)))
    kinds = {"prompt": messages, "chosen": messages, "rejected": messages, **dict.fromkeys(doubles, pa.float64())}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    batch = []
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for row in bench_rows(count):
            batch.append(row)
            if len(batch) == 10_000:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, schema))


if __name__ == "__main__":
    if sys.argv[1] == "hash":
        print(content_hash())
    else:
        write = {"datasets": write_with_datasets, "pyarrow": write_with_pyarrow}[sys.argv[1]]
        write(int(sys.argv[2]), sys.argv[3])
