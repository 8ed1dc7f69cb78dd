"""What `make setup` installs is locked: every package by version and SHA-256, tools of the tests included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()


def wanted(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


def locked() -> list[tuple[Requirement, list[str]]]:
    """Each package of the lock with its hashes."""
    logical = re.sub(r"\\\n\s*", " ", LOCK)
    entries = [line.split(" --hash=") for line in logical.splitlines() if line and not line.startswith("#")]
    return [(Requirement(entry[0].strip()), [digest.strip() for digest in entry[1:]]) for entry in entries]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_version_that_is_asked_for_is_the_one_that_is_locked(name: str) -> None:
    found = {(canonicalize_name(each.name), str(each.specifier)) for each, _hashes in locked()}
    asked = {(canonicalize_name(each.name), str(each.specifier)) for each in wanted(name)}
    assert len(asked) > 10
    assert asked - found == set(), f"{name} was changed; run: make lock"


def test_every_locked_package_has_one_version_and_hashes() -> None:
    for package, hashes in locked():
        assert re.fullmatch(r"==[^*,]+", str(package.specifier)), package
        assert hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), package


def test_what_is_no_longer_needed_is_not_locked() -> None:
    """`axes` was replaced; a package that nobody asks for is one more whose author can change Slipway."""
    names = {canonicalize_name(package.name) for package, _hashes in locked()}
    assert not names & {"django-axes", "django-ipware"}


def test_setup_installs_what_is_locked_and_nothing_else() -> None:
    script = (ROOT / "scripts" / "make-venv").read_text()
    installs = [line for line in script.splitlines() if "pip install" in line and not line.startswith("#")]
    assert len(installs) == 1
    assert "--require-hashes --only-binary :all: -r requirements.lock" in installs[0]
    assert "$(READY): requirements.lock" in (ROOT / "Makefile").read_text()
