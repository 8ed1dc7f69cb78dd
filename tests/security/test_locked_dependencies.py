"""`make setup` installs locked packages: each by version and SHA-256, including test tools."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = "requirements.lock"
INSTALLED, BUILDING = "deploy/run.lock", "deploy/build.lock"


def wanted(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


def locked(lock: str = LOCK) -> list[tuple[Requirement, list[str]]]:
    """Each package of the lock with its hashes."""
    logical = re.sub(r"\\\n\s*", " ", (ROOT / lock).read_text())
    entries = [line.split(" --hash=") for line in logical.splitlines() if line and not line.startswith("#")]
    return [(Requirement(entry[0].strip()), [digest.strip() for digest in entry[1:]]) for entry in entries]


def other_than_tested(lock: str) -> list[str]:
    """Packages of a lock whose version or files are not those of the tests. Conditions may differ."""
    tested = {(package.name, str(package.specifier)): hashes for package, hashes in locked()}
    found = [(package.name, str(package.specifier), hashes) for package, hashes in locked(lock)]
    return [name for name, version, hashes in found if tested.get((name, version)) != hashes]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_version_that_is_asked_for_is_the_one_that_is_locked(name: str) -> None:
    found = {(canonicalize_name(each.name), str(each.specifier)) for each, _hashes in locked()}
    asked = {(canonicalize_name(each.name), str(each.specifier)) for each in wanted(name)}
    assert len(asked) > 10
    assert asked - found == set(), f"{name} was changed; run: make lock"


@pytest.mark.parametrize("lock", [LOCK, INSTALLED, BUILDING])
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    for package, hashes in locked(lock):
        assert re.fullmatch(r"==[^*,]+", str(package.specifier)), package
        assert hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), package


def test_unneeded_packages_are_not_locked() -> None:
    """`axes` was replaced; a package that nobody asks for is one more whose author can change Slipway."""
    names = {canonicalize_name(package.name) for package, _hashes in locked()}
    assert not names & {"django-axes", "django-ipware"}


def test_setup_installs_what_is_locked_and_nothing_else() -> None:
    script = (ROOT / "scripts" / "make-venv").read_text()
    installs = [line for line in script.splitlines() if "pip install" in line and not line.startswith("#")]
    assert len(installs) == 1
    assert "--require-hashes --only-binary :all: -r requirements.lock" in installs[0]
    assert "$(READY): requirements.lock" in (ROOT / "Makefile").read_text()


def test_an_installation_gets_what_was_tested_and_none_of_the_tools() -> None:
    assert other_than_tested(INSTALLED) == [], "run: make lock"
    names = {canonicalize_name(package.name) for package, _hashes in locked(INSTALLED)}
    assert names >= {canonicalize_name(each.name) for each in wanted("requirements.txt")}, "run: make lock"
    tools = {canonicalize_name(each.name) for each in wanted("requirements-dev.txt")}
    # Something that Slipway runs on may need one of the tools, too; today nothing does.
    assert names & tools == set()


def test_the_wheel_is_built_by_tools_that_are_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    building = {str(package) for package, _hashes in locked(BUILDING)}
    assert set(project["build-system"]["requires"]) <= building, "run: make lock"
    assert other_than_tested(BUILDING) == [], "run: make lock"
    script = (ROOT / "deploy" / "install").read_text()
    from_the_index = [line for line in script.splitlines() if " install " in line and "--no-index" not in line]
    fetches = [line for line in from_the_index if line.startswith("into ")]
    assert len(fetches) == 2
    assert all('install "${locked[@]}"' in line for line in fetches)
    assert "locked=(--require-hashes --only-binary :all:)" in script
