"""Text that Slipway writes is read again as it was."""

from __future__ import annotations

import pytest

from clusters.config.dialects.render import render
from clusters.config.edit import edit
from clusters.config.load import load
from clusters.config.schema import Document
from clusters.config.sections.machines import JumpHost


@pytest.mark.parametrize("dialect", ["v1alpha1", "v1alpha2"])
@pytest.mark.parametrize("value", ["0\n", "\n", "a\nb", "a\nb\n", "a\n\n", " a\n"])
def test_line_breaks_of_a_value_for_one_line_stay(value: str, dialect: str) -> None:
    """A block of one line always ends with a line break, which is not part of such a value."""
    document = Document(name="sample")
    changed = document.model_copy(update={"jump_host": JumpHost(agent_key=value)})
    assert load(edit(render(document, dialect=dialect, secrets="show"), changed)).document == changed
