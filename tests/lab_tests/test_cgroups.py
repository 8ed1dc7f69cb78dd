"""Control groups that go away while they are read count as empty; other errors are raised."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.lab import cgroups


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENOENT])
def test_a_group_that_is_removed_while_it_is_read_has_no_processes(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab-x" / "node1").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "lab-x", tmp_path / "lab-x" / "node1"):
        (folder / "cgroup.procs").write_text("41\n42\n")
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path])
    assert cgroups.processes("lab-x") == {41, 42}
    read = Path.read_text

    def gone(path: Path) -> str:
        if path.parent.name == "node1":
            raise OSError(number, "gone", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_text", gone)
    assert cgroups.processes("lab-x") == {41, 42}
    assert cgroups.processes("lab-x/node1") == set()


def test_another_error_of_a_group_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab-x").mkdir()
    (tmp_path / "lab-x" / "cgroup.procs").write_text("41\n")
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path])

    def denied(path: Path) -> str:
        raise PermissionError(errno.EACCES, "denied", str(path))

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(PermissionError):
        cgroups.processes("lab-x")
