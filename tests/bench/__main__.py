"""Run every bench of this folder, print a row for each measurement, and fail when a limit is missed.

Usage: python -m tests.bench [SUBJECT…], where a subject is a file's name without `bench_`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.bench.row import Row, table


def subjects() -> list[str]:
    """The subjects of the benches."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def measure(wanted: list[str]) -> list[Row]:
    """The rows of the wanted subjects, of all when none is named."""
    found: list[Row] = []
    for subject in wanted or subjects():
        found += importlib.import_module(f"tests.bench.bench_{subject}").rows()
    return found


def main(wanted: list[str]) -> int:
    """Print the table; 0 when every limit is kept, 1 when one is missed, 2 for an unknown subject."""
    unknown = sorted(set(wanted) - set(subjects()))
    if unknown:
        print(f"Unknown benches: {', '.join(unknown)}. The benches are {', '.join(subjects())}.")
        return 2
    rows = measure(wanted)
    print(table(rows))
    return 0 if all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
