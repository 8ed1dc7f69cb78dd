"""LeanRequest: a form in a body is decoded piece by piece; Django's way takes sixty times the size of the body."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

FORM = "application/x-www-form-urlencoded"
PIECE = 64 * 1024
"""Characters that are decoded at once: urllib makes an object of each escape in them."""


class LeanRequest(ASGIRequest):
    """A request whose POST takes little more memory than its body."""

    def _load_post_and_files(self) -> None:
        if self.method != "POST" or self.content_type != FORM or (self._read_started and not hasattr(self, "_body")):
            super()._load_post_and_files()
            return
        self._post, self._files = form_in(self.body), MultiValueDict()


def form_in(body: bytes) -> QueryDict:
    """The fields of a form, as Django reads them. Raises TooManyFieldsSent beyond DATA_UPLOAD_MAX_NUMBER_FIELDS."""
    if body.count(b"&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
        raise TooManyFieldsSent("The form has more fields than DATA_UPLOAD_MAX_NUMBER_FIELDS.")
    found = QueryDict(mutable=True, encoding="utf-8")
    for field in body.split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            found.appendlist(decoded(name), decoded(value))
    found._mutable = False
    return found


def decoded(text: bytes) -> str:
    """A name or a value of a form."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text.decode("utf-8", "replace")
    parts, start = [], 0
    while start < len(text):
        end = min(start + PIECE, len(text))
        # No piece ends within an escape.
        cut = text.rfind(b"%", end - 2, end) if end < len(text) else -1
        parts.append(unquote_to_bytes(text[start : cut if cut > start else end]))
        start = cut if cut > start else end
    return b"".join(parts).decode("utf-8", "replace")
