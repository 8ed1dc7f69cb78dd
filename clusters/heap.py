"""settle(): what a process has loaded is no garbage; looking through it again and again stops everything meanwhile."""

from __future__ import annotations

import gc


def settle() -> None:
    """Call it when everything is loaded: the collector leaves alone what is there now.

    A full collection looks at every object, some hundred thousand after all imports, for a tenth of a second in
    which nobody gets a line of a log.
    """
    gc.collect()
    gc.freeze()
