"""The garbage collector ignores start-up objects and collects later ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import ROOT

TOLD = """
import gc, weakref
from clusters.gc_freeze import settle

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


READ = """
import gc
from clusters.gc_freeze import MOST_SECONDS, without_collection
from clusters.config.load import load
from tests.conftest import SEED

seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
gc.collect()
seen.clear()
many = SEED + "".join(f"x{number}: [{'{a: 1}, ' * 20}]\\n" for number in range(5000))
load(many)
assert 2 not in seen, seen
assert gc.isenabled()
with without_collection():
    with without_collection():
        assert not gc.isenabled()
    assert not gc.isenabled()
assert gc.isenabled()
import clusters.gc_freeze
outer = without_collection()
outer.__enter__()
clusters.gc_freeze._paused_since -= MOST_SECONDS
with without_collection():
    pass
assert gc.isenabled()
outer.__exit__(None, None, None)
try:
    with without_collection():
        raise ValueError
except ValueError:
    assert gc.isenabled()
"""


@pytest.mark.thorough
def test_collection_pauses_while_a_document_is_read() -> None:
    subprocess.run([sys.executable, "-c", READ], cwd=ROOT, check=True, timeout=60)


def test_start_up_objects_are_frozen_and_later_garbage_is_found() -> None:
    subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, check=True, timeout=60)
