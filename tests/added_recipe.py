"""A recipe that a test adds: a single file in a folder that Slipway imports."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.recipes import recipes
from clusters.engine.recipe import RECIPES, Recipe, recipe_called
from clusters.engine.step import discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "recipes_of_a_test"
FILE = '''\
"""Renew."""
from clusters.engine.question import Question
from clusters.engine.recipe import Phase, recipe

DAYS = Question("days", "Days", "How long they hold.", kind="number", default=365, required=True,
                problem=lambda value, document: "" if 0 < value < 4000 else "Between 1 and 3,999, please.")
WHERE = Question("machines", "Machines", kind="machines")
RENEW = recipe("renew", "Renew certificates", Phase("os", "Certificates"), verb="renew-certificates",
               summary="Renew the cluster's certificates.", warning="API servers restart one after the other.",
               states=("ready", "failed"), questions=(DAYS, WHERE), heading="Renew certificates of {name}",
               machines=lambda document, answers: answers["machines"] or [host.name for host in document.hosts],
               cancellable=False, done="{name} has new certificates")
'''


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Remove a test's declarations after it."""
    recipes()
    before = dict(RECIPES)
    yield
    RECIPES.clear()
    RECIPES.update(before)


@pytest.fixture
def renew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None) -> Iterator[Recipe]:
    """The recipe, until the test ends."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "renew.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    discover(importlib.import_module(PACKAGE))
    yield recipe_called("renew")
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
