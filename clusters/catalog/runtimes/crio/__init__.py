"""CRI-O where it is already installed: its settings and registries. Slipway does not install it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clusters.catalog.adapt import cgroup_driver
from clusters.catalog.images import image_ref
from clusters.catalog.paths import CNI_BIN
from clusters.catalog.runtimes import proxy, registries
from clusters.catalog.runtimes.kind import Runtime, RuntimeRecord, socket_of
from clusters.config.kubernetes_versions import facts_of
from clusters.engine.artifacts import INCOMING
from clusters.engine.step import step
from clusters.engine.wants import directory, eventually, file, service, so_if
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MANAGER = "crio"
SOCKET = "/var/run/crio/crio.sock"
DROP_IN = "/etc/crio/crio.conf.d/10-slipway.conf"
REGISTRIES = "/etc/containers/registries.conf.d/50-slipway.conf"
CERTS = "/etc/containers/certs.d"


def runtime(document: Document) -> Runtime:
    """CRI-O, in the form that the rest of the catalog uses."""
    return Runtime(
        manager=MANAGER,
        socket=socket_of(document, SOCKET),
        unit="crio",
        answers=sh("crictl info >/dev/null"),
        has=lambda ref: sh("crictl inspecti {} >/dev/null 2>&1", ref),
        # CRI has no call for it; skopeo writes into the storage that CRI-O reads, and needs a file to read from.
        load=lambda ref: sh(
            "mkdir -p {0} && archive=$(mktemp {0}/image.XXXXXX) && trap 'rm -f $archive' EXIT && cat > $archive && "
            "skopeo copy docker-archive:$archive {1}",
            INCOMING,
            f"containers-storage:{ref}",
        ),
        pull=lambda ref: sh("crictl pull {}", ref),
        components=(),
        binaries=binaries,
    )


def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Nothing: CRI-O is already installed with its programs."""
    return iter(())


RUNTIME = RuntimeRecord(MANAGER, runtime, steps=("runtime/crio",))


@step("runtime/crio", on="kubernetes", needs=("runtime/binaries", "os/kernel"), when=RUNTIME.chosen, expected=3)
def crio(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure and start CRI-O"""
    yield directory(DROP_IN.rpartition("/")[0])
    yield directory(REGISTRIES.rpartition("/")[0])
    yield from registries.certificate_wants(cluster.document, CERTS)
    yield from registries.login_wants(machine, cluster.document)
    yield file(DROP_IN, drop_in(cluster))
    yield file(REGISTRIES, registry_settings(cluster.document))
    yield proxy.proxied("crio", cluster.document)
    yield service("crio", restart_for=(DROP_IN, REGISTRIES, *proxy.files("crio", cluster.document)))
    yield eventually("CRI-O answers", so_if(sh("crictl info >/dev/null")), within=30)


def drop_in(cluster: Cluster) -> str:
    """The settings that differ from CRI-O's defaults. Source of the names: crio.conf(5).

    `conmon_cgroup` must be `pod` with cgroupfs, and may be `pod` with systemd.
    """
    document = cluster.document
    socket = socket_of(document, SOCKET)
    listen = f"\n[crio.api]\nlisten = {_text(socket)}\n" if socket != SOCKET else ""
    logins = f"global_auth_file = {_text(registries.LOGINS)}\n" if registries.logins(document) else ""
    return f"""# Written by Slipway; changes are overwritten by its next run.
{listen}
[crio.runtime]
cgroup_manager = {_text(cgroup_driver(cluster))}
conmon_cgroup = "pod"

[crio.image]
pause_image = {_text(image_ref(document, facts_of(document.kubernetes.version).pause_image))}
{logins}
[crio.network]
network_dir = "/etc/cni/net.d/"
plugin_dirs = ["{CNI_BIN}/"]
"""


def registry_settings(document: Document) -> str:
    """Mirrors and registries without a trusted certificate. Source of the names: containers-registries.conf(5)."""
    known = registries.accesses(document)
    lines = ["# Written by Slipway; changes are overwritten by its next run.\n"]
    for host, access in known.items():
        if not access.mirrors and not access.open:
            continue
        lines.append(
            f"\n[[registry]]\nprefix = {_text(host)}\nlocation = {_text(host)}\ninsecure = {_truth(access.open)}\n"
        )
        for mirror in access.mirrors:
            # CRI-O adds the API's /v2 itself; the rest of the path is the project.
            path = registries.path_of(mirror).removeprefix("v2/")
            place = "/".join((registries.host_of(mirror), *([path] if path and path != "v2" else [])))
            behind = known.get(registries.host_of(mirror))
            insecure = mirror.startswith("http://") or (behind is not None and behind.open)
            lines.append(f"\n  [[registry.mirror]]\n  location = {_text(place)}\n  insecure = {_truth(insecure)}\n")
    return "".join(lines)


def _text(value: str) -> str:
    """A string of TOML; its escapes are those of JSON."""
    return json.dumps(value, ensure_ascii=False)


def _truth(value: bool) -> str:
    return "true" if value else "false"
