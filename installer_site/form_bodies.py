"""LeanRequest: decodes a form in a body piece by piece; Django's method needs sixty times the size of the body."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import BadRequest, TooManyFieldsSent
from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from installer_site.multipart_bodies import check_multipart

if TYPE_CHECKING:
    from typing import Any

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")
"""Character sets that a form may declare. Django would accept any codec name, even of a codec that is not for text."""
PIECE = 64 * 1024
"""Characters that are decoded at once: urllib creates an object for each escape in them."""


class LeanRequest(ASGIRequest):
    """A request whose POST needs little more memory than its body. An incomplete form is refused."""

    content_params: dict[str, str]
    if TYPE_CHECKING:
        # What django-stubs leave out of HttpRequest.
        _read_started: bool

        def _mark_post_parse_error(self) -> None: ...

    def __init__(self, scope: dict[str, Any], body_file: Any) -> None:
        # Bytes that are not text are replaced, as are escapes for such bytes.
        query = scope.get("query_string", b"")
        super().__init__({**scope, "query_string": query.decode("utf-8", "replace")}, body_file)

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Treat an invalid type as missing, so that only requests with a body are refused for it."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc] # django-stubs leave it out
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {}
        self._encoding = None

    def _load_post_and_files(self) -> None:
        if self.method != "POST" or (self._read_started and not hasattr(self, "_body")):
            super()._load_post_and_files()
            return
        try:
            self._post, self._files = self._form()
        except Exception:
            # The error handler may access the form again.
            self._mark_post_parse_error()
            raise

    def _form(self) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        if self.content_params.get("charset", UTF_8[0]).lower() not in UTF_8:
            raise BadRequest("The form is not in UTF-8")
        if self.content_type == FORM:
            return form_in(self.body), MultiValueDict()
        if self.content_type == PARTS:
            return self._parts()
        if self.body:
            raise BadRequest("The body is not a form")
        return QueryDict(encoding="utf-8"), MultiValueDict()

    def _parts(self) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        """A form with files; its length is the received one, regardless of the headers."""
        body, boundary = self.body, self.content_params.get("boundary", "")
        try:
            check_multipart(body, boundary)
            read: tuple[QueryDict, MultiValueDict[str, Any]] = self.parse_file_upload(
                {**self.META, "CONTENT_LENGTH": str(len(body))}, BytesIO(body)
            )
        except (LookupError, ValueError) as error:
            raise MultiPartParserError(f"The form cannot be read: {error}") from error
        return read


def form_in(body: bytes) -> QueryDict:
    """The fields of a form, as Django reads them. Raises TooManyFieldsSent beyond DATA_UPLOAD_MAX_NUMBER_FIELDS."""
    if body.count(b"&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
        raise TooManyFieldsSent("The form has more fields than DATA_UPLOAD_MAX_NUMBER_FIELDS.")
    found = QueryDict(mutable=True, encoding="utf-8")
    for field in body.split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            found.appendlist(decode(name), decode(value))
    found._mutable = False
    return found


def decode(text: bytes) -> str:
    """A name or a value of a form."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text.decode("utf-8", "replace")
    parts, start = [], 0
    while start < len(text):
        end = min(start + PIECE, len(text))
        # No piece may end within an escape.
        cut = text.rfind(b"%", end - 2, end) if end < len(text) else -1
        parts.append(unquote_to_bytes(text[start : cut if cut > start else end]))
        start = cut if cut > start else end
    return b"".join(parts).decode("utf-8", "replace")
