"""os/swap: kubelet does not start while swap is on, and no unit of systemd may turn it on at the next boot."""

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


_UNITS = r"""
units() {{
  {{ systemctl list-units --all --plain --no-legend --type=swap
     systemctl list-unit-files --plain --no-legend --type=swap
     systemctl list-units --all --plain --no-legend 'systemd-zram-setup@*.service'
     for s in zramswap zram-config dphys-swapfile zram-swap; do systemctl list-unit-files --no-legend $s.service; done
  }} 2>/dev/null | awk '{{ print $1 }}' | sort -u | while read -r unit; do
    case $(systemctl is-enabled "$unit" 2>/dev/null) in
      ''|masked|masked-runtime|not-found|disabled) ;;
      *) echo "$unit" ;;
    esac
  done
}}
"""
"""The units that would turn swap on: those of swap itself, also where a generator creates them, and the services that
create compressed swap in memory (zram) or a file."""

_TURN_ON_SWAP = _UNITS + """found=$(units); [ -z "$found" ] || {{ echo $found would turn on swap; false; }}"""

# A file in /etc is the user's; it stays there under another name, since a mask takes its place.
_MASK = (
    _UNITS
    + """
systemctl daemon-reload
for unit in $(units) swap.target; do
  systemctl stop "$unit"
  file=/etc/systemd/system/$unit
  if [ -f "$file" ] && [ ! -L "$file" ]; then mv "$file" "$file.before-slipway"; fi
  systemctl mask "$unit"
done
"""
)


@step("os/swap", on="kubernetes", needs=("os/claim",), when=is_ours, expected=0.5)
def swap(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Turn swap off, now and after a reboot"""
    yield command("no swap is in use", sh("swapoff -a"), unless=sh('test "$(wc -l < /proc/swaps)" -le 1'))
    # The old fstab stays beside the new one: it is the user's file.
    yield command(
        "/etc/fstab does not turn on swap",
        sh(r"cp -p /etc/fstab /etc/fstab.before-slipway && sed -i -E {} /etc/fstab", r"s/^([^#].*\sswap(\s|$))/#\1/"),
        # grep's exit code 1 means no such line; 2 means that it could not read the file.
        unless=sh(r"test ! -e /etc/fstab || {{ grep -Eq {} /etc/fstab; test $? -eq 1; }}", r"^[^#].*\sswap(\s|$)"),
    )
    yield command("systemd turns on no swap", sh(_MASK), unless=sh(_TURN_ON_SWAP))
