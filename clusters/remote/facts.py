"""What a machine is and can do, read in one round trip by one shell script."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.config.plugins import plugins
from clusters.errors import RemoteError
from clusters.numbers import decimal_number, hexadecimal, whole_number
from clusters.plaintext import plain_text
from clusters.remote.shell import Command, sh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.remote.host import Host

# Characters of what the script prints that are read; a machine with hundreds of interfaces prints 40,000.
LARGEST = 256 * 1024

# The kernel's names of processors, and the names that Kubernetes' files bear.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv8l": "arm"}

# Modules that Kubernetes and its proxy may want, each with a file that is there once its code is in
# the kernel (also when it is built in and no module of that name is listed); and those of network plugins.
MODULES: Mapping[str, str] = {
    "br_netfilter": "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "overlay": "/sys/module/overlay",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
    "ip_vs": "/proc/net/ip_vs",
    "ip_vs_rr": "/sys/module/ip_vs_rr",
    "ip_vs_wrr": "/sys/module/ip_vs_wrr",
    "ip_vs_sh": "/sys/module/ip_vs_sh",
    "ip_tables": "/proc/net/ip_tables_names",
    "nf_tables": "/sys/module/nf_tables",
    **{name: f"/sys/module/{name}" for plugin in plugins() for name in plugin.modules},
}
# What systemd-detect-virt calls machines that have no kernel of their own.
CONTAINERS = ("systemd-nspawn", "lxc", "lxc-libvirt", "docker", "podman", "openvz", "container-other")
# Files that say something was installed before.
TRACES = (
    "/etc/kubernetes/admin.conf",
    "/var/lib/etcd/member",
    "/etc/systemd/system/kubelet.service",
    "/lib/systemd/system/kubelet.service",
    "/usr/lib/systemd/system/kubelet.service",
    "/var/lib/kubelet/config.yaml",
)
# Where name servers stand: kubelet gives pods one of these files, the second where systemd-resolved runs.
RESOLV_CONF, RESOLVED_CONF = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"
TOOLS = (
    "apt-get", "dnf", "yum", "zypper", "systemctl", "conntrack", "socat", "ipset", "ebtables", "iptables",
    "ip", "tar", "curl", "openssl", "chronyc", "containerd", "docker",
)  # fmt: skip

_SCRIPT = """
say() { printf '%s=%s\\n' "$1" "$2"; }
say clock "$(date +%s.%N)"
say hostname "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
( ID= VERSION_ID= PRETTY_NAME= ID_LIKE=; . /etc/os-release 2>/dev/null
  say os_id "$ID"; say os_version "$VERSION_ID"; say os_name "$PRETTY_NAME"; say os_like "$ID_LIKE" )
release=$(uname -r)
say kernel "$release"
say machine "$(uname -m)"
say cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
while read -r key value _; do
  case $key in MemTotal:) say memory_kb "$value" ;; SwapTotal:) say swap_kb "$value" ;; esac
done </proc/meminfo
for place in / /var; do say "free$place" "$(df -Pk "$place" 2>/dev/null | awk 'NR==2{print $4}')"; done
say machine_id "$(cat /etc/machine-id 2>/dev/null)"
say boot_id "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
say product_uuid "$(cat /sys/class/dmi/id/product_uuid 2>/dev/null)"
say vendor "$(cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/bios_version 2>/dev/null | tr '\\n' ' ')"
read -r init </proc/1/comm; say init "$init"
[ -d /run/systemd/system ] && say systemd yes
say virtualization "$(systemd-detect-virt 2>/dev/null)"
[ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -e /run/systemd/container ] && say container yes
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  say cgroup 2; say controllers "$(cat /sys/fs/cgroup/cgroup.controllers)"
elif [ -d /sys/fs/cgroup/memory ] || [ -d /sys/fs/cgroup/systemd ]; then
  say cgroup 1; say controllers "$(awk '$4==1{printf "%s ", $1}' /proc/cgroups)"
fi
if command -v ip >/dev/null; then
  ip -o addr show scope global 2>/dev/null | while read -r _ name _ address _; do say address "$name $address"; done
  ip -o link show 2>/dev/null | sed -n 's/^[0-9]*: \\([^:@]*\\)[:@].* mtu \\([0-9]*\\) .*/mtu=\\1 \\2/p'
  say default_interface "$(ip -o route show default 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)"
else
  for address in $(hostname -I 2>/dev/null); do say address "? $address"; done
fi
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4=="0A"{print "listen=" $2}'
say selinux "$(getenforce 2>/dev/null)"
[ -e "/lib/modules/$release/modules.dep" ] && command -v modprobe >/dev/null && say modprobe yes
module() {
  if [ -e "/sys/module/$1" ] || [ -e "$2" ] || grep -qs "^$1 " /proc/modules ||
     grep -qs "/$1\\.ko" "/lib/modules/$release/modules.builtin" ||
     { [ "$1" = overlay ] && grep -qw overlay /proc/filesystems; }; then say module "$1 active"
  elif modprobe -n -q "$1" 2>/dev/null; then say module "$1 loadable"; fi
}
( echo -999 >/proc/self/oom_score_adj ) 2>/dev/null && say lower_oom yes
( ulimit -n 1048576 ) 2>/dev/null && say raise_nofile yes
limit=/proc/sys/net/netfilter/nf_conntrack_max
( read -r value <$limit && echo "$value" >$limit ) 2>/dev/null && say conntrack_writable yes
for config in /proc/config.gz "/boot/config-$release" "/lib/modules/$release/config" \
  "/usr/lib/modules/$release/config" "/lib/modules/$release/build/.config"; do
  if [ -r "$config" ]; then say kernel_config "$config"; break; fi
done
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] && say ip_forward yes
systemctl is-active --quiet systemd-resolved 2>/dev/null && say resolved yes
resolver() {
  [ -r "$1" ] && say resolver "$1 $(head -c 8192 "$1" | awk '$1=="nameserver"{printf "%s ", $2}')"
}
"""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a machine, without prefix length, and the interface that has it (`?` when not known)."""

    interface: str
    ip: str


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """One machine as it was seen. Sizes in MiB; what could not be read is empty, zero or false."""

    hostname: str = ""
    os_id: str = ""
    os_version: str = ""
    os_name: str = ""
    os_like: tuple[str, ...] = ()
    kernel: str = ""
    arch: str = ""
    cpus: int = 0
    memory_mb: int = 0
    swap_mb: int = 0
    root_free_mb: int = 0
    var_free_mb: int = 0
    clock: float = 0.0
    """The machine's clock, seconds since 1970."""
    clock_skew: float = 0.0
    """How far that is ahead of this server's clock, in seconds; true to `clock_doubt`."""
    clock_doubt: float = 0.0
    machine_id: str = ""
    boot_id: str = ""
    """Of the running kernel: a container has its host's."""
    product_uuid: str = ""
    vendor: str = ""
    """Who made the machine and its firmware, as it says itself; empty where it does not."""
    init: str = ""
    systemd: bool = False
    virtualization: str = ""
    container: bool = False
    cgroup_version: int = 0
    cgroup_controllers: tuple[str, ...] = ()
    """Those that are switched on in the kernel."""
    addresses: tuple[Address, ...] = ()
    default_interface: str = ""
    mtus: tuple[tuple[str, int], ...] = ()
    """Interface -> the size of the largest packet it sends, bytes."""
    listening: tuple[int, ...] = ()
    """TCP ports on which something listens, on any address."""
    selinux: str = ""
    """`enforcing`, `permissive`, `disabled`; empty where there is no SELinux."""
    modules: tuple[tuple[str, str], ...] = ()
    """Of MODULES, those that are `active` (loaded or built in) or `loadable`."""
    modprobe_works: bool = False
    can_lower_oom: bool = False
    can_raise_nofile: bool = False
    conntrack_writable: bool = False
    kernel_config: str = ""
    """Where the kernel's build configuration can be read; kubeadm wants it."""
    ip_forward: bool = False
    resolved: bool = False
    """Whether systemd-resolved runs; kubeadm then has kubelet read RESOLVED_CONF."""
    resolvers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of RESOLV_CONF and RESOLVED_CONF, those that can be read -> the name servers that stand there."""
    tools: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    """Of TRACES, those that are there."""

    @property
    def ips(self) -> tuple[str, ...]:
        """All global addresses."""
        return tuple(address.ip for address in self.addresses)

    @property
    def in_container(self) -> bool:
        """Whether its kernel is another machine's."""
        return self.container or self.virtualization in CONTAINERS

    def interface_of(self, ip: str) -> str:
        """The interface that has this address, or nothing."""
        return next((address.interface for address in self.addresses if address.ip == ip), "")

    def mtu_of(self, ip: str) -> int:
        """The MTU of the interface that has this address, 0 when it is not known."""
        return dict(self.mtus).get(self.interface_of(ip), 0)

    def module(self, name: str) -> str:
        """`active`, `loadable` or `missing`."""
        return dict(self.modules).get(name, "missing")

    def servers_in(self, file: str) -> tuple[str, ...] | None:
        """The name servers in RESOLV_CONF or RESOLVED_CONF, None where that file cannot be read."""
        return dict(self.resolvers).get(file)


def read_facts(host: Host, *, sudo: bool = True) -> MachineFacts:
    """Read the facts of a machine; as root unless told otherwise. Raises RemoteError."""
    before = time.time()
    result = host.run(facts_command(), sudo=sudo, timeout=60)
    after = time.time()
    facts = parse_facts(result.stdout, here=(before + after) / 2, doubt=(after - before) / 2)
    if not facts.kernel:
        raise RemoteError(
            f"{host.name} did not say what it is; expected lines such as `kernel=…`, found:"
            f" {' / '.join(result.last_lines(3)) or 'nothing'}",
            hint="Slipway needs a Linux machine with a POSIX shell.",
        )
    return facts


def facts_command() -> Command:
    """The script that prints the facts, one `name=value` a line; it changes nothing."""
    parts = [_SCRIPT]
    parts += [sh("module {} {}", name, sign).text for name, sign in MODULES.items()]
    parts += [sh("resolver {}", file).text for file in (RESOLV_CONF, RESOLVED_CONF)]
    parts += [sh("[ -e {0} ] && say trace {0}", trace).text for trace in TRACES]
    parts += [sh("command -v {0} >/dev/null && say tool {0}", tool).text for tool in TOOLS]
    return Command("\n".join([*parts, "exit 0"]))


class _Said:
    """The lines of the script, by name."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, list[str]] = {}
        for line in plain_text(text[:LARGEST]).splitlines():
            name, found, value = line.partition("=")
            if found:
                self._lines.setdefault(name, []).append(value.strip())

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of that name."""
        return tuple(self._lines.get(name, ()))

    def one(self, name: str) -> str:
        """The first value of that name, or nothing."""
        return self._lines.get(name, [""])[0]

    def number(self, name: str) -> float:
        """The value as a number, 0 when it is none; busybox prints the `%N` of a date as it stands."""
        return decimal_number(self.one(name).partition(".%")[0]) or 0.0

    def yes(self, name: str) -> bool:
        """Whether the value is yes."""
        return self.one(name) == "yes"


def parse_facts(text: str, *, here: float, doubt: float = 0.0) -> MachineFacts:
    """Facts from what the script printed; `here` is this server's clock at that moment."""
    said = _Said(text)
    clock = said.number("clock")
    return replace(
        _abilities(said),
        hostname=said.one("hostname"),
        os_id=said.one("os_id"),
        os_version=said.one("os_version"),
        os_name=said.one("os_name"),
        os_like=tuple(said.one("os_like").split()),
        kernel=said.one("kernel"),
        arch=ARCHITECTURES.get(said.one("machine"), said.one("machine")),
        cpus=int(said.number("cpus")),
        memory_mb=int(said.number("memory_kb")) // 1024,
        swap_mb=int(said.number("swap_kb")) // 1024,
        root_free_mb=int(said.number("free/")) // 1024,
        var_free_mb=int(said.number("free/var")) // 1024,
        clock=clock,
        clock_skew=clock - here if clock else 0.0,
        clock_doubt=doubt,
        machine_id=said.one("machine_id"),
        boot_id=said.one("boot_id"),
        product_uuid=said.one("product_uuid").lower(),
        vendor=said.one("vendor"),
        addresses=tuple(_addresses(said.all("address"))),
        default_interface=said.one("default_interface"),
        mtus=tuple(
            (name, number)
            for name, _, value in (each.partition(" ") for each in said.all("mtu"))
            if (number := whole_number(value, 9)) is not None
        ),
        listening=tuple(sorted({port for port in map(_port, said.all("listen")) if port})),
    )


def _port(place: str) -> int | None:
    """The port of an `address:port` of the kernel's, which writes it in hexadecimal digits; None where it has none."""
    return hexadecimal(place.rpartition(":")[2], 4)


def _abilities(said: _Said) -> MachineFacts:
    """The facts about what the machine can do."""
    virtualization = said.one("virtualization")
    return MachineFacts(
        init=said.one("init"),
        systemd=said.yes("systemd"),
        virtualization="" if virtualization == "none" else virtualization,
        container=said.yes("container"),
        cgroup_version=int(said.number("cgroup")),
        cgroup_controllers=tuple(said.one("controllers").split()),
        selinux=said.one("selinux").lower(),
        modules=tuple((name, state) for name, _, state in (line.partition(" ") for line in said.all("module"))),
        modprobe_works=said.yes("modprobe"),
        can_lower_oom=said.yes("lower_oom"),
        can_raise_nofile=said.yes("raise_nofile"),
        conntrack_writable=said.yes("conntrack_writable"),
        kernel_config=said.one("kernel_config"),
        ip_forward=said.yes("ip_forward"),
        resolved=said.yes("resolved"),
        resolvers=tuple(
            (file, tuple(servers)) for file, *servers in (line.split() for line in said.all("resolver") if line)
        ),
        tools=said.all("tool"),
        traces=said.all("trace"),
    )


def _addresses(lines: tuple[str, ...]) -> list[Address]:
    found = []
    for line in lines:
        interface, _, address = line.partition(" ")
        found.append(Address(interface=interface, ip=address.partition("/")[0]))
    return found
