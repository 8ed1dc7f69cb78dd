"""Bell: wakes the reader of a session when output arrives on either of its two streams."""

from __future__ import annotations

import threading


class Bell(threading.Event):
    """Rings when data or the end arrives on either of two streams. paramiko uses it as the event of one stream."""

    def clear(self) -> None:
        """Called by paramiko when one stream is empty; does nothing, since the other may not be."""

    def quiet(self) -> None:
        """Stay silent until new data arrives; called before both streams are read."""
        super().clear()
