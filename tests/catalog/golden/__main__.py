"""`python -m tests.catalog.golden`: write the golden files again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog.golden import FILES, FOLDER

for name, made_by in FILES.items():
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = made_by(monkeypatch, Path("/nonexistent"))
    for stale in {path.name for path in folder.iterdir()} - set(made):
        (folder / stale).unlink()
    for file, text in made.items():
        (folder / file).write_text(text, encoding="utf-8")
    print(f"{folder}: {len(made)} files")
