"""How a user sees texts that run as root, and which of them the user has acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from clusters.web.passwords import is_fresh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.wizard.pages.review import ShownText

register = template.Library()


@register.filter
def read_by(text: ShownText, person: Any) -> dict[str, Any] | None:
    """This user's acknowledgement, if there is one."""
    return text.readers.get(person.pk)


@register.filter
def unread_by(texts: Iterable[ShownText], person: Any) -> int:
    """How many of the texts this user has not acknowledged."""
    return sum(person.pk not in text.readers for text in texts)


@register.simple_tag(takes_context=True)
def as_seen(context: dict[str, Any], text: ShownText) -> ShownText:
    """The text; its secrets are masked unless the user entered the password within ten minutes."""
    return text if text.masked is None or is_fresh(context["request"]) else text.masked


@register.simple_tag
def shown_after_password(page: str) -> str:
    """The page that asks for the password and leads back to the page with the texts that run as root."""
    return f"{reverse('password-again')}?{urlencode({'next': page})}"
