"""Runs a notebook and compares what it prints with what is stored in it.

usage: run_notebook.py NOTEBOOK.ipynb [--write]

--write stores the new outputs instead. Exits 1 when a cell fails or prints something else.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def printed(notebook):
    """What each code cell prints, by the cell's place."""
    return [
        "".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells if cell.cell_type == "code"
    ]


def main(path, *flags):
    path = Path(path)
    stored = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    NotebookClient(fresh, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
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
