"""Helpers that read processes give correct results while processes start and end."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.proc import children_of, descendants_of, processes, read, state_of, words_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_and_what_it_started_are_found() -> None:
    shell = subprocess.Popen(["/bin/sh", "-c", "sleep 5031.25 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    assert shell.stdout is not None
    try:
        sleeper = int(shell.stdout.readline())
        assert shell.pid in children_of(os.getpid())
        assert children_of(shell.pid) == [sleeper]
        assert {shell.pid, sleeper} <= set(descendants_of(os.getpid()))
        assert state_of(shell.pid) in ("S", "R")
        os.kill(sleeper, 9)
    finally:
        shell.wait(20)
        shell.stdout.close()
    assert state_of(shell.pid) == ""
    assert words_of(shell.pid) == []
    assert children_of(shell.pid) == []


def test_a_process_with_brackets_in_its_name_has_a_parent(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 ("
    program.symlink_to("/bin/sleep")
    started = subprocess.Popen([str(program), "5032.25"])
    try:
        assert started.pid in children_of(os.getpid())
    finally:
        started.kill()
        started.wait(20)


def test_a_process_that_ends_in_between_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "self").mkdir()
    assert list(processes(tmp_path)) == [7]
    assert read(7, "cmdline", tmp_path) == b""
