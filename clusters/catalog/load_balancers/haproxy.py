"""internalLoadbalancer: haproxy: a proxy on every worker, which connects only to healthy API servers."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.catalog import runtimes
from clusters.catalog.images import image_ref
from clusters.catalog.kubectl import api_server_is_ready, get_object, kubectl
from clusters.catalog.load_balancers import name
from clusters.catalog.load_balancers.kind import LoadBalancerRecord
from clusters.catalog.paths import CA, MANIFESTS
from clusters.catalog.staticpod import probe_of, running
from clusters.config.topology import api_port
from clusters.engine.artifacts import directory
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, eventually, file, so_if
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.source import Source
    from clusters.engine.wants import Want

IMAGE = "docker.io/library/haproxy:3.2.8-alpine"
"""A series with long-term support. Source: haproxy's releases."""
FOLDER = "/etc/slipway/haproxy"
CONFIG = f"{FOLDER}/haproxy.cfg"
MANIFEST = f"{MANIFESTS}/haproxy.yaml"
KUBECONFIG = "kubeconfig.conf"
HEALTH_PORT = 8081
"""The port of the proxy's own health check, for kubelet; on the loopback only. The same port as KubeKey's."""
CONFIGURED_WITHIN = 120.0
"""Seconds until the proxy runs with its files, including its first start."""
RELOAD_EVERY = 10
"""Checks, one per second, between two reloads of a proxy that still runs with an outdated configuration."""
POD = "SLIPWAY_POD"
"""The environment variable that holds the digest of the proxy's pod."""
OUTDATED = "the proxy runs with an outdated configuration"


@dataclass(frozen=True, slots=True)
class Proxy:
    """The files of a worker's proxy. Its health port answers with `config_digest` and `pod_digest`."""

    config: str = field(repr=False)
    config_digest: str
    manifest: str = field(repr=False)
    pod_digest: str


def proxy_image(source: Source) -> str:
    """The proxy's image, with the tag that the artifact source has."""
    return source.name_of(IMAGE)


LOAD_BALANCER = LoadBalancerRecord(
    "haproxy",
    images=lambda source: (proxy_image(source),),
    local_ports=lambda document: (HEALTH_PORT, document.control_plane_endpoint.port),
    before_nodes=("endpoint/kube-proxy",),
    last=("endpoint/haproxy",),
)


@step(
    "images/haproxy",
    on="joining-worker",
    needs=runtimes.STEPS,
    when=LOAD_BALANCER.chosen,
    timeout=900,
    expected=3,
)
def haproxy_image(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Load or pull the proxy's image on the workers"""
    yield runtimes.image_there(machine, cluster, proxy_image(cluster.source))


@step(
    "endpoint/kube-proxy",
    on="first-control-plane",
    needs=("kubernetes/init",),
    needs_all=("kubernetes/control-plane",),
    when=lambda document: LOAD_BALANCER.chosen(document) and not document.kubernetes.disable_kube_proxy,
    expected=1,
)
def kube_proxy(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect kube-proxy to the API server on its own machine"""
    yield _proxy_asks(f"https://{name.LOOPBACK}:{cluster.document.control_plane_endpoint.port}")


def _proxy_asks(server: str) -> Want:
    """kube-proxy's kubeconfig names this server.

    By address, since a pod's copy of /etc/hosts is as old as the pod. On a control plane the API server listens there,
    on a worker the proxy; pods that start earlier wait.
    """
    line = re.compile(r"(?m)^([ \t]*+server:[ \t]*+)(\S++)[ \t]*$")

    def settings(machine: Machine) -> str:
        found = get_object(machine, "configmap", "kube-proxy")
        if found is None:
            raise NotReached("The ConfigMap kube-proxy is missing.", hint="Did somebody remove it? Retry the run.")
        return str(found["data"].get(KUBECONFIG, ""))

    def look(machine: Machine) -> Sight:
        found = line.search(settings(machine))
        current = found[2] if found else "no server"
        return Sight(current == server, f"kube-proxy connects to {current}")

    def act(machine: Machine) -> None:
        changed = json.dumps({"data": {KUBECONFIG: line.sub(rf"\g<1>{server}", settings(machine))}})
        machine.do(kubectl("patch configmap kube-proxy -n kube-system --type merge -p {}", changed))

    return Wanted(f"kube-proxy connects to {server}", look, act)


@step(
    "endpoint/haproxy",
    on="joining-worker",
    needs=("kubernetes/join", "images/haproxy"),
    needs_all=("kubernetes/join-control-plane",),
    when=LOAD_BALANCER.chosen,
    timeout=300,
    expected=12,
)
def haproxy(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Run a proxy to all API servers on each worker"""
    proxy = proxy_files(cluster)
    yield directory(FOLDER)
    yield file(CONFIG, proxy.config)
    yield file(MANIFEST, proxy.manifest)
    yield runs_with(proxy)
    through = api_server_is_ready(name.LOOPBACK, cluster.document.control_plane_endpoint.port)
    yield eventually("an API server answers through the proxy", so_if(through), within=120, every=1)
    yield from name.lasting(machine, cluster)


def runs_with(proxy: Proxy) -> Want:
    """The proxy runs with these files, as its health check reports. A proxy with an outdated configuration is reloaded:
    a new worker takes over its sockets. Restarting the pod would leave the machine without a proxy for 10 to 15 s.

    Source: HAProxy's management guide, "Stopping and restarting HAProxy".
    """
    what = "the proxy connects to the document's control planes"
    ask = probe_of(proxy.manifest.encode())

    def look(machine: Machine) -> Sight:
        answer = machine.ask(ask)
        digests = answer.stdout.split()
        if not answer.ok:
            return Sight(False, "the proxy does not answer yet")
        if digests[1:] != [proxy.pod_digest]:
            return Sight(False, "kubelet has not restarted the proxy yet")
        return Sight(digests[0] == proxy.config_digest, OUTDATED)

    def act(machine: Machine) -> None:
        looks = 0

        def look_and_reload(machine: Machine) -> Sight:
            nonlocal looks
            sight = look(machine)
            if not sight.so and sight.found == OUTDATED:
                if looks % RELOAD_EVERY == 0:
                    reload(machine)
                looks += 1
            return sight

        eventually(what, look_and_reload, within=CONFIGURED_WITHIN, every=1).reach(machine)

    return Wanted(what, look, act)


def reload(machine: Machine) -> None:
    """Send SIGUSR2 to the master: the haproxy process with our configuration whose parent is not one of them."""
    ours = [each for each in running(machine, "haproxy") if CONFIG in each.command]
    masters = [each.pid for each in ours if each.parent not in {other.pid for other in ours}]
    machine.note("reloading the proxy" if masters else "the proxy has no process on this machine")
    for pid in masters:
        machine.do(sh("kill -USR2 {}", pid), check=False)


def proxy_files(cluster: Cluster) -> Proxy:
    """The files of the proxy, which are the same on every worker."""
    text = config(cluster)
    config_digest = hashlib.sha256(text.encode()).hexdigest()
    pod = _pod(image_ref(cluster.document, proxy_image(cluster.source)))
    pod_digest = hashlib.sha256(json.dumps(pod).encode()).hexdigest()
    pod["spec"]["containers"][0]["env"] = [{"name": POD, "value": pod_digest}]
    manifest = HEAD + json.dumps(pod, indent=2) + "\n"
    return Proxy(text.replace(DIGEST, config_digest), config_digest, manifest, pod_digest)


HEAD = "# Written by Slipway; changes are overwritten by its next run.\n"
DIGEST = "DIGEST"
"""The placeholder for the digest of the configuration."""
_CONFIG = (
    HEAD
    + """global
    log stdout format raw local0 notice
    maxconn 4000
    hard-stop-after 30s

defaults
    mode tcp
    log global
    option dontlognull
    option redispatch
    retries 3
    timeout connect 3s
    timeout client 15m
    timeout server 15m
    timeout check 2s

frontend health
    mode http
    bind {health}
    http-request return status 200 content-type text/plain lf-string "{digest} %[env({pod})]"

frontend api
    bind {api}
    default_backend api_servers

backend api_servers
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check check-ssl verify required ca-file {ca} inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
{servers}
"""
)


def config(cluster: Cluster) -> str:
    """haproxy.cfg, for haproxy 2.6 and later, with a placeholder for its own digest.

    An API server is healthy when /readyz answers 200 with a certificate of the cluster's own authority; two bad answers
    a second apart remove it and close its connections, two good ones add it again. After a reload, connections of the
    old worker are closed after 30 s, since it no longer checks the API servers.
    """
    port, behind = cluster.document.control_plane_endpoint.port, api_port(cluster.document)
    return _CONFIG.format(
        health=f"{name.LOOPBACK}:{HEALTH_PORT}",
        api=f"{name.LOOPBACK}:{port}",
        digest=DIGEST,
        pod=POD,
        ca=CA,
        servers="\n".join(f"    server {each.name} {each.address}:{behind}" for each in cluster.members("master")),
    )


def _pod(ref: str) -> dict[str, Any]:
    """The static pod, without the variable that holds its digest."""
    probe = {"httpGet": {"host": name.LOOPBACK, "path": "/", "port": HEALTH_PORT}, "periodSeconds": 5}
    container = {
        "name": "haproxy",
        "image": ref,
        "imagePullPolicy": "IfNotPresent",
        "command": ["haproxy", "-W", "-db", "-f", CONFIG],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "25m", "memory": "32Mi"}},
        "volumeMounts": [
            {"name": "config", "mountPath": FOLDER, "readOnly": True},
            {"name": "authority", "mountPath": CA, "readOnly": True},
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "haproxy", "namespace": "kube-system", "labels": {"k8s-app": "kube-haproxy"}},
        "spec": {
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [
                {"name": "config", "hostPath": {"path": FOLDER, "type": "Directory"}},
                {"name": "authority", "hostPath": {"path": CA, "type": "File"}},
            ],
        },
    }
