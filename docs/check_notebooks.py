"""Refuse notebooks without outputs: the examples are committed with outputs, and CI compares them.

python docs/check_notebooks.py examples/*.ipynb
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat


def main(files: list[str]) -> int:
    """Print the problems of the notebooks. Return 1 if there are any."""
    wrong = [f"{file}: {problem}" for file in files for problem in find_problems(Path(file))]
    print("\n".join(wrong) or f"{len(files)} notebooks have their outputs")
    return int(bool(wrong))


def find_problems(file: Path) -> list[str]:
    """Return the problems of a notebook: it has no outputs, or an error in its outputs."""
    cells = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    if not outputs:
        return ["no cell has an output; run it to its end and save it"]
    return [f"a cell ended with {output.ename}" for output in outputs if output.output_type == "error"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
