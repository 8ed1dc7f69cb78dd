"""A recipe of one file that makes its own document: an error, a warning, a text that runs as root, a version."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from clusters.engine.recipe import Recipe, recipe_called
from clusters.engine.step import discover
from tests.added_recipe import forgotten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["forgotten", "lift"]

PACKAGE = "preparing_recipes_of_a_test"
SECRET = "heron-pass-4471"
"""Stands in the script that the recipe adds; nobody is shown it without the password."""
FILE = f'''\
"""Lift."""
from clusters.engine.question import Question
from clusters.engine.recipe import Phase, recipe

VERSION = Question("to", "Kubernetes version", "The version that every machine gets.", required=True)
PODS = Question("pods", "Pod network", "A network of the pods; empty leaves it as it is.")
QUOTA = Question("quota", "Quota of etcd", "GiB; empty leaves it as it is.", kind="number")
MEMBERS = Question("members", "Second etcd member", kind="machine")
SCRIPT = Question("script", "Run the script of the network team first", kind="switch")
TEXT = "curl -fsS -u fleet:{SECRET} https://tool.example/run\\necho Testing123"


def prepare(document, answers):
    data = document.model_copy(deep=True)
    data = data.model_copy(update={{
        "kubernetes": data.kubernetes.model_copy(update={{"version": answers["to"]}}),
        "etcd": data.etcd.model_copy(
            update={{"quota_backend_bytes": answers["quota"] << 30}} if answers["quota"] else {{}}),
        "network": data.network.model_copy(
            update={{"kube_pods_cidr": answers["pods"]}} if answers["pods"] else {{}}),
    }})
    if answers["members"]:
        groups = data.role_groups
        groups = groups.model_copy(update={{"etcd": [*groups.etcd, answers["members"]]}})
        data = data.model_copy(update={{"role_groups": groups}})
    if answers["script"]:
        made = type(data.system).model_validate({{"preInstall": [{{"name": "tool", "bash": TEXT}}]}})
        data = data.model_copy(update={{"system": made}})
    return data


LIFT = recipe("lift", "Lift version", Phase("os", "Machines"), summary="Bring every machine to another version.",
              states=("ready", "failed"), questions=(VERSION, PODS, QUOTA, MEMBERS, SCRIPT), prepare=prepare,
              warning="Machines restart one after the other.", done="{{name}} has the version")
'''


@pytest.fixture
def lift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None) -> Iterator[Recipe]:
    """The recipe, as long as the test lasts."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "lift.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    discover(importlib.import_module(PACKAGE))
    yield recipe_called("lift")
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
