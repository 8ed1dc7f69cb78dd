"""The results of `modprobe` on a lab host: this machine's kernel has its parts built in, and nothing to load."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path("/proc/config.gz")
# The modules a cluster asks for, by the option that builds them in, and where the kernel's tree has them.
PARTS = {
    "BRIDGE_NETFILTER": "net/bridge/br_netfilter",
    "IP_NF_IPTABLES": "net/ipv4/netfilter/ip_tables",
    "IP_SET": "net/netfilter/ipset/ip_set",
    "IP_VS": "net/netfilter/ipvs/ip_vs",
    "IP_VS_RR": "net/netfilter/ipvs/ip_vs_rr",
    "IP_VS_SH": "net/netfilter/ipvs/ip_vs_sh",
    "IP_VS_WRR": "net/netfilter/ipvs/ip_vs_wrr",
    "NET_IPIP": "net/ipv4/ipip",
    "NF_TABLES": "net/netfilter/nf_tables",
    "NF_CONNTRACK": "net/netfilter/nf_conntrack",
    "OVERLAY_FS": "fs/overlayfs/overlay",
    "VXLAN": "drivers/net/vxlan/vxlan",
}


def built_in() -> Iterator[str]:
    """The parts that this machine's kernel has, as lines of `modules.builtin`; none when it does not publish them."""
    if not CONFIG.exists():
        return
    options = gzip.decompress(CONFIG.read_bytes()).decode().splitlines()
    for option, place in PARTS.items():
        if f"CONFIG_{option}=y" in options:
            yield f"kernel/{place}.ko"


def write(root: Path) -> None:
    """List built-in modules for `modprobe` in the file system `root`; `depmod` must run there afterwards."""
    folder = root / "usr/lib/modules" / os.uname().release
    folder.mkdir(parents=True)
    (folder / "modules.order").write_text("")
    (folder / "modules.builtin").write_text("".join(f"{line}\n" for line in built_in()))
