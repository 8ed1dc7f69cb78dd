"""Slipway's lines in /etc/hosts, and in the template from which cloud-init writes that file at every boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.syntax import address_of
from clusters.engine.block import block
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

HOSTS = "/etc/hosts"
TEMPLATES = "/etc/cloud/templates"
MANAGED = ("true", "1", "on", "yes", "template")
"""Values of `manage_etc_hosts` with which cloud-init writes the whole file. Source: its module cc_update_etc_hosts."""
NO_TEMPLATE = ""
"""Stands for the template where cloud-init writes the file, but has no template that could be found."""
BEGIN, END = "# slipway ", " BEGIN"


def lines_in_hosts(machine: Machine, cluster: Cluster, name: str, text: str) -> Iterator[Want]:
    """The machine has these lines, now and after a reboot."""
    for path in _files(machine, cluster):
        yield block(path, name, text)


def only_address(machine: Machine, cluster: Cluster, name: str, host: str, address: str) -> Want:
    """A host name leads to this address and to no other one; older lines of the file lose the name.

    Programs do not take the first line: they get the addresses of all lines, in an order that depends on the network.
    """
    blocks = [block(path, name, f"{address} {host}") for path in _files(machine, cluster)]

    def look(here: Machine) -> Sight:
        sight = next((seen for each in blocks if not (seen := each.seen(here)).so), Sight(True))
        if not sight.so:
            return sight
        text = _text(here)
        if _without(text, host, address) != text:
            return Sight(False, f"other lines in {HOSTS} give {host} another address than {address}")
        found = _resolved(here, host)
        if found is None or address in found:
            return Sight(True)
        return Sight(False, f"{host} resolves to {_listed(found)}, not to {address}")

    def act(here: Machine) -> None:
        for each in blocks:
            if not each.seen(here).so:
                each.reach(here)
        text = _text(here)
        if (changed := _without(text, host, address)) != text:
            here.note(f"{host} has another address in {HOSTS}; the old lines stay there as comments")
            here.put(changed.encode("utf-8", "surrogateescape"), HOSTS)
        found = _resolved(here, host)
        if found is not None and address not in found:
            raise NotReached(
                f"{here.name} resolves {host} to {_listed(found)} although {HOSTS} has {address}.",
                hint="Something else answers first: files has to be the first word after hosts: in /etc/nsswitch.conf.",
            )

    return Wanted(blocks[0].what, look, act, tuple(path for each in blocks for path in each.files))


def template_of(machine: Machine, cluster: Cluster) -> str | None:
    """The template from which cloud-init writes /etc/hosts, NO_TEMPLATE if it was not found; None if it does not."""
    return cluster.once(f"hosts-template/{machine.name}", lambda: _read_template(machine))


def _files(machine: Machine, cluster: Cluster) -> tuple[str, ...]:
    template = template_of(machine, cluster)
    return (HOSTS, template) if template else (HOSTS,)


def _read_template(machine: Machine) -> str | None:
    answer = machine.ask(_CLOUD_INIT).stdout.splitlines()
    value, others = (answer[0] if answer else ""), answer[1:]
    if value.partition("#")[0].strip().strip("'\"").lower() not in MANAGED:
        return None
    named = [line.removeprefix("named ") for line in others if line.startswith("named ")]
    there = [line.removeprefix("there ") for line in others if line.startswith("there ")]
    usual = f"{TEMPLATES}/hosts.{_family(machine)}.tmpl"
    return next((each for each in (*named, usual) if each in there), NO_TEMPLATE)


def _family(machine: Machine) -> str:
    """The name of the distribution's family in cloud-init's templates. Source: OSFAMILIES in its `distros`."""
    words = {machine.facts.os_id, *machine.facts.os_like}
    if words & {"debian", "ubuntu"}:
        return "debian"
    if any(word.startswith(("suse", "opensuse", "sles")) for word in words):
        return "suse"
    return "openEuler" if "openeuler" in {word.lower() for word in words} else "redhat"


_CLOUD_INIT = sh(
    "[ -d /etc/cloud ] && [ ! -e /etc/cloud/cloud-init.disabled ] || exit 0; d=/var/lib/cloud/instance; "
    "cat /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg $d/vendor-cloud-config.txt $d/cloud-config.txt 2>/dev/null"
    " | sed -n 's/^manage_etc_hosts:[[:space:]]*//p' | tail -n 1 | grep . || exit 0; "
    "grep -o '/etc/cloud/templates/hosts[.][A-Za-z0-9.-]*tmpl' /etc/hosts 2>/dev/null | head -n 1 | sed 's/^/named /'; "
    "ls /etc/cloud/templates/hosts.*.tmpl 2>/dev/null | sed 's/^/there /'; exit 0"
)
"""The value that counts (what a user passed to the machine overrides its image), the template that the file names, and
the templates that exist."""


def _text(machine: Machine) -> str:
    return (machine.read(HOSTS) or b"").decode("utf-8", "surrogateescape")


def _resolved(machine: Machine, host: str) -> tuple[str, ...] | None:
    """The addresses that programs get for a name; None where that cannot be tested."""
    found = machine.ask(
        sh(
            "command -v getent >/dev/null || exit 0; timeout 8 getent ahosts {} | awk '{{print $1}}' | sort -u; "
            "echo tested",
            host,
        )
    ).stdout.split()
    return tuple(found[:-1]) if found[-1:] == ["tested"] else None


def _listed(found: tuple[str, ...] | None) -> str:
    return ", ".join(found or ()) or "nothing"


def _without(text: str, host: str, address: str) -> str:
    """The file's text in which no line outside Slipway's blocks gives this name another address."""
    lines, result, inside = text.split("\n"), [], False
    last = {line: number for number, line in enumerate(lines) if line.startswith(BEGIN)}
    for number, line in enumerate(lines):
        if line.startswith(BEGIN):
            # A block that has lost its last line would go to the end of the file.
            inside = line.endswith(END) and last.get(f"{line.removesuffix(END)} END", -1) > number
        first, *names = line.partition("#")[0].split() or [""]
        if inside or host.lower() not in (each.lower() for each in names) or address_of(first) == address_of(address):
            result.append(line)
            continue
        result.append(f"# before Slipway: {line}")
        if others := [each for each in names if each.lower() != host.lower()]:
            result.append(" ".join((first, *others)))
    return "\n".join(result)
