"""check_multipart(): checks that a multipart body is complete; Django accepts the readable part of a broken one."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent

# django-stubs lack the first.
from django.http.multipartparser import MAX_TOTAL_HEADER_SIZE, MultiPartParserError  # type: ignore[attr-defined]
from django.utils.http import parse_header_parameters

LINE = b"\r\n"
PLAIN = (b"7bit", b"8bit", b"binary")
"""Transfer encodings that change nothing. Django treats invalid content of any other encoding as plain text."""


def check_multipart(body: bytes, boundary: str) -> None:
    """Raises MultiPartParserError unless the body is a sequence of named parts from its first boundary to its last one.
    Raises TooManyFieldsSent when there are more boundaries than a form may have fields and files.

    Browsers choose a boundary that does not occur in the parts, so one elsewhere is an error, too.
    """
    delimiter = b"--" + boundary.encode()
    if body.count(delimiter) > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1:
        raise TooManyFieldsSent("The form has more parts than DATA_UPLOAD_MAX_NUMBER_FIELDS and _FILES allow.")
    if not boundary or not body.startswith(delimiter):
        raise MultiPartParserError("The body does not begin with its boundary.")
    place = len(delimiter)
    while not body.startswith(b"--", place):
        content = _content(body, place, delimiter)
        # The line break before a boundary belongs to it.
        place = body.find(delimiter, content)
        if place < 0:
            raise MultiPartParserError("The last part has no end.")
        if place < content + len(LINE) or not body.endswith(LINE, content, place):
            raise MultiPartParserError("A boundary does not begin its line.")
        place += len(delimiter)
    if len(body) > place + 4 or body[place + 2 :] not in (b"", LINE):
        raise MultiPartParserError("The body continues after its last boundary.")


def _content(body: bytes, place: int, delimiter: bytes) -> int:
    """Where the content of a part starts, whose headers start with the line break at `place`."""
    end = body.find(LINE + LINE, place, place + MAX_TOTAL_HEADER_SIZE)
    if not body.startswith(LINE, place) or end < 0:
        raise MultiPartParserError("The headers of a part have no end.")
    headers = body[place + len(LINE) : end]
    if delimiter in headers:
        raise MultiPartParserError("A part has no content.")
    lines = [(name.strip().lower(), value) for name, _, value in (line.partition(b":") for line in headers.split(LINE))]
    dispositions = [value for name, value in lines if name == b"content-disposition"]
    if len(dispositions) != 1 or not _has_name(dispositions[0]):
        raise MultiPartParserError("A part has no name.")
    if any(name == b"content-transfer-encoding" and value.strip().lower() not in PLAIN for name, value in lines):
        raise MultiPartParserError("A part has a transfer encoding, which browsers do not use.")
    return end + 2 * len(LINE)


def _has_name(disposition: bytes) -> bool:
    try:
        kind, parameters = parse_header_parameters(disposition.decode())
    except (LookupError, ValueError):
        return False
    return kind == "form-data" and "name" in parameters
