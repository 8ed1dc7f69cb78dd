"""`python -m installer_site.health`: checks whether this machine's pages answer; for health checks of containers."""

from __future__ import annotations

import http.client
import sys

from clusters.numbers import whole_number
from installer_site import env

SECONDS = 5.0


def place(listen: str) -> tuple[str, int]:
    """Host and port at which a server that listens there is reached from its own machine."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), whole_number(port) or 0  # noqa: S104


def host_name() -> str:
    """A host name that the pages accept: the first of SLIPWAY_ALLOWED_HOSTS, which may be a pattern."""
    first = env.words("SLIPWAY_ALLOWED_HOSTS", ("localhost",))[0]
    return "localhost" if first == "*" else first.removeprefix(".")


def problem() -> str:
    """Why the pages are not healthy; empty when they are."""
    host, port = place(env.text("SLIPWAY_LISTEN", "127.0.0.1:8000"))
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": host_name()})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{host} port {port} does not answer: {error}"
    finally:
        connection.close()
    return "" if status == http.HTTPStatus.OK else f"{host} port {port} answers with status {status}"


if __name__ == "__main__":
    sys.exit(problem() or 0)
