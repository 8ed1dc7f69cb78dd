"""A client of the cluster that repeats one request and records when it succeeded; run as a program.

It uses HTTP directly and opens a connection for each request, so that it measures the cluster and not a library's
retries. `python -m tests.ha.client write|get SERVER SECONDS PATIENCE [NAME CERTIFICATE KEY]` prints a
JSON line for each request, which may take so many seconds of patience: number, start and end in seconds since the
epoch, and the error or null.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


def write(server: str, patience: float, name: str, certificate: str, key: str) -> Callable[[int], None]:
    """Creates ConfigMap NAME-N through the API; no other client may use that name."""
    trust = ssl._create_unverified_context()
    trust.load_cert_chain(certificate, key)
    place = urlsplit(server)

    def once(number: int) -> None:
        connection = http.client.HTTPSConnection(place.hostname or "", place.port, timeout=patience, context=trust)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-{number}"}}
        try:
            connection.request(
                "POST",
                "/api/v1/namespaces/default/configmaps",
                json.dumps(body),
                {"Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        # 409: an earlier attempt for this number succeeded, although its answer was lost.
        if answer.status not in (201, 409):
            raise OSError(f"status {answer.status}")

    return once


def get(server: str, patience: float) -> Callable[[int], None]:
    """Fetches a page."""
    place = urlsplit(server)

    def once(number: int) -> None:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=patience)
        try:
            connection.request("GET", place.path or "/", headers={"Connection": "close"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200 or not text:
            raise OSError(f"status {answer.status}")

    return once


def main() -> None:
    """Repeat every 100 ms until the time is over; a number that failed is not tried again."""
    kind, server, seconds, patience, *rest = sys.argv[1:]
    once = write(server, float(patience), *rest) if kind == "write" else get(server, float(patience))
    until, number = time.time() + float(seconds), 0
    while (start := time.time()) < until:
        number += 1
        error = None
        try:
            once(number)
        except (OSError, http.client.HTTPException) as wrong:
            error = f"{type(wrong).__name__}: {wrong}"
        print(json.dumps({"number": number, "start": start, "end": time.time(), "error": error}), flush=True)
        time.sleep(max(0.0, start + 0.1 - time.time()))


if __name__ == "__main__":
    main()
