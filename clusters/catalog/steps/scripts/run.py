"""before/scripts, after/cluster-scripts, after/scripts: the user's scripts, once on each machine that they apply to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from clusters.config.carried_files import unpacked
from clusters.config.topology import members
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import CustomScript, Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

FOLDER = "/etc/slipway/scripts"
LONGEST_SECONDS = 3600.0


@step(
    "before/scripts",
    on="all",
    when=lambda document: bool(document.system.pre_install),
    timeout=LONGEST_SECONDS,
    expected=5,
)
def before(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Run the user's scripts before everything else"""
    yield from _scripts(machine, cluster.document, "before", cluster.document.system.pre_install)


@step(
    "after/cluster-scripts",
    on="all",
    needs_all=("finish/ready", "finish/node-dns"),
    when=lambda document: bool(document.system.post_cluster_install),
    timeout=LONGEST_SECONDS,
    expected=5,
)
def after_cluster(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Run the user's scripts after Kubernetes"""
    yield from _scripts(machine, cluster.document, "after-cluster", cluster.document.system.post_cluster_install)


@step(
    "after/scripts",
    on="all",
    needs_all=("finish/ready", "finish/node-dns", "after/cluster-scripts"),
    when=lambda document: bool(document.system.post_install),
    timeout=LONGEST_SECONDS,
    expected=5,
)
def after(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Run the user's scripts after everything else"""
    yield from _scripts(machine, cluster.document, "after", cluster.document.system.post_install)


def _scripts(machine: Machine, document: Document, when: str, scripts: tuple[CustomScript, ...]) -> Iterator[Want]:
    for number, script in enumerate(scripts):
        if is_for(machine, document, script):
            yield ran(f"{FOLDER}/{when}-{number}", script)


def is_for(machine: Machine, document: Document, script: CustomScript) -> bool:
    """Whether the script applies to this machine: scripts are for all machines or for those of a role group."""
    return not script.role or machine.name in {host.name for host in members(document, script.role)}


def ran(folder: str, script: CustomScript) -> Want:
    """The script has run here with exactly this text and these files. It runs again when one of them changes."""
    files = dict(unpacked(material) for material in script.materials)
    whole = hashlib.sha256(script.bash.encode())
    for name, content in sorted(files.items()):
        whole.update(f"\0{name}\0{len(content)}\0".encode() + content)
    digest, note = whole.hexdigest().encode(), f"{folder}/done"

    def look(machine: Machine) -> Sight:
        now = machine.read(note)
        return Sight(now == digest, "" if now == digest else "it has changed" if now else "it has not run yet")

    def act(machine: Machine) -> None:
        machine.do(sh("rm -rf {0} && install -d -m 0700 {1} {0}", folder, FOLDER))
        for name, content in files.items():
            machine.put(content, f"{folder}/{name}", mode=0o700)
        machine.put(script.bash.encode(), f"{folder}/script.sh", mode=0o700)
        machine.do(sh("cd {} && bash ./script.sh", folder))
        machine.put(digest, note)

    return Wanted(f"the script {script.name or 'without a name'} has run", look, act)
