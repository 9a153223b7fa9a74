"""Runs a notebook in its own kernel and compares what it prints and draws with what is stored in it.

usage: run_notebook.py NOTEBOOK.ipynb [--write]

--write stores the new outputs instead. Exits 1 when a cell fails or says something else. Pictures are compared where they are SVG.
Deno's kernel at times gives a cell's output after it has called the cell done, when nobody listens for it any more: a run in which a
cell says nothing at all is made again.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


RUNS = 4
SHOWN = ("text/markdown", "image/svg+xml", "text/plain")


def said(output):
    """The text of an output: what was printed, or the richest form of it that is text."""
    data = output.get("data", {})
    return output.get("text") or next((data[kind] for kind in SHOWN if kind in data), "")


def printed(notebook):
    """What each code cell says, by the cell's place."""
    return ["".join(map(said, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"]


def executed(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def main(path, *flags):
    path = Path(path)
    stored = nbformat.read(path, as_version=4)
    for _ in range(RUNS):
        fresh = executed(path)
        if not any(was and not now for was, now in zip(printed(stored), printed(fresh))):
            break
    if "--write" in flags:
        for cell in fresh.cells:
            cell.metadata = {}
        fresh.metadata = stored.metadata
        nbformat.write(fresh, path)
        return
    for place, (was, now) in enumerate(zip(printed(stored), printed(fresh))):
        if was != now:
            sys.exit(f"{path}: code cell {place + 1} prints\n{now}\nand the notebook says\n{was}\nRun this with --write.")
    print(f"{path}: {len(printed(fresh))} code cells print what the notebook says")


if __name__ == "__main__":
    main(*sys.argv[1:])
