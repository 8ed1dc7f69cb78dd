"""Messages contain the command line that works in this installation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clusters import places


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        (places.BASE_DIR / ".venv" / "bin" / "python", ".venv/bin/python manage.py cluster create -f FILE"),
        (Path("/usr/bin/python3"), "/usr/bin/python3 manage.py cluster create -f FILE"),
        (Path("/opt/my tools/python"), "'/opt/my tools/python' manage.py cluster create -f FILE"),
    ],
)
def test_a_checkout_is_run_by_its_python(monkeypatch: pytest.MonkeyPatch, python: Path, expected: str) -> None:
    monkeypatch.setattr(sys, "executable", str(python))
    assert places.command_line("cluster create -f FILE") == expected


def test_an_installed_package_is_run_by_its_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "IS_INSTALLED", True)
    assert places.command_line("work") == "slipway work"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("", "~/.local/share/slipway"), ("/srv", "/srv/slipway"), ("srv", "~/.local/share/slipway")],
)
def test_an_installed_package_stores_data_where_users_have_theirs(
    monkeypatch: pytest.MonkeyPatch, variable: str, expected: str
) -> None:
    assert places.default_data_dir() == places.BASE_DIR / "var"
    monkeypatch.setattr(places, "IS_INSTALLED", True)
    monkeypatch.setenv("XDG_DATA_HOME", variable)
    assert str(places.default_data_dir()) == expected
