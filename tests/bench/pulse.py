"""How long /healthz takes, repeated until the process is ended; a separate process, so that nothing else delays it.

`python -m tests.bench.pulse PORT` prints the seconds of each answer on one line.
"""

from __future__ import annotations

import http.client
import sys
import time


def health(port: int) -> float:
    """Seconds that one answer takes. Raises AssertionError for another answer than 200."""
    began = time.monotonic()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request("GET", "/healthz", headers={"Host": "localhost"})
        if (status := link.getresponse().status) != 200:
            raise AssertionError(f"/healthz answered {status}.")
    finally:
        link.close()
    return time.monotonic() - began


if __name__ == "__main__":
    while True:
        print(health(int(sys.argv[1])), flush=True)
        time.sleep(0.1)
