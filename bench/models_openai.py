"""The openai package's asyncio client: python models_openai.py ORIGIN CALLS CONCURRENCY. Prints JSON as model-client.mjs."""

import asyncio
import json
import resource
import sys
import time

import openai

origin, calls, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def messages_of(index):
    return [
        {"role": "system", "content": "You compare two answers and say which is better, and why."},
        {"role": "user", "content": f"Question {index}: which of the two answers is better? {'a b c ' * 20}"},
    ]


def rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


async def main():
    client = openai.AsyncOpenAI(base_url=f"{origin}/v1", api_key="bench", max_retries=5)
    peaks, done, lost, numbers = [0.0] * 4, 0, 0, iter(range(calls))

    async def worker():
        nonlocal done, lost
        for index in numbers:
            try:
                await client.chat.completions.create(
                    model="bench", messages=messages_of(index), max_tokens=64, temperature=0
                )
            except openai.OpenAIError as error:
                lost += 1
                if lost <= 3:
                    print(repr(error), file=sys.stderr)
            if done % 200 == 0:
                quarter = min(3, 4 * done // calls)
                peaks[quarter] = max(peaks[quarter], rss_mb())
            done += 1

    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "cpuSeconds": time.process_time() - cpu, "lost": lost, "peaks": peaks}))
    await client.close()


asyncio.run(main())
