"""Children of `serve` end with it, even if it is the first process of a container."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.missing import cannot_be_had
from tests.processes import ROOT

SETTINGS = {"DJANGO_SETTINGS_MODULE": "installer_site.settings"}
CHILD_OF_THE_FIRST = """
import os
from clusters.management.processes import Child
assert os.getpid() == 1
child = Child("child", ("-c", "print('alive')"))
child.keep()
child.wait(60)
print("ended with", child._process.returncode)
"""
# No process has this id: it is above Linux's maximum.
NOBODY = 2**22 + 1
CHILD_OF_NOBODY = f"""
from clusters.management.processes import _end_with_parent
_end_with_parent({NOBODY})
print("alive")
"""


def python(program: str, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", program]
    env = {**os.environ, **SETTINGS}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90, check=False)


def test_a_child_of_the_first_process_of_a_container_lives() -> None:
    container = ("unshare", "--fork", "--pid", "--kill-child")
    if subprocess.run([*container, "true"], capture_output=True, check=False).returncode:
        cannot_be_had("a process namespace cannot be made")
    done = python(CHILD_OF_THE_FIRST, *container)
    assert done.stdout.splitlines() == ["alive", "ended with 0"], done.stderr


def test_a_child_whose_parent_died_before_prctl_ends() -> None:
    done = python(CHILD_OF_NOBODY)
    assert (done.returncode, done.stdout) == (-15, ""), done.stderr
