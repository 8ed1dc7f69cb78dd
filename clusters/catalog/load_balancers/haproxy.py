"""internalLoadbalancer: haproxy: a proxy on every worker, which only asks API servers that are well."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from clusters.catalog import runtimes
from clusters.catalog.images import image_ref
from clusters.catalog.kubectl import api_server_is_ready, kubectl
from clusters.catalog.load_balancers import name
from clusters.config.topology import api_port, load_balancer
from clusters.config.versions import HAPROXY_IMAGE
from clusters.engine.artifacts import directory
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted, eventually, file, so_if

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.source import Source
    from clusters.engine.wants import Want

FOLDER = "/etc/slipway/haproxy"
CONFIG = f"{FOLDER}/haproxy.cfg"
MANIFEST = "/etc/kubernetes/manifests/haproxy.yaml"
CA = "/etc/kubernetes/pki/ca.crt"
KUBECONFIG = "kubeconfig.conf"
HEALTH_PORT = 8081
"""Where kubelet asks whether the proxy itself lives; on the loopback only. The same port as KubeKey's."""


def chosen(document: Document) -> bool:
    """Whether the document asks for it."""
    return load_balancer(document) == "haproxy"


def proxy_image(source: Source) -> str:
    """The proxy's image, by the tag that the artifact source has of it."""
    return source.name_of(HAPROXY_IMAGE)


@step(
    "images/haproxy",
    on="joining-worker",
    needs=runtimes.STEPS,
    when=chosen,
    timeout=900,
    expected=3,
)
def haproxy_image(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Bring the proxy's image onto the workers"""
    yield runtimes.image_there(machine, cluster, proxy_image(cluster.source))


@step(
    "endpoint/kube-proxy",
    on="first-control-plane",
    needs=("kubernetes/init",),
    needs_all=("kubernetes/control-plane",),
    when=lambda document: chosen(document) and not document.kubernetes.disable_kube_proxy,
    expected=1,
)
def kube_proxy(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Let kube-proxy ask the API server of its own machine"""
    yield _proxy_asks(f"https://{name.LOOPBACK}:{cluster.document.control_plane_endpoint.port}")


def _proxy_asks(server: str) -> Want:
    """kube-proxy's kubeconfig names this server.

    By address, since a pod's copy of /etc/hosts is as old as the pod. A control plane listens there itself,
    a worker's proxy does; pods that start before it wait.
    """
    line = re.compile(r"(?m)^(\s*server:\s*)(\S+)\s*$")

    def settings(machine: Machine) -> str:
        answer = machine.ask(kubectl("get configmap kube-proxy -n kube-system -o json"))
        return str(json.loads(answer.stdout)["data"].get(KUBECONFIG, "")) if answer.ok else ""

    def look(machine: Machine) -> Sight:
        found = line.search(settings(machine))
        asked = found[2] if found else "nothing"
        return Sight(asked == server, f"kube-proxy asks {asked}")

    def act(machine: Machine) -> None:
        changed = json.dumps({"data": {KUBECONFIG: line.sub(rf"\g<1>{server}", settings(machine))}})
        machine.do(kubectl("patch configmap kube-proxy -n kube-system --type merge -p {}", changed))

    return Wanted(f"kube-proxy asks {server}", look, act)


@step(
    "endpoint/haproxy",
    on="joining-worker",
    needs=("kubernetes/join", "images/haproxy"),
    needs_all=("kubernetes/join-control-plane",),
    when=chosen,
    timeout=300,
    expected=12,
)
def haproxy(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Put a proxy to all API servers on each worker"""
    text = config(cluster)
    yield directory(FOLDER)
    yield file(CONFIG, text)
    yield file(MANIFEST, manifest(text, image_ref(cluster.document, proxy_image(cluster.source))))
    through = api_server_is_ready(name.LOOPBACK, cluster.document.control_plane_endpoint.port)
    yield eventually("an API server answers through the proxy", so_if(through), within=120, every=1)
    yield from name.lasting(machine, cluster)


def config(cluster: Cluster) -> str:
    """haproxy.cfg, for haproxy 2.4 and later.

    An API server counts as well when /readyz answers 200 under a certificate of the cluster's own authority;
    two bad answers a second apart take it out and cut what still hangs on it, two good ones bring it back.
    """
    port, behind = cluster.document.control_plane_endpoint.port, api_port(cluster.document)
    servers = "\n".join(f"    server {each.name} {each.address}:{behind}" for each in cluster.members("master"))
    return f"""# Written by Slipway; changes are overwritten by its next run.
global
    log stdout format raw local0 notice
    maxconn 4000

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
    bind {name.LOOPBACK}:{HEALTH_PORT}
    http-request return status 200 content-type text/plain string ok

frontend api
    bind {name.LOOPBACK}:{port}
    default_backend api_servers

backend api_servers
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check check-ssl verify required ca-file {CA} inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
{servers}
"""


def manifest(config_text: str, ref: str) -> str:
    """The static pod. The digest of the configuration in it makes kubelet start it anew when that changes."""
    probe = {"httpGet": {"host": name.LOOPBACK, "path": "/", "port": HEALTH_PORT}, "periodSeconds": 5}
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "haproxy",
            "namespace": "kube-system",
            "labels": {"k8s-app": "kube-haproxy"},
            "annotations": {"slipway/config-digest": hashlib.sha256(config_text.encode()).hexdigest()},
        },
        "spec": {
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
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
            ],
            "volumes": [
                {"name": "config", "hostPath": {"path": FOLDER, "type": "Directory"}},
                {"name": "authority", "hostPath": {"path": CA, "type": "File"}},
            ],
        },
    }
    return "# Written by Slipway; changes are overwritten by its next run.\n" + json.dumps(pod, indent=2) + "\n"
