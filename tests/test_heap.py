"""What was loaded is left alone by the garbage collector; what comes later is not."""

from __future__ import annotations

import subprocess
import sys

from tests.processes import ROOT

TOLD = """
import gc, weakref
from clusters.heap import settle

class Ring:
    def __init__(self):
        self.me = self

settle()
assert gc.get_freeze_count() > 1000
ring = Ring()
gone = weakref.ref(ring)
del ring
gc.collect()
assert gone() is None
"""


def test_what_is_loaded_is_no_garbage_and_later_garbage_is_found() -> None:
    subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, check=True, timeout=60)
