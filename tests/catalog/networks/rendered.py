"""Helm's output for the pinned charts with our values, stored as facts that tests compare with our code.

`python -m tests.catalog.networks.rendered HELM CHARTS` renders, with a real helm, every pinned chart in the folder
CHARTS (under its project's file name) for each case below, and writes `chart_facts.yaml`. It prints which of our values
a chart does not have. Charts are not in the repository, so only a contributor who adds a release needs this; tests need
the facts only.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.charts import plain, template, without_hooks
from clusters.catalog.components import component_of, file_names
from clusters.catalog.manifests import read_objects
from clusters.catalog.networks import cilium, hybridnet, kubeovn
from clusters.catalog.plugins import adapt_objects, pod_specs
from clusters.config.kubernetes_versions import known_versions, parse_version
from clusters.config.plugins import Release, releases_of
from clusters.engine.cluster import Cluster
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, PretendSource, seed
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.manifests import Object
    from clusters.config.schema import Document

FACTS = Path(__file__).with_name("chart_facts.yaml")
MODULES = {"cilium": cilium, "kubeovn": kubeovn, "hybridnet": hybridnet}
USUAL = "as it comes"
BOTH = {"kubePodsCIDR": "10.233.64.0/18,fd85::/64", "kubeServiceCIDR": "10.233.0.0/18,fd86::/112"}
THREE = {"etcd": ["node1"], "master": ["node1", "node2", "node3"], "worker": ["node1", "node2", "node3"]}
PARTS = {"hubble": {"enabled": True, "relay": {"enabled": True}, "ui": {"enabled": True}}, "envoy": {"enabled": True}}
KUBE_OVN = {
    "enableSSL": True,
    "joinCIDR": "100.70.0.0/16",
    "tunnelType": "vxlan",
    "ovs-ovn": {"hwOffload": True},
    "kube-ovn-controller": {"networkType": "vlan", "vlanInterfaceName": "eth1", "excludeIps": "10.233.64.9"},
    "kube-ovn-cni": {"enableMirror": True, "iface": "eth1", "CNIConfigPriority": "05"},
    "kube-ovn-pinger": {"pingerExternalAddress": "192.0.2.1", "pingerExternalDomain": "example.org"},
}
HYBRIDNET = {
    "defaultNetworkType": "Underlay",
    "enableNetworkPolicy": False,
    "preferVxlanInterfaces": "eth1",
    "preferVlanInterfaces": "eth2",
    "preferBGPInterfaces": "eth3",
}


def cases(plugin: str, release: Release) -> Iterator[tuple[str, Document]]:
    """Documents that use the release with different options, each for its oldest and its newest Kubernetes."""
    sections: dict[str, dict[str, Any]] = {USUAL: {}, "three control planes": {"roleGroups": THREE}}
    if plugin != "hybridnet":
        sections["two families"] = {"network": BOTH}
    if plugin == "cilium":
        sections["without kube-proxy"] = {"kubernetes": {"disableKubeProxy": True}}
        sections["all its parts"] = {"network": {"cilium": PARTS}}
    else:
        options = KUBE_OVN if plugin == "kubeovn" else HYBRIDNET
        sections["all options"] = {"network": {plugin: options}}
    for minor in (release.oldest, release.newest):
        version = next(each for each in known_versions() if parse_version(each).minor == minor)
        for name, changes in sections.items():
            yield (
                name,
                seed(
                    **changes
                    | {
                        "kubernetes": {"version": version, **changes.get("kubernetes", {})},
                        "network": {"plugin": plugin, **changes.get("network", {})},
                    }
                ),
            )


def values_of(document: Document) -> dict[str, Any]:
    """The values that our code creates for a document."""
    cluster = Cluster(
        document, open_host=lambda spec: FakeHost(spec.name), source=PretendSource(Path()), sink=Kept(), cancel=Cancel()
    )
    made: dict[str, Any] = plain(MODULES[document.network.plugin].values(cluster))
    return made


def paths(values: dict[str, Any], chart: dict[str, Any] | None = None, before: str = "") -> Iterator[str]:
    """The paths of values, only as deep as the chart's own values if these are given."""
    for key, value in values.items():
        path = f"{before}{key}"
        inner = None if chart is None else chart.get(key)
        if isinstance(value, dict) and value and (chart is None or inner):
            yield from paths(value, inner, f"{path}.")
        else:
            yield path


def known(path: str, chart: dict[str, Any]) -> bool:
    """Whether the chart's values have this path, or end above it with a mapping of any keys."""
    here: Any = chart
    for key in path.split("."):
        if here == {} or here is None:
            return True
        if not isinstance(here, dict) or key not in here:
            return False
        here = here[key]
    return True


def pods(objects: list[Object]) -> dict[str, dict[str, Any]]:
    """The facts of each workload: its images, and the ports that it opens in the node's own network."""
    found: dict[str, dict[str, Any]] = {}
    for each in objects:
        for pod in pod_specs(each):
            containers = [*(pod.get("initContainers") or ()), *pod["containers"]]
            found[f"{each['kind']} {each['metadata'].get('namespace')}/{each['metadata']['name']}"] = {
                "images": sorted({container["image"] for container in containers}),
                "ports": sorted(_ports(pod)) if pod.get("hostNetwork") else [],
            }
    return found


def _ports(pod: dict[str, Any]) -> set[int]:
    """Ports that containers name, and those of their probes."""
    found = set()
    for container in pod["containers"]:
        found |= {each["containerPort"] for each in container.get("ports") or ()}
        probes = [container.get(f"{kind}Probe") or {} for kind in ("liveness", "readiness", "startup")]
        asked = [(probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port") for probe in probes]
        found |= {port for port in asked if isinstance(port, int)}
    return found


def rendered(helm: str, chart: Path, document: Document) -> list[Object]:
    """The objects of a chart for a document, as Slipway applies them."""
    plugin, version = document.network.plugin, document.kubernetes.version
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
        yaml.safe_dump(values_of(document), values)
        values.flush()
        command = str(template(helm, plugin, str(chart), version, values.name))
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    return adapt_objects(document, without_hooks(read_objects(done.stdout, chart.name), plugin))


def facts_of(helm: str, chart: Path, plugin: str, release: Release) -> dict[str, Any]:
    """The stored facts of a release."""
    with tarfile.open(chart) as archive:
        (name,) = [each for each in archive.getnames() if each.count("/") == 1 and each.endswith("/values.yaml")]
        own = yaml.safe_load(archive.extractfile(name) or b"")
    asked: set[str] = set()
    made: dict[str, Any] = {}
    for case, document in cases(plugin, release):
        asked |= set(paths(values_of(document), own))
        now = pods(rendered(helm, chart, document))
        if made.setdefault(case, now) != now:
            raise SystemExit(f"{plugin} {release.version}, {case}: Kubernetes {document.kubernetes.version} differs")
    unknown = sorted(path for path in asked if not known(path, own))
    print(f"{plugin} {release.version}: {len(asked)} values, not in its values.yaml: {', '.join(unknown) or 'none'}")
    usual = made.pop(USUAL)
    others = {case: found for case, found in made.items() if found != usual}
    return {"values": sorted(asked - set(unknown)), "unlisted": unknown, "cases": {USUAL: usual, **others}}


def main(helm: str, folder: Path) -> None:
    """Write the facts of every chart in the folder; those of others stay."""
    facts = yaml.safe_load(FACTS.read_text()) if FACTS.exists() else {}
    for plugin in MODULES:
        for release in releases_of(plugin):
            (name,) = file_names(plugin, release.version, "any")
            chart = folder / name
            if not chart.exists():
                print(f"{name} is missing")
                continue
            pin = component_of(plugin).pins[f"{release.version}/{name}"]
            if hashlib.sha256(chart.read_bytes()).hexdigest() != pin:
                print(f"{name} does not match its pin")
            facts.setdefault(plugin, {})[release.version] = facts_of(helm, chart, plugin, release)
    FACTS.write_text(yaml.safe_dump(facts, sort_keys=False, width=120, default_flow_style=None))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
