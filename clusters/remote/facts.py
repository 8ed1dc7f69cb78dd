"""What a machine is and what it can do, read by one shell script in one round trip."""

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

# Characters of the script's output that are read; a machine with hundreds of interfaces prints 40,000.
LARGEST = 256 * 1024

# The kernel's names of processors, and the names that Kubernetes' files use.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv8l": "arm"}

# Modules that Kubernetes, its proxy or a network plugin may need, each with a file that exists once
# its code is in the kernel (also when it is built in and no module of that name is listed).
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
# What systemd-detect-virt calls machines that share another machine's kernel.
CONTAINERS = ("systemd-nspawn", "lxc", "lxc-libvirt", "docker", "podman", "openvz", "container-other")
# Files that show an earlier installation, unless Slipway wrote them: its unit of kubelet outlives `kubeadm reset`. A
# unit of a package is not one of them, since Slipway's own one overrides it.
TRACES = (
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/pki/ca.crt",
    *(f"/etc/kubernetes/manifests/{name}.yaml" for name in (
        "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd",
    )),
    "/var/lib/etcd/member",
    "/etc/systemd/system/kubelet.service",
    "/var/lib/kubelet/config.yaml",
)  # fmt: skip
# Files that list name servers: kubelet gives one of them to pods, the second where systemd-resolved runs.
RESOLV_CONF, RESOLVED_CONF = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"
TOOLS = (
    "apt-get", "dnf", "yum", "zypper", "systemctl", "conntrack", "socat", "ipset", "ebtables", "iptables",
    "ip", "tar", "curl", "openssl", "chronyc", "containerd", "docker",
)  # fmt: skip

_SCRIPT = """
put() { printf '%s=%s\\n' "$1" "$2"; }
put clock "$(date +%s.%N)"
put hostname "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
( ID= VERSION_ID= PRETTY_NAME= ID_LIKE=; . /etc/os-release 2>/dev/null
  put os_id "$ID"; put os_version "$VERSION_ID"; put os_name "$PRETTY_NAME"; put os_like "$ID_LIKE" )
release=$(uname -r)
put kernel "$release"
put machine "$(uname -m)"
put cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
while read -r key value _; do
  case $key in MemTotal:) put memory_kb "$value" ;; SwapTotal:) put swap_kb "$value" ;; esac
done </proc/meminfo
for place in / /var; do put "free$place" "$(df -Pk "$place" 2>/dev/null | awk 'NR==2{print $4}')"; done
put machine_id "$(cat /etc/machine-id 2>/dev/null)"
put boot_id "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
put product_uuid "$(cat /sys/class/dmi/id/product_uuid 2>/dev/null)"
put vendor "$(cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/bios_version 2>/dev/null | tr '\\n' ' ')"
read -r init </proc/1/comm; put init "$init"
[ -d /run/systemd/system ] && put systemd yes
put virtualization "$(systemd-detect-virt 2>/dev/null)"
[ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -e /run/systemd/container ] && put container yes
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  put cgroup 2; put controllers "$(cat /sys/fs/cgroup/cgroup.controllers)"
elif [ -d /sys/fs/cgroup/memory ] || [ -d /sys/fs/cgroup/systemd ]; then
  put cgroup 1; put controllers "$(awk '$4==1{printf "%s ", $1}' /proc/cgroups)"
fi
if command -v ip >/dev/null; then
  ip -o addr show scope global 2>/dev/null | while read -r _ name _ address _; do put address "$name $address"; done
  ip -o link show 2>/dev/null | sed -n 's/^[0-9]*: \\([^:@]*\\)[:@].* mtu \\([0-9]*\\) .*/mtu=\\1 \\2/p'
  put default_interface "$(ip -o route show default 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)"
else
  for address in $(hostname -I 2>/dev/null); do put address "? $address"; done
fi
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4=="0A"{print "listen=" $2}'
put selinux "$(getenforce 2>/dev/null)"
[ -e "/lib/modules/$release/modules.dep" ] && command -v modprobe >/dev/null && put modprobe yes
module() {
  if [ -e "/sys/module/$1" ] || [ -e "$2" ] || grep -qs "^$1 " /proc/modules ||
     grep -qs "/$1\\.ko" "/lib/modules/$release/modules.builtin" ||
     { [ "$1" = overlay ] && grep -qw overlay /proc/filesystems; }; then put module "$1 active"
  elif modprobe -n -q "$1" 2>/dev/null; then put module "$1 loadable"; fi
}
( echo -999 >/proc/self/oom_score_adj ) 2>/dev/null && put lower_oom yes
( ulimit -n 1048576 ) 2>/dev/null && put raise_nofile yes
limit=/proc/sys/net/netfilter/nf_conntrack_max
( read -r value <$limit && echo "$value" >$limit ) 2>/dev/null && put conntrack_writable yes
for config in /proc/config.gz "/boot/config-$release" "/lib/modules/$release/config" \
  "/usr/lib/modules/$release/config" "/lib/modules/$release/build/.config"; do
  if [ -r "$config" ]; then put kernel_config "$config"; break; fi
done
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] && put ip_forward yes
systemctl is-active --quiet systemd-resolved 2>/dev/null && put resolved yes
trace() {
  [ -e "$1" ] && ! grep -qs '^# Written by Slipway' "$1" && put trace "$1"
}
resolver() {
  [ -r "$1" ] && put resolver "$1 $(head -c 8192 "$1" | awk '$1=="nameserver"{printf "%s ", $2}')"
}
"""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a machine, without prefix length, and the interface that has it (`?` if unknown)."""

    interface: str
    ip: str


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """One machine as observed. Sizes in MiB; what could not be read is empty, zero or false."""

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
    """How far that is ahead of this server's clock, in seconds; accurate to `clock_doubt`."""
    clock_doubt: float = 0.0
    machine_id: str = ""
    boot_id: str = ""
    """Of the running kernel: a container has its host's."""
    product_uuid: str = ""
    vendor: str = ""
    """The manufacturer of the machine and its firmware, as reported by the machine; empty if it reports none."""
    init: str = ""
    systemd: bool = False
    virtualization: str = ""
    container: bool = False
    cgroup_version: int = 0
    cgroup_controllers: tuple[str, ...] = ()
    """Those that the kernel has enabled."""
    addresses: tuple[Address, ...] = ()
    default_interface: str = ""
    mtus: tuple[tuple[str, int], ...] = ()
    """Interface -> the size of the largest packet it sends, in bytes."""
    listening: tuple[int, ...] = ()
    """TCP ports on which something listens, on any address."""
    selinux: str = ""
    """`enforcing`, `permissive`, `disabled`; empty without SELinux."""
    modules: tuple[tuple[str, str], ...] = ()
    """Of MODULES, those that are `active` (loaded or built in) or `loadable`."""
    modprobe_works: bool = False
    can_lower_oom: bool = False
    can_raise_nofile: bool = False
    conntrack_writable: bool = False
    kernel_config: str = ""
    """Where the kernel's build configuration can be read; kubeadm checks it."""
    ip_forward: bool = False
    resolved: bool = False
    """Whether systemd-resolved runs; kubeadm then makes kubelet read RESOLVED_CONF."""
    resolvers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """RESOLV_CONF and RESOLVED_CONF, where readable -> the name servers that the file lists."""
    tools: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    """Of TRACES, those that exist."""

    @property
    def ips(self) -> tuple[str, ...]:
        """All global addresses."""
        return tuple(address.ip for address in self.addresses)

    @property
    def in_container(self) -> bool:
        """Whether it shares another machine's kernel."""
        return self.container or self.virtualization in CONTAINERS

    def interface_of(self, ip: str) -> str:
        """The interface that has this address, or an empty string."""
        return next((address.interface for address in self.addresses if address.ip == ip), "")

    def mtu_of(self, ip: str) -> int:
        """The MTU of the interface that has this address, 0 if unknown."""
        return dict(self.mtus).get(self.interface_of(ip), 0)

    def module(self, name: str) -> str:
        """`active`, `loadable` or `missing`."""
        return dict(self.modules).get(name, "missing")

    def servers_in(self, file: str) -> tuple[str, ...] | None:
        """The name servers in RESOLV_CONF or RESOLVED_CONF, None where that file cannot be read."""
        return dict(self.resolvers).get(file)


def read_facts(host: Host, *, sudo: bool = True) -> MachineFacts:
    """Read the facts of a machine; as root unless `sudo` is false. Raises RemoteError."""
    before = time.time()
    result = host.run(facts_command(), sudo=sudo, timeout=60)
    after = time.time()
    facts = parse_facts(result.stdout, here=(before + after) / 2, doubt=(after - before) / 2)
    if not facts.kernel:
        raise RemoteError(
            f"{host.name} did not report what it is; expected lines such as `kernel=…`, found:"
            f" {' / '.join(result.last_lines(3)) or 'nothing'}",
            hint="Slipway requires a Linux machine with a POSIX shell.",
        )
    return facts


def facts_command() -> Command:
    """The script that prints the facts, one `name=value` a line; it changes nothing."""
    parts = [_SCRIPT]
    parts += [sh("module {} {}", name, sign).text for name, sign in MODULES.items()]
    parts += [sh("resolver {}", file).text for file in (RESOLV_CONF, RESOLVED_CONF)]
    parts += [sh("trace {}", path).text for path in TRACES]
    parts += [sh("command -v {0} >/dev/null && put tool {0}", tool).text for tool in TOOLS]
    return Command("\n".join([*parts, "exit 0"]))


class _Output:
    """The lines that the script printed, by name."""

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
        """The first value of that name, or an empty string."""
        return self._lines.get(name, [""])[0]

    def number(self, name: str) -> float:
        """The value as a number, 0 if it is not one; busybox prints the `%N` of a date unchanged."""
        return decimal_number(self.one(name).partition(".%")[0]) or 0.0

    def yes(self, name: str) -> bool:
        """Whether the value is yes."""
        return self.one(name) == "yes"


def parse_facts(text: str, *, here: float, doubt: float = 0.0) -> MachineFacts:
    """Facts from the script's output; `here` is this server's clock at that moment."""
    output = _Output(text)
    clock = output.number("clock")
    return replace(
        _abilities(output),
        hostname=output.one("hostname"),
        os_id=output.one("os_id"),
        os_version=output.one("os_version"),
        os_name=output.one("os_name"),
        os_like=tuple(output.one("os_like").split()),
        kernel=output.one("kernel"),
        arch=ARCHITECTURES.get(output.one("machine"), output.one("machine")),
        cpus=int(output.number("cpus")),
        memory_mb=int(output.number("memory_kb")) // 1024,
        swap_mb=int(output.number("swap_kb")) // 1024,
        root_free_mb=int(output.number("free/")) // 1024,
        var_free_mb=int(output.number("free/var")) // 1024,
        clock=clock,
        clock_skew=clock - here if clock else 0.0,
        clock_doubt=doubt,
        machine_id=output.one("machine_id"),
        boot_id=output.one("boot_id"),
        product_uuid=output.one("product_uuid").lower(),
        vendor=output.one("vendor"),
        addresses=tuple(_addresses(output.all("address"))),
        default_interface=output.one("default_interface"),
        mtus=tuple(
            (name, number)
            for name, _, value in (each.partition(" ") for each in output.all("mtu"))
            if (number := whole_number(value, 9)) is not None
        ),
        listening=tuple(sorted({port for port in map(_port, output.all("listen")) if port})),
    )


def _port(place: str) -> int | None:
    """The port of the kernel's `address:port`, written in hexadecimal digits; None if there is none."""
    return hexadecimal(place.rpartition(":")[2], 4)


def _abilities(output: _Output) -> MachineFacts:
    """The facts about what the machine can do."""
    virtualization = output.one("virtualization")
    return MachineFacts(
        init=output.one("init"),
        systemd=output.yes("systemd"),
        virtualization="" if virtualization == "none" else virtualization,
        container=output.yes("container"),
        cgroup_version=int(output.number("cgroup")),
        cgroup_controllers=tuple(output.one("controllers").split()),
        selinux=output.one("selinux").lower(),
        modules=tuple((name, state) for name, _, state in (line.partition(" ") for line in output.all("module"))),
        modprobe_works=output.yes("modprobe"),
        can_lower_oom=output.yes("lower_oom"),
        can_raise_nofile=output.yes("raise_nofile"),
        conntrack_writable=output.yes("conntrack_writable"),
        kernel_config=output.one("kernel_config"),
        ip_forward=output.yes("ip_forward"),
        resolved=output.yes("resolved"),
        resolvers=tuple(
            (file, tuple(servers)) for file, *servers in (line.split() for line in output.all("resolver") if line)
        ),
        tools=output.all("tool"),
        traces=output.all("trace"),
    )


def _addresses(lines: tuple[str, ...]) -> list[Address]:
    found = []
    for line in lines:
        interface, _, address = line.partition(" ")
        found.append(Address(interface=interface, ip=address.partition("/")[0]))
    return found
