"""Child processes that belong together: started, restarted when they die, and stopped together."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from clusters.places import BASE_DIR, IS_INSTALLED

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

# Seconds between two checks; the longest pause before a restart; until a process that does not stop is killed.
LOOK_SECONDS = 0.2
LONGEST_PAUSE = 10.0
STOP_SECONDS = 75.0
# A child that lived this long is restarted without a pause.
STEADY_SECONDS = 10.0
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Child:
    """One Python child process. `arguments` follow the interpreter; `on_death` gets the id of a dead process."""

    def __init__(self, name: str, arguments: Sequence[str], on_death: Callable[[int], None] | None = None) -> None:
        self.name = name
        self._on_death = on_death
        # -P: modules come from Slipway's directory, never from the directory in which it is started.
        self._arguments = (sys.executable, "-P", *arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._start_again_at = 0.0
        self._pause = 0.0

    def keep(self) -> None:
        """Start it if it is not running; one that dies at once is restarted after growing pauses."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            lived = now - self._started_at
            self._pause = 0.0 if lived > STEADY_SECONDS else min(LONGEST_PAUSE, self._pause * 2 + 0.5)
            log.warning("The %s has ended (%s); restarting it", self.name, self._process.returncode)
            if self._on_death is not None:
                self._on_death(self._process.pid)
            self._process, self._start_again_at = None, now + self._pause
        if self._process is None and now >= self._start_again_at:
            self._started_at = now
            # In separate sessions, so that Ctrl-C reaches only us, and we stop them in order.
            end_with_us = partial(_end_with_parent, os.getpid())
            self._process = subprocess.Popen(
                self._arguments, env=_environment(), start_new_session=True, preexec_fn=end_with_us
            )

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end, then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, seconds))
        except subprocess.TimeoutExpired:
            log.warning("The %s did not stop; killing it", self.name)
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Our environment. Children keep our directory, because relative paths in settings start there, and still find
    the modules of a checkout."""
    if IS_INSTALLED:
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(BASE_DIR), os.environ.get("PYTHONPATH"))))}


def _end_with_parent(parent: int) -> None:
    """Between fork and exec: make the kernel send SIGTERM to the child when we die, even by SIGKILL (Linux)."""
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        # Another parent means that we died before the line above. Comparing with 1 is not enough: in a container we
        # are process 1 ourselves.
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def supervise(children: Sequence[Child], stop: threading.Event) -> None:
    """Keep the children running until `stop` is set, then end them."""
    try:
        while not stop.is_set():
            for child in children:
                child.keep()
            stop.wait(LOOK_SECONDS)
    finally:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            child.wait(deadline - time.monotonic())
