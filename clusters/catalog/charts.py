"""Charts: rendered by helm on a control plane, so that their objects are applied like those of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.components import artifact
from clusters.catalog.manifests import digest_of, read_objects
from clusters.catalog.paths import ADMIN_CONF, BIN
from clusters.config.kubernetes_versions import parse_version
from clusters.config.secret import Secret
from clusters.engine.artifacts import unpacked
from clusters.engine.wants import NotReached, Sight, Wanted, directory, file
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.catalog.manifests import Object
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.source import Artifact
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command

FOLDER = "/etc/slipway/charts"

HOOK = "helm.sh/hook"
"""The annotation in which a chart names the event at which helm creates an object."""

LARGEST_RENDERED = 16 * 1024 * 1024
"""Limit in bytes of a rendered chart; Cilium's and Kube-OVN's have less than 2 MB."""

AT_INSTALL = {"pre-install", "post-install"}


class Chart:
    """A chart with its values, for one release in kube-system."""

    def __init__(self, name: str, machine: Machine, cluster: Cluster, values: dict[str, Any]) -> None:
        self._name = name
        self._cluster = cluster
        self._archive: Artifact = artifact(machine, cluster, name)
        self._values = yaml.safe_dump(plain(values), sort_keys=False)
        self._place = f"{FOLDER}/{name}.tgz"
        self._values_place = f"{FOLDER}/{name}-values.yaml"
        self._rendered = f"{FOLDER}/{name}-rendered.yaml"

    def wants(self, machine: Machine) -> Iterator[Want]:
        """helm, the chart and its values are on the machine."""
        yield unpacked(artifact(machine, self._cluster, "helm"), {f"linux-{machine.facts.arch}/helm": f"{BIN}/helm"})
        yield directory(FOLDER, mode=0o700)
        yield _copied(self._archive, self._place)
        yield file(self._values_place, Secret(self._values), mode=0o600)

    def fingerprint(self) -> str:
        """The digest of chart and values: a chart that makes certificates never renders the same output twice."""
        return digest_of(f"{self._archive.sha256}\n{self._values}")

    def objects(self, machine: Machine) -> list[Object]:
        """Render it. Raises NotReached.

        helm has access to the cluster, so that a chart finds the certificate it made before, instead of making another.
        """
        version = self._cluster.document.kubernetes.version
        command = template(f"{BIN}/helm", self._name, self._place, version, self._values_place)
        done = machine.do(
            sh("umask 077 && KUBECONFIG={} {} --dry-run=server > {}", ADMIN_CONF, command, self._rendered),
            timeout=120,
            check=False,
        )
        if not done.ok:
            raise NotReached(
                f"helm cannot render the chart of {self._name}: {' '.join(done.last_lines(2))}",
                hint=f"The chart and its values are in {FOLDER} on {machine.name}.",
            )
        rendered = machine.read(self._rendered, most=LARGEST_RENDERED) or b""
        return without_hooks(read_objects(rendered, self._rendered), self._name)


def template(helm: str, name: str, chart: str, version: str, values: str) -> Command:
    """The command that renders a chart for a version of Kubernetes with a file of values."""
    return sh(
        "{} template {} {} --namespace kube-system --include-crds --kube-version {} --values {}",
        helm,
        name,
        chart,
        str(parse_version(version)),
        values,
    )


def without_hooks(objects: Sequence[Object], chart: str) -> list[Object]:
    """The objects without helm's hooks for upgrades, removal and tests. Raises NotReached for an installation hook."""
    events = {id(each): ((each["metadata"].get("annotations") or {}).get(HOOK) or "").split(",") for each in objects}
    needed = [each for each in objects if {event.strip() for event in events[id(each)]} & AT_INSTALL]
    if needed:
        first = needed[0]
        raise NotReached(
            f"The chart of {chart} requires helm to run {first['kind']} {first['metadata']['name']} as an "
            "installation hook, but Slipway only renders charts.",
            hint=f"Choose values of spec.network.{chart} that do not need the hook.",
        )
    return [each for each in objects if events[id(each)] == [""]]


def plain(value: Any) -> Any:
    """Values as they are written to the file: it contains the document's secrets in clear text; nothing shows them."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _copied(archive: Artifact, place: str) -> Want:
    """The archive at this path, byte for byte."""

    def look(machine: Machine) -> Sight:
        answer = machine.ask(sh("sha256sum < {}", place))
        return Sight(answer.ok and answer.stdout[:64] == archive.sha256, f"{place} is missing or differs")

    def act(machine: Machine) -> None:
        machine.note(f"copying the chart {archive.component} {archive.version} to {place}")
        machine.put(archive.path, place, mode=0o600)

    return Wanted(f"{place} is the chart {archive.component} {archive.version}", look, act)
