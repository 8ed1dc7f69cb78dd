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
from clusters.catalog.paths import BIN, KUBELET_CONF
from clusters.config.topology import api_port, load_balancer
from clusters.config.versions import HAPROXY_IMAGE
from clusters.engine.artifacts import directory
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, eventually, file, so_if
from clusters.remote.shell import sh

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
DIGEST = "DIGEST"
"""Stands in the configuration until its digest is known."""
HEALTH_PORT = 8081
"""Where kubelet asks whether the proxy itself lives; on the loopback only. The same port as KubeKey's."""
ASK = sh(
    "{}/kubectl --kubeconfig {} --server {} --request-timeout 3s get --raw /",
    BIN,
    KUBELET_CONF,
    f"http://{name.LOOPBACK}:{HEALTH_PORT}",
)
RELOAD = sh(
    "for c in /proc/[0-9]*/comm; do\n"
    '  n=; read -r n < $c && [ "$n" = haproxy ] || continue; d=${{c%/comm}}\n'
    "  tr '\\0' '\\n' < $d/cmdline | grep -qxF {} || continue\n"
    "  p=$(sed 's/.*) //' $d/stat | cut -d' ' -f2)\n"
    '  [ "$(cat /proc/$p/comm)" = haproxy ] || kill -USR2 ${{d#/proc/}}\n'
    "done 2>/dev/null; true",
    CONFIG,
)
"""Tells the master of those that read our configuration: the one whose parent is none of them."""
CONFIGURED_WITHIN = 120
TOLD_EVERY = 10
"""Seconds for the proxy to have its configuration, and between two times that it is told of it."""


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
    yield file(MANIFEST, manifest(image_ref(cluster.document, proxy_image(cluster.source))))
    yield configured(digest_in(text))
    through = api_server_is_ready(name.LOOPBACK, cluster.document.control_plane_endpoint.port)
    yield eventually("an API server answers through the proxy", so_if(through), within=120, every=1)
    yield from name.lasting(machine, cluster)


def configured(digest: str) -> Want:
    """The proxy says that it has the configuration of this digest; one that says another is told to read it anew.

    Its master starts a worker with the new configuration, which takes the sockets over, so that no connection is
    refused; were the pod started anew instead, kubelet would leave the machine without a proxy for 10 to 15 s.
    Source: HAProxy's management guide, "Stopping and restarting HAProxy".
    """

    def look(machine: Machine) -> Sight:
        answer = machine.ask(ASK)
        if not answer.ok:
            return Sight(False, "the proxy does not answer yet")
        return Sight(answer.stdout.strip() == digest, "the proxy has another configuration")

    def act(machine: Machine) -> None:
        told = TOLD_EVERY
        for _ in range(CONFIGURED_WITHIN):
            answer = machine.ask(ASK)
            if answer.ok and answer.stdout.strip() == digest:
                return
            if answer.ok and told >= TOLD_EVERY:
                machine.note("telling the proxy to read its configuration")
                machine.do(RELOAD)
                told = 0
            machine.pause(1.0)
            told += 1
        raise NotReached(
            f"The proxy on {machine.name} does not take its configuration ({CONFIG}).",
            hint=f"Read what it says (/var/log/pods/kube-system_haproxy-*, or crictl logs on {machine.name}).",
        )

    return Wanted("the proxy has the document's control planes", look, act)


def config(cluster: Cluster) -> str:
    """haproxy.cfg, for haproxy 2.4 and later. Whoever asks on the health port is told its digest.

    An API server counts as well when /readyz answers 200 under a certificate of the cluster's own authority;
    two bad answers a second apart take it out and cut what still hangs on it, two good ones bring it back.
    """
    port, behind = cluster.document.control_plane_endpoint.port, api_port(cluster.document)
    servers = "\n".join(f"    server {each.name} {each.address}:{behind}" for each in cluster.members("master"))
    text = f"""# Written by Slipway; changes are overwritten by its next run.
global
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
    bind {name.LOOPBACK}:{HEALTH_PORT}
    http-request return status 200 content-type text/plain string {DIGEST}

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
    return text.replace(DIGEST, hashlib.sha256(text.encode()).hexdigest())


def digest_in(text: str) -> str:
    """What a proxy with this configuration answers on the health port."""
    found = re.search(r"(?m)text/plain string (\w+)$", text)
    return found[1] if found else ""


def manifest(ref: str) -> str:
    """The static pod."""
    probe = {"httpGet": {"host": name.LOOPBACK, "path": "/", "port": HEALTH_PORT}, "periodSeconds": 5}
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "haproxy",
            "namespace": "kube-system",
            "labels": {"k8s-app": "kube-haproxy"},
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
