"""``make notebooks``: every notebook runs from top to bottom, and is stored without its outputs.

What was executed is left in ``build/notebooks``, to look at; the notebooks themselves are not touched.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = ROOT / "notebooks"
TARGETS: Final = ROOT / "build" / "notebooks"
CELL_SECONDS: Final = 300


def outputs(notebook: nbformat.NotebookNode) -> int:
    """Return how many cells of ``notebook`` carry an output."""
    return sum(bool(cell.get("outputs")) for cell in notebook.cells)


def run(path: Path) -> str:
    """Execute one notebook and write the result; return what is wrong with it, nothing where all is well."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # not annotated there
    if outputs(notebook):
        return f"{outputs(notebook)} cells are stored with their outputs: clear them before committing"
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(SOURCES)}}
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        return str(error)
    finally:
        TARGETS.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, TARGETS / path.name)  # type: ignore[no-untyped-call]  # as above
    return ""


def main() -> int:
    """Run every notebook; return the number of those that failed, as the exit code."""
    failed = 0
    paths = sorted(SOURCES.glob("*.ipynb"))
    for path in paths:
        started = time.monotonic()
        wrong = run(path)
        failed += bool(wrong)
        print(f"{path.name}: {'FAILED' if wrong else 'ok'} in {time.monotonic() - started:.1f} s", wrong, flush=True)
    print(f"{len(paths) - failed} passed, {failed} failed; executed copies are in {TARGETS.relative_to(ROOT)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
