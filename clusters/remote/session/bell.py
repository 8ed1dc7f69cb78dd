"""Bell: wakes the reader of a session when output arrives on either of its two streams."""

from __future__ import annotations

import threading


class Bell(threading.Event):
    """Rings when something is on either of two streams, or its end. paramiko takes it for the event of one stream."""

    def clear(self) -> None:
        """Called by paramiko when one stream is empty; the other one may not be."""

    def quiet(self) -> None:
        """Be silent until something comes from now on; said before both streams are looked at."""
        super().clear()
