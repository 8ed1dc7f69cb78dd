"""The documentation covers every setting, command and check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clusters import catalog
from clusters.config.kubernetes_versions import PROVEN
from clusters.engine.check import CHECKS
from clusters.engine.step import discover
from clusters.management.commands.recipes import table

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
# A link with a text, and where it leads inside this repository.
SHOWN = re.compile(r'<img src="([^"]+)"')
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def settings_read() -> set[str]:
    """The environment variables that the settings read."""
    text = (ROOT / "installer_site" / "settings.py").read_text()
    return set(re.findall(r"env\.\w+\(\s*\"(SLIPWAY_\w+)\"", text))


def commands() -> set[str]:
    """The commands that `slipway` has from us."""
    folder = ROOT / "clusters" / "management" / "commands"
    return {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}


def test_the_proven_versions_are_the_ones_that_are_described() -> None:
    (row,) = [line for line in (DOCS / "wizard.md").read_text().splitlines() if line.startswith("| Proven |")]
    assert re.findall(r"1\.\d+\.\d+", row) == [version.removeprefix("v") for version in PROVEN]


def test_every_setting_is_described() -> None:
    found = settings_read()
    assert len(found) > 10
    text = (DOCS / "operations.md").read_text()
    assert sorted(name for name in found if f"| `{name}` |" not in text) == []


def test_no_setting_is_described_that_is_not_read() -> None:
    described = set(re.findall(r"^\| `(SLIPWAY_\w+)` \|", (DOCS / "operations.md").read_text(), re.MULTILINE))
    assert sorted(described - settings_read()) == []


def test_every_command_is_described() -> None:
    found = commands()
    assert "serve" in found
    text = (DOCS / "operations.md").read_text()
    assert sorted(name for name in found if f"| `slipway {name}" not in text) == []


def test_no_command_is_described_that_does_not_exist() -> None:
    described = set(re.findall(r"^\| `slipway (\w+)", (DOCS / "operations.md").read_text(), re.MULTILINE))
    assert sorted(described - commands() - {"createsuperuser"}) == []


def test_every_precheck_is_described_as_it_is() -> None:
    discover(catalog)
    rows = re.findall(
        r"^\| `([\w.-]+)` \| (.*?) \| .* \| (yes|no) \|$", (DOCS / "prechecks.md").read_text(), re.MULTILINE
    )
    declared = [(check.id, check.title, "yes" if check.waivable else "no") for check in CHECKS.checks.values()]
    assert sorted(rows) == sorted(declared)


def test_the_table_of_recipes_is_what_they_declare() -> None:
    assert table() in (DOCS / "recipes.md").read_text(), "write the output of `slipway recipes` into docs/recipes.md"


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))], ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_lead_somewhere(page: Path) -> None:
    # Pictures are taken by `make screenshots`.
    text = page.read_text()
    targets = LINK.findall(text) + SHOWN.findall(text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_places_that_contributors_are_sent_to_are_there() -> None:
    named = re.findall(
        r"`((?:clusters|docs|installer_site|templates|tests)/[\w./-]+)`", (ROOT / "CONTRIBUTING.md").read_text()
    )
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).exists()] == []
