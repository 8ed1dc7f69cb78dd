"""The probe of a static pod is sent where kubelet sends it, or refused immediately with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.staticpod import probe_of
from clusters.catalog.steps.kubernetes.control_plane import comes_back
from clusters.engine.wants import IN_VAIN, NotReached, Sight
from tests.catalog.pretend import pretend
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "/etc/kubernetes/manifests"


def since_136(name: str, path: str, port: int) -> bytes:
    """The relevant parts of kubeadm 1.36's manifest (cmd/kubeadm/app/phases/controlplane/manifests.go)."""
    return f"""\
apiVersion: v1
kind: Pod
metadata:
  labels:
    component: {name}
    tier: control-plane
  name: {name}
  namespace: kube-system
spec:
  containers:
  - command:
    - {name}
    - --v=2
    image: registry.k8s.io/{name}:v1.36.3
    livenessProbe:
      failureThreshold: 8
      httpGet:
        host: 127.0.0.1
        path: {path}
        port: probe-port
        scheme: HTTPS
      initialDelaySeconds: 10
      periodSeconds: 10
      timeoutSeconds: 15
    name: {name}
    ports:
    - containerPort: {port}
      name: probe-port
      protocol: TCP
    resources:
      requests:
        cpu: 100m
  hostNetwork: true
  priorityClassName: system-node-critical
status: {{}}
""".encode()


SCHEDULER = since_136("kube-scheduler", "/livez", 10259)


def changed(*, probe: Any, ports: Any = None) -> bytes:
    """The scheduler with another probe, and other ports if given."""
    pod = yaml.safe_load(SCHEDULER)
    container = pod["spec"]["containers"][0]
    container.pop("livenessProbe")
    container |= {} if probe is None else {"livenessProbe": probe}
    container |= {} if ports is None else {"ports": ports}
    return yaml.safe_dump(pod).encode()


@pytest.mark.parametrize(
    ("name", "path", "port"),
    [
        ("kube-apiserver", "/livez", 6443),
        ("kube-controller-manager", "/healthz", 10257),
        ("kube-scheduler", "/livez", 10259),
    ],
)
def test_a_named_port_is_found_among_the_ports_of_its_container(name: str, path: str, port: int) -> None:
    text = probe_of(since_136(name, path, port)).text
    assert f"--server https://127.0.0.1:{port} " in text
    assert text.endswith(f"get --raw {path}")


@pytest.mark.parametrize("port", [10259, "10259"])
def test_a_port_may_be_a_number_or_its_text(port: Any) -> None:
    text = probe_of(changed(probe={"httpGet": {"port": port, "scheme": "HTTPS"}}, ports=[])).text
    assert "--server https://127.0.0.1:10259 " in text


@pytest.mark.parametrize("port", ["other-port", "", None, 0, 65536, True, "²", "-1", [1], {"a": 1}])
def test_an_invalid_port_is_an_error_at_once(port: Any) -> None:
    with pytest.raises(NotReached, match="The livenessProbe's port of kube-scheduler should be") as refused:
        probe_of(changed(probe={"httpGet": {"port": port}}))
    assert f"Found: {port!r}. Its named ports: probe-port (10259)." in refused.value.message
    assert "Waiting does not help" in refused.value.hint and not refused.value.retryable


def test_a_named_port_without_a_number_is_an_error_at_once() -> None:
    with pytest.raises(NotReached, match=r"Found: 'probe-port'\. Its named ports: none\."):
        probe_of(changed(probe={"httpGet": {"port": "probe-port"}}, ports=[{"containerPort": 10259}]))
    with pytest.raises(NotReached, match=r"Found: 'probe-port'\. Its named ports: probe-port \(None\)\."):
        probe_of(changed(probe={"httpGet": {"port": "probe-port"}}, ports=[{"name": "probe-port"}]))


@pytest.mark.parametrize(
    ("probe", "found"),
    [
        (None, "none"),
        ({}, "none"),
        ({"httpGet": None}, "none"),
        ({"grpc": {"port": 2379}}, "one with grpc"),
        ({"exec": {"command": ["true"]}}, "one with exec"),
        ({"tcpSocket": {"port": 1}}, "one with tcpSocket"),
    ],
)
def test_a_manifest_without_a_probe_over_http_is_an_error_at_once(probe: Any, found: str) -> None:
    with pytest.raises(NotReached, match=rf"manifest of kube-scheduler.*Found: {found}\.$") as refused:
        probe_of(changed(probe=probe))
    assert "Waiting does not help" in refused.value.hint and not refused.value.retryable


def test_there_is_no_wait_for_a_component_without_a_usable_probe(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    hosts["node1"].put(changed(probe={"grpc": {"port": 1}}), f"{PLACE}/kube-scheduler.yaml", mode=0o600)
    with pytest.raises(NotReached, match="one with grpc"):
        comes_back("kube-scheduler", cluster).reach(machine)


def test_there_is_no_wait_for_an_address_that_kubectl_cannot_read(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    host = hosts["node1"]
    monkeypatch.setattr("clusters.catalog.staticpod.StaticPod.now", lambda pod, machine: Sight(True))
    host.put(SCHEDULER, f"{PLACE}/kube-scheduler.yaml", mode=0o600)
    host.answer("get --raw /livez", Answer(exit_code=1, stderr='error: host must be a URL or a host:port pair: "x"'))
    want = comes_back("kube-scheduler", cluster)
    stopped_clock(monkeypatch)
    with pytest.raises(NotReached, match="kube-scheduler is unhealthy: error: host must be a URL"):
        want.reach(cluster.machine("node1"))
    assert len([each for each in host.commands if "--raw /livez" in each]) == IN_VAIN
