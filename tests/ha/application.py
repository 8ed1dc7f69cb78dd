"""A small application to break: four replicas of a web server that end gracefully."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ha.installed import Installed

IMAGE = "docker.io/library/busybox:1.35"
NEXT_IMAGE = "docker.io/library/busybox:1.35-next"
"""The same programs under another name: for Kubernetes it is another image, so that it replaces every replica."""
ARCHIVE = "busybox-1.35.tar"
NODE_PORT = 30090
EVICTED_AFTER = 10
"""Seconds after which replicas leave a node that does not answer; Kubernetes' default is 300."""


SERVING = "echo ready > /tmp/index.html; trap 'kill $!; exit' TERM; httpd -f -p 8080 -h /tmp & wait"
"""A shell runs the server: the first process of a container gets only signals that it handles, so that the server would
be killed after half a minute."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A pod of the application. `ended`: it was asked to end, and none of its containers runs any more.

    Such a pod may stay in the list for more than a minute: kubelet 1.20 loses a container that it has removed before it
    reported its end ("could not be located when the pod was deleted"), and notices that only in its next full check.
    """

    node: str
    image: str
    ready: bool
    ending: bool
    ended: bool


def send_images(cluster: Installed, nodes: tuple[str, ...], bundle: Path, place: Path) -> None:
    """Copy both images to these nodes, which have no registry to pull from."""
    shutil.copy(bundle / "images" / ARCHIVE, place / ARCHIVE)
    for node in nodes:
        cluster.lab.send(node, place, "/tmp/images")
        cluster.lab.execute(
            node,
            f"/usr/local/bin/ctr -n k8s.io images import /tmp/images/{ARCHIVE} >/dev/null"
            f" && /usr/local/bin/ctr -n k8s.io images tag {IMAGE} {NEXT_IMAGE}",
        )


def application() -> str:
    """The manifests: a Deployment that replaces one replica after the other, and a Service on a port of each node."""
    web: dict[str, Any] = {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", SERVING],
        # Without a request its share of a busy processor is next to nothing, and answers take seconds.
        "resources": {"requests": {"cpu": "100m"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        # Nodes need a moment to learn that a replica must get no more requests.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
    }
    tolerations = [
        {
            "key": f"node.kubernetes.io/{key}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": EVICTED_AFTER,
        }
        for key in ("not-ready", "unreachable")
    ]
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [web], "tolerations": tolerations, "topologySpreadConstraints": [spread]},
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "web"},
            "ports": [{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}],
        },
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [deployment, service]})


def pods(cluster: Installed) -> list[Replica]:
    """The existing replicas."""
    return [
        Replica(
            node=item["spec"].get("nodeName", ""),
            image=item["spec"]["containers"][0]["image"],
            ready=any(
                each["type"] == "Ready" and each["status"] == "True" for each in item["status"].get("conditions", ())
            ),
            ending="deletionTimestamp" in item["metadata"],
            ended="deletionTimestamp" in item["metadata"]
            and not any("running" in each["state"] for each in item["status"].get("containerStatuses", ())),
        )
        for item in cluster.kubectl_json("get", "pods", "-l", "app=web")["items"]
    ]
