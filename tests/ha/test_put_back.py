"""An unreachable machine restores a manifest by itself, with a timer of its real systemd."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from clusters.catalog import staticpod
from clusters.catalog.staticpod import StaticPod
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from tests.lab import Lab, LabHost

pytestmark = pytest.mark.lab
OLD, NEW = b"old: yes\n", b"new: yes\n"
SECONDS = 3


def ran(lab: Lab, host: LabHost, command: str) -> str:
    """The output of a root shell on the host."""
    return lab.execute(host.name, f"set +e; {command}; true").strip()


@pytest.mark.parametrize(("healthy", "expected"), [("false", OLD), ("true", NEW)])
def test_a_broken_manifest_is_restored_and_a_working_one_stays(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, healthy: str, expected: bytes
) -> None:
    monkeypatch.setattr(staticpod, "PUT_BACK_AFTER", SECONDS)
    (host,) = lab.up(1)
    pod = StaticPod("kube-test", "/root/kube-test.yaml", NEW, sh(healthy))
    files = f"mkdir -p {staticpod.BEFORE}; printf '{NEW.decode()}' > {pod.path}; printf '{OLD.decode()}' > {pod._aside}"
    assert ran(lab, host, f"{files}; {pod._trap().text}; echo $?") == "0"
    ends = time.monotonic() + 20 * SECONDS
    while ran(lab, host, f"test -e {pod._aside} && echo there") and time.monotonic() < ends:
        time.sleep(0.5)
    assert ran(lab, host, f"cat {pod.path}").encode() + b"\n" == expected
    assert not ran(lab, host, f"ls {staticpod.BEFORE}")
    # A second timer replaces the first; stopped in time, it does nothing.
    assert ran(lab, host, f"{files}; {pod._trap().text}; {pod._trap().text}; echo $?") == "0"
    assert ran(lab, host, f"rm {pod._aside}; systemctl stop {pod._unit}.timer; echo $?") == "0"
    time.sleep(2 * SECONDS)
    assert ran(lab, host, f"cat {pod.path}").encode() + b"\n" == NEW
