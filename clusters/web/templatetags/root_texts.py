"""Who has acknowledged a text that runs as root, for the person who looks at the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.wizard.pages.review import ShownText

register = template.Library()


@register.filter
def read_by(text: ShownText, person: Any) -> dict[str, Any] | None:
    """The acknowledgement of this person, if there is one."""
    return text.readers.get(person.pk)


@register.filter
def unread_by(texts: Iterable[ShownText], person: Any) -> int:
    """How many of them this person has not acknowledged."""
    return sum(person.pk not in text.readers for text in texts)
