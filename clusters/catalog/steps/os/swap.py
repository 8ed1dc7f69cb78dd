"""os/swap: kubelet does not start while swap is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.step import step
from clusters.engine.wants import command
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


def is_ours(document: Document) -> bool:
    """Whether Slipway may change the operating system's settings."""
    return not document.system.skip_configure_os


@step("os/swap", on="kubernetes", needs=("os/claim",), when=is_ours, expected=0.5)
def swap(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Turn swap off, now and after a reboot"""
    yield command("no swap is in use", sh("swapoff -a"), unless=sh('test "$(wc -l < /proc/swaps)" -le 1'))
    # The old fstab stays beside the new one: it is the user's file.
    yield command(
        "/etc/fstab does not turn on swap",
        sh(r"cp -p /etc/fstab /etc/fstab.before-slipway && sed -i -E {} /etc/fstab", r"s/^([^#].*\sswap\s)/#\1/"),
        # grep's exit code 1 means no such line; 2 means that it could not read the file.
        unless=sh(r"test ! -e /etc/fstab || {{ grep -Eq {} /etc/fstab; test $? -eq 1; }}", r"^[^#].*\sswap\s"),
    )
