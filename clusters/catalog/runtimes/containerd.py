"""containerd: its configuration for 1.6, 1.7 and 2.x, its registries, and its service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clusters.catalog.adapt import cgroup_driver
from clusters.catalog.components import GITHUB, Component, artifact
from clusters.catalog.images import DOCKER_HUB, image_ref
from clusters.catalog.paths import BIN, CNI_BIN
from clusters.catalog.runtimes import proxy, registries
from clusters.catalog.runtimes.foreign import CRI, Foreign, copied, foreign_in, lines_of
from clusters.catalog.runtimes.kind import NOFILE, Runtime, RuntimeRecord, limits_of, socket_of
from clusters.config.kubernetes_versions import facts_of
from clusters.config.matrix import numbers
from clusters.config.secret import Secret
from clusters.engine.artifacts import binary, unpacked
from clusters.engine.step import step
from clusters.engine.wants import directory, eventually, file, service, so_if
from clusters.errors import SourceError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MANAGER = "containerd"
SOCKET = "/run/containerd/containerd.sock"
CONFIG = "/etc/containerd/config.toml"
UNIT = "/etc/systemd/system/containerd.service"
CERTS = "/etc/containerd/certs.d"
PINNED = ("io.cri-containerd.pinned", "pinned")
"""The label that protects an image from kubelet's garbage collection. Source: containerd's pkg/cri/labels."""
HEADER = "# Written by Slipway; changes are overwritten by its next run."
NOTHING = Foreign()
PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr")


def runtime(document: Document) -> Runtime:
    """containerd, in the form that the rest of the catalog uses."""
    socket = socket_of(document, SOCKET)
    ctr = sh("ctr" if socket == SOCKET else "ctr -a {}", *(() if socket == SOCKET else (socket,)))
    return Runtime(
        manager=MANAGER,
        socket=socket,
        unit="containerd",
        answers=sh("{} version >/dev/null 2>&1 && crictl info >/dev/null", ctr),
        has=lambda ref: sh("{} -n k8s.io images ls -q name=={} | grep -q .", ctr, ref),
        load=lambda ref: sh("{} -n k8s.io images import -", ctr),
        pull=lambda ref: sh("crictl pull {}", ref),
        components=("containerd", "runc"),
        binaries=binaries,
        pin=lambda ref: sh("{} -n k8s.io images label {} {}={} >/dev/null", ctr, ref, *PINNED),
        is_pinned=lambda ref: sh(
            "{} -n k8s.io images ls -q {} | grep -q .", ctr, f'name=={ref},labels."{PINNED[0]}"=={PINNED[1]}'
        ),
    )


RUNTIME = RuntimeRecord(
    MANAGER,
    runtime,
    steps=("runtime/containerd",),
    components=(
        Component(
            "containerd",
            lambda facts: f"v{facts.containerd}",
            GITHUB.format("containerd/containerd"),
            "containerd/{version}",
            ("containerd-{plain}-linux-{arch}.tar.gz",),
            "{name}.sha256sum",
        ),
    ),
    units=("containerd",),
)


def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """containerd, its shim and ctr, and runc."""
    yield unpacked(artifact(machine, cluster, "containerd"), {f"bin/{each}": f"{BIN}/{each}" for each in PROGRAMS})
    yield binary(artifact(machine, cluster, "runc"), "/usr/local/sbin/runc")


@step("runtime/containerd", on="kubernetes", needs=("runtime/binaries", "os/kernel"), when=RUNTIME.chosen, expected=3)
def containerd(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure and start containerd"""
    document = cluster.document
    yield directory("/etc/containerd")
    for registry, hosts in registry_hosts(document).items():
        yield directory(f"{CERTS}/{registry}")
        yield file(f"{CERTS}/{registry}/hosts.toml", hosts)
    yield from registries.certificate_wants(document, CERTS)
    yield from registries.login_wants(machine, document)
    text = config(machine, cluster, foreign_in(machine, CONFIG))
    # It contains logins in clear text: containerd has no other place where each is used for its own registry only.
    secret = bool(registries.logins(document))
    yield copied(CONFIG, UNIT)
    yield file(CONFIG, Secret(text), mode=0o600) if secret else file(CONFIG, text)
    yield file(UNIT, unit(machine))
    yield proxy.proxied("containerd", document)
    files = (CONFIG, UNIT, f"{BIN}/containerd", *proxy.files("containerd", document))
    yield service("containerd", restart_for=files, limits=limits_of(machine))
    yield eventually("containerd answers", so_if(runtime(document).answers), within=30)


def config(machine: Machine, cluster: Cluster, foreign: Foreign = NOTHING) -> str:
    """config.toml: version 3 for containerd 2.x, version 2 for 1.6 and 1.7, depending on the artifact source's version.

    The foreign parts of the current file stay in it: a drop-in would replace the plugin's whole table.

    Source of the names: containerd's docs/cri/config.md and docs/cri/registry.md.
    """
    version = cluster.source.version_of("containerd", cluster.document.kubernetes.version)
    found = numbers(version)
    if found is None:
        raise SourceError(
            f"The artifact source has containerd {version}, which is not a version like v2.4.2.",
            hint="The configuration depends on the version: state it in bundle.yaml.",
        )
    if found >= (2, 0, 0):
        text = _version_3(machine, cluster, several_places=found >= (2, 1, 0))
        plugin = CRI[0]
    else:
        text, plugin = _version_2(machine, cluster), CRI[1]
    return f"{HEADER}\n{_with_foreign(text, f'plugins.{_text(plugin)}', foreign)}"


def _with_foreign(text: str, plugin: str, foreign: Foreign) -> str:
    """The foreign parts in their places: a key of the file at its beginning, those of the plugin in its table."""
    version, _, rest = text.partition("\n")
    imports = "".join(lines_of({"imports": list(foreign.imports)})).strip() + "\n" if foreign.imports else ""
    settings = "".join(lines_of(foreign.settings))
    rest = rest.replace(f"[{plugin}]\n", f"[{plugin}]\n{settings}", 1)
    runtimes = "".join(
        line
        for name, table in foreign.runtimes.items()
        for line in lines_of({name: table}, f"{plugin}.containerd.runtimes")
    )
    default = lines_of({"default_runtime_name": foreign.default_runtime}, f"{plugin}.containerd")
    chosen = "".join(default) if foreign.default_runtime else ""
    return f"{version}\n{imports}{rest}{chosen}{runtimes}{''.join(lines_of(foreign.tables))}"


def _version_2(machine: Machine, cluster: Cluster) -> str:
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
{_daemon(cluster.document)}
[{cri}]
  sandbox_image = {_text(pause_image(cluster.document))}
  restrict_oom_score_adj = {_truth(not machine.facts.can_lower_oom)}

  [{cri}.cni]
    bin_dir = "{CNI_BIN}"
    conf_dir = "/etc/cni/net.d"

  [{cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [{cri}.containerd.runtimes.runc.options]
      SystemdCgroup = {_truth(cgroup_driver(cluster) == "systemd")}

  [{cri}.registry]
    config_path = "{CERTS}"
{_logins(cluster.document, cri)}"""


def _version_3(machine: Machine, cluster: Cluster, *, several_places: bool) -> str:
    """The CRI plugin became two in 2.0: one for images, one for running. 2.4 still reads version 3.

    `bin_dirs`, with `several_places`, came with 2.1; 2.4 ignores `bin_dir`. Source: containerd's RELEASES.md.
    """
    images, running = 'plugins."io.containerd.cri.v1.images"', 'plugins."io.containerd.cri.v1.runtime"'
    programs = f'bin_dirs = ["{CNI_BIN}"]' if several_places else f'bin_dir = "{CNI_BIN}"'
    return f"""version = 3
{_daemon(cluster.document)}
[{images}]

  [{images}.pinned_images]
    sandbox = {_text(pause_image(cluster.document))}

  [{images}.registry]
    config_path = "{CERTS}"
{_logins(cluster.document, images)}
[{running}]
  restrict_oom_score_adj = {_truth(not machine.facts.can_lower_oom)}

  [{running}.cni]
    {programs}
    conf_dir = "/etc/cni/net.d"

  [{running}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [{running}.containerd.runtimes.runc.options]
      SystemdCgroup = {_truth(cgroup_driver(cluster) == "systemd")}
"""


def pause_image(document: Document) -> str:
    """The image of the container that holds a pod's network."""
    return image_ref(document, facts_of(document.kubernetes.version).pause_image)


def _daemon(document: Document) -> str:
    """The document's settings of containerd itself: its data directory, and another socket."""
    data, socket = document.registry.containerd_data_dir, socket_of(document, SOCKET)
    lines = f"root = {_text(data)}\n" if data else ""
    return lines + (f"\n[grpc]\n  address = {_text(socket)}\n" if socket != SOCKET else "")


def _logins(document: Document, plugin: str) -> str:
    """Users and passwords by host. Deprecated; containerd's RELEASES.md announces the end for 2.7, so 2.4 reads them.

    crictl's CRICTL_AUTH cannot replace them: that login has no host, so containerd sends it to every mirror that asks.
    """
    lines = []
    for host, (username, password) in registries.logins(document).items():
        for name in (host, registries.HUB_HOST) if host == DOCKER_HUB else (host,):
            lines.append(
                f"\n    [{plugin}.registry.configs.{_text(name)}.auth]\n"
                f"      username = {_text(username)}\n"
                f"      password = {_text(password.reveal())}\n"
            )
    return "".join(lines)


def unit(machine: Machine) -> str:
    """The service. Limits that the machine cannot grant (inside LXC) are omitted, since systemd would not start it."""
    limits = f"LimitNOFILE={NOFILE}\n" if machine.facts.can_raise_nofile else ""
    score = "OOMScoreAdjust=-999\n" if machine.facts.can_lower_oom else ""
    return f"""{HEADER}
[Unit]
Description=containerd container runtime
After=network.target local-fs.target

[Service]
ExecStart={BIN}/containerd
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
{limits}{score}TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""


def registry_hosts(document: Document) -> dict[str, str]:
    """hosts.toml by registry: mirrors in their order, then the registry itself. Source: containerd's docs/hosts.md."""
    known = registries.accesses(document)
    found: dict[str, str] = {}
    for host, access in known.items():
        parts = []
        if access.mirrors:
            parts.append(f"server = {_text(access.urls[0])}\n")
            parts += [_host(mirror, known.get(registries.host_of(mirror))) for mirror in access.mirrors]
        if access.open or access.has_files:
            parts += [_host(url, access) for url in access.urls]
        if parts:
            found[host] = "\n".join(parts)
    return found


def _host(url: str, access: registries.Access | None) -> str:
    """One registry or mirror, with its settings."""
    lines = [f"[host.{_text(url)}]", '  capabilities = ["pull", "resolve"]']
    if registries.has_api_root(url):
        # Otherwise containerd appends another /v2.
        lines.append("  override_path = true")
    if access is not None and url.startswith("https://"):
        folder = f"{CERTS}/{access.host}"
        if access.unverified or access.insecure:
            lines.append("  skip_verify = true")
        if access.ca:
            lines.append(f"  ca = {_text(f'{folder}/ca.crt')}")
        if access.cert:
            lines.append(f"  client = [[{_text(f'{folder}/client.cert')}, {_text(f'{folder}/client.key')}]]")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A string of TOML; its escapes are those of JSON."""
    return json.dumps(value, ensure_ascii=False)


def _truth(value: bool) -> str:
    return "true" if value else "false"
