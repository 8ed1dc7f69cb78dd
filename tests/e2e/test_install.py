"""The promise of the whole product: from the first start to a running cluster, in the browser."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import yaml

from tests.e2e import walking
from tests.e2e.walking import Walk
from tests.ha.layouts import NEWEST

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.e2e.serving import Site
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(1500)]

IMAGE = "docker.io/library/busybox:1.35"
ARCHIVE = "busybox-1.35.tar"
PAGE_TEXT = "a ship has landed"
NODE_PORT = 30080
APPLICATION = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "containers": [
                            {
                                "name": "web",
                                "image": IMAGE,
                                "imagePullPolicy": "IfNotPresent",
                                "command": [
                                    "/bin/sh",
                                    "-c",
                                    f"mkdir -p /www && echo '{PAGE_TEXT}' > /www/index.html"
                                    " && exec httpd -f -p 8080 -h /www",
                                ],
                            }
                        ]
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {
                "type": "NodePort",
                "selector": {"app": "web"},
                "ports": [{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "inside"},
            "spec": {"type": "ClusterIP", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ],
}


@dataclass
class Installed:
    """The results of the walk through the browser."""

    walk: Walk
    run: int
    state: str
    kubectl: Path
    kubeconfig: Path
    document: Path
    log: str

    def ask(self, *arguments: str, text: str = "") -> str:
        """The output of kubectl, with the kubeconfig that was downloaded."""
        command = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(page: Page, site: Site, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The cluster, installed by walking through the wizard and watching the run."""
    place = tmp_path_factory.mktemp("downloads")
    walk = Walk(page)
    walking.through_the_wizard(walk, "landing")
    run = walking.install(walk)
    state = walking.wait_until_over(walk)
    log = page.request.get(f"/runs/{run}/log.txt").text()
    assert state == "succeeded", log[-4000:]
    (cluster,) = site.ask("SELECT cluster_id FROM clusters_run WHERE id = ?", run)[0]
    kubeconfig = walking.kubeconfig(walk, place)
    document = walking.document_with_secrets(walk, cluster, place)
    page.goto(f"/clusters/{cluster}/")
    walk.remember("cluster")
    (kubectl,) = lab_bundle.glob("kubernetes/*/bin/linux/amd64/kubectl")
    runnable = place / "kubectl"
    shutil.copy(kubectl, runnable)
    runnable.chmod(0o755)
    return Installed(walk, run, state, runnable, kubeconfig, document, log)


@pytest.fixture(scope="module")
def application(installed: Installed, machines: Lab, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two replicas of a small web server behind two services; returns the ClusterIP of the inner one."""
    place = tmp_path_factory.mktemp("image")
    shutil.copy(lab_bundle / "images" / ARCHIVE, place / ARCHIVE)
    for host in machines.hosts():
        machines.send(host.name, place, "/var/lib/e2e")
        machines.execute(host.name, f"ctr -n k8s.io images import /var/lib/e2e/{ARCHIVE}")
    installed.ask("apply", "-f", "-", text=json.dumps(APPLICATION))
    installed.ask("rollout", "status", "deployment/web", "--timeout=120s")
    return installed.ask("get", "service", "inside", "-o", "jsonpath={.spec.clusterIP}")


def fetched(machines: Lab, node: str, url: str) -> str:
    """The answer that a node gets from an address; rules for a new service take a moment to reach every node."""
    return machines.execute(
        node, f"curl -fsS --noproxy '*' --max-time 5 --retry 10 --retry-delay 1 --retry-all-errors {url}"
    )


def test_all_three_nodes_are_ready(installed: Installed) -> None:
    installed.ask("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
    nodes = json.loads(installed.ask("get", "nodes", "-o", "json"))["items"]
    assert sorted(node["metadata"]["name"] for node in nodes) == list(walking.MACHINES)
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {NEWEST}


def test_a_service_answers_from_every_node(application: str, machines: Lab) -> None:
    for node in machines.hosts():
        assert PAGE_TEXT in fetched(machines, node.name, f"http://{application}/")
        for other in machines.hosts():
            assert PAGE_TEXT in fetched(machines, node.name, f"http://{other.address}:{NODE_PORT}/")


def test_pods_find_services_by_name(application: str, installed: Installed) -> None:
    pods = installed.ask("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}").split()
    assert len(pods) == 2
    for pod in pods:
        # Not wget: a static busybox cannot resolve names through the C library; its nslookup queries the server itself.
        found = installed.ask("exec", pod, "--", "nslookup", "-type=a", "inside.default.svc.cluster.local")
        assert application in found.split("Name:")[1]


def test_a_second_installation_changes_nothing(installed: Installed, site: Site) -> None:
    again = site.manage("cluster", "create", "-f", str(installed.document), "--yes", seconds=300)
    assert again.returncode == 0, again.stdout + again.stderr
    (state, number) = site.ask("SELECT state, id FROM clusters_run ORDER BY id DESC LIMIT 1")[0]
    assert number != installed.run
    assert state == "succeeded"
    changed = site.ask("SELECT step, host, changed FROM clusters_steprun WHERE run_id = ? AND changed > 0", number)
    assert changed == []
    assert "nothing changed" in again.stdout
    first, second = (
        site.ask("SELECT unixepoch(finished_at) - unixepoch(started_at) FROM clusters_run WHERE id = ?", run)[0][0]
        for run in (installed.run, number)
    )
    assert second < first / 2


def test_no_secret_is_stored_in_plain_text(installed: Installed, site: Site) -> None:
    passwords = {host["password"] for host in yaml.safe_load(installed.document.read_text())["spec"]["hosts"]}
    key = yaml.safe_load(installed.kubeconfig.read_text())["users"][0]["user"]["client-key-data"]
    secrets = {*passwords, key, base64.b64decode(key).decode().splitlines()[1]}
    places = {
        "the log of the run": installed.log.encode(),
        "what serve printed": site.log.read_bytes(),
        **{f"the page {name}": text.encode() for name, text in installed.walk.pages.items()},
        **{path.name: path.read_bytes() for path in site.data.glob("slipway.sqlite3*")},
    }
    assert len(places) > 10
    found = [f"{name}: {form}" for name, held in places.items() for form in forms_of(secrets) if form.encode() in held]
    assert found == []


def forms_of(secrets: set[str]) -> set[str]:
    """The secrets as they are, in Base64 and as in an address."""
    return {
        form for secret in secrets for form in (secret, base64.b64encode(secret.encode()).decode(), quote(secret, ""))
    }
