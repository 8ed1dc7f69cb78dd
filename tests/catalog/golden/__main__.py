"""`python -m tests.catalog.golden`: write the golden files again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog.golden import FILES, FOLDER

for name, made_by in FILES.items():
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        golden_files = made_by(monkeypatch, Path("/nonexistent"))
    for stale in {path.name for path in folder.iterdir()} - set(golden_files):
        (folder / stale).unlink()
    for file, text in golden_files.items():
        (folder / file).write_text(text, encoding="utf-8")
    print(f"{folder}: {len(golden_files)} files")
