"""The document with a thousand machines: written, read, checked, changed, planned, and saved page by page."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import yaml

from clusters import catalog
from clusters.config.dialects.render import render
from clusters.config.edit import edit
from clusters.config.load import load
from clusters.config.rules import check
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from tests.bench.apart import measured_apart
from tests.bench.row import Row, cpu_seconds
from tests.config.documents import large_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

MACHINES = 1000
_NUMBERS = itertools.count()


def rows() -> Iterator[Row]:
    """Processor seconds for each; PyYAML's own reader is measured beside ours."""
    document = large_document(MACHINES)
    for dialect in ("v1alpha2", "v4"):
        text = render(document, dialect=dialect, secrets="show")
        named = f"{MACHINES} machines, {dialect}"
        beside = cpu_seconds(partial(_loaded, text), rounds=1)
        read = cpu_seconds(partial(_checked, text))
        yield Row(f"load and check {named}", read, 0.6, beside=f"PyYAML, Python loader, read only: {beside:.3f} s")
        written = cpu_seconds(partial(render, document, dialect=dialect, secrets="show"))
        yield Row(f"render {named}", written, 0.3)
    text = render(document, secrets="show")
    changed = document.model_copy(update={"name": "other"})
    yield Row(
        f"edit one key in a file of {MACHINES} machines",
        cpu_seconds(lambda: edit(_fresh(text), changed), rounds=3),
        1.0,
    )
    discover(catalog)
    planned = cpu_seconds(lambda: make_plan(document).seconds_to_go())
    yield Row(f"plan an installation of {MACHINES} machines", planned, 2.0)
    yield from measured_apart("tests.bench.wizard_measured", seconds=900)


def _fresh(text: str) -> str:
    """The same content as a text that was never read before, because read texts are cached for a while."""
    return f"{text}# {next(_NUMBERS)}\n"


def _loaded(text: str) -> list[object]:
    return list(yaml.load_all(text, Loader=yaml.SafeLoader))


def _checked(text: str) -> tuple[Finding, ...]:
    return check(_read(_fresh(text)))


def _read(text: str) -> Document:
    document = load(text).document
    assert document is not None
    return document
