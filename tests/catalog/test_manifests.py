"""Objects in the cluster: read, applied in the right order, recorded, checked, and removed when unwanted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.manifests import applied_objects, find, for_old_servers, read_objects
from clusters.catalog.rollout import rollout_of
from clusters.errors import SourceError
from tests.catalog.pretend import pretend
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.machine import Machine
    from tests.fake_host import Ran

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "system"}}
BINDING = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "net"}}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "nets.example.org"},
}


class ApiServer:
    """Stores the objects that kubectl applies."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.kept: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        host.answer("apply --server-side", self._apply)
        host.answer("get configmap slipway-applied-", self._record)
        host.answer(" -o name", self._names)
        host.answer("delete --ignore-not-found", self._delete)

    def _apply(self, ran: Ran) -> Answer:
        for each in yaml.safe_load_all(ran.stdin or b""):
            self.kept[each["metadata"]["name"]] = each
            self.order.append(each["metadata"]["name"])
        return Answer()

    def _record(self, ran: Ran) -> Answer:
        known = [name for name in self.kept if name.startswith("slipway-") and f" {name} " in ran.command]
        return Answer(json.dumps(self.kept[known[0]])) if known else Answer()

    def _names(self, ran: Ran) -> Answer:
        names = [word.rpartition("/")[2] for word in ran.command.split() if "/" in word and "bin" not in word]
        missing = [name for name in names if name not in self.kept and not name.endswith(".conf")]
        return (
            Answer(exit_code=1, stderr=f'Error from server (NotFound): "{missing[0]}" not found')
            if missing
            else Answer()
        )

    def _delete(self, ran: Ran) -> Answer:
        for word in ran.command.split():
            self.kept.pop(word.rpartition("/")[2], None)
        return Answer()


@pytest.fixture
def machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The first control plane."""
    return pretend(monkeypatch, archive)[0].machine("node1")


@pytest.fixture
def server(machine: Machine) -> ApiServer:
    """Its API server."""
    assert isinstance(machine.host, FakeHost)
    return ApiServer(machine.host)


def test_definitions_come_first_and_are_waited_for(machine: Machine, server: ApiServer) -> None:
    want = applied_objects("net", lambda here: [CONFIG, CRD, BINDING])
    assert want.seen(machine).found == "net was not applied yet"
    want.reach(machine)
    assert want.seen(machine).so
    assert server.order == ["nets.example.org", "settings", "net", "slipway-applied-net"]
    waited = [each for each in server.host.commands if "wait --for condition=established" in each]
    assert len(waited) == 1 and waited[0].endswith("crd nets.example.org")


def test_current_objects_are_not_applied_again(machine: Machine, server: ApiServer) -> None:
    applied_objects("net", lambda here: [CONFIG]).reach(machine)
    assert applied_objects("net", lambda here: [dict(CONFIG)]).seen(machine).so
    assert server.order.count("settings") == 1


def test_changed_and_missing_objects_are_found(machine: Machine, server: ApiServer) -> None:
    applied_objects("net", lambda here: [CONFIG, BINDING]).reach(machine)
    other = applied_objects("net", lambda here: [CONFIG | {"data": {"mtu": "1400"}}, BINDING])
    assert other.seen(machine).found == "net was applied with other contents"
    del server.kept["net"]
    sight = applied_objects("net", lambda here: [CONFIG, BINDING]).seen(machine)
    assert (sight.so, sight.found) == (False, 'Error from server (NotFound): "net" not found')


def test_unwanted_objects_are_removed_but_never_a_definition(machine: Machine, server: ApiServer) -> None:
    applied_objects("net", lambda here: [CRD, CONFIG, BINDING]).reach(machine)
    applied_objects("net", lambda here: [BINDING]).reach(machine)
    assert set(server.kept) == {"nets.example.org", "net", "slipway-applied-net"}


def test_a_fingerprint_replaces_objects_that_are_expensive_to_make(machine: Machine, server: ApiServer) -> None:
    created: list[str] = []

    def make(here: Machine) -> list[dict[str, Any]]:
        created.append(here.name)
        return [CONFIG]

    applied_objects("net", make, fingerprint=lambda: "one").reach(machine)
    assert applied_objects("net", make, fingerprint=lambda: "one").seen(machine).so
    assert not applied_objects("net", make, fingerprint=lambda: "two").seen(machine).so
    assert created == ["node1"]


def test_a_stream_is_read_and_lists_are_flattened() -> None:
    text = yaml.safe_dump_all([CONFIG, None, {"kind": "List", "items": [BINDING, CRD]}])
    assert read_objects(text, "net.yaml") == [CONFIG, BINDING, CRD]
    assert find([CONFIG, BINDING], "ClusterRole", "net") is BINDING
    with pytest.raises(SourceError, match="no DaemonSet net"):
        find([CONFIG], "DaemonSet", "net")


@pytest.mark.parametrize("text", ["a: [", "<html>Please log in</html>", "kind: Secret\n", "- 1\n- 2\n"])
def test_an_invalid_manifest_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match=r"net.yaml is not a Kubernetes manifest"):
        read_objects(text, "net.yaml")


def test_old_api_servers_get_the_names_they_know() -> None:
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"}}
    assert [each["apiVersion"] for each in for_old_servers([budget, CONFIG], 20)] == ["policy/v1beta1", "v1"]
    assert for_old_servers([budget], 21) == [budget]


def test_ports_of_services_have_their_protocol() -> None:
    """An API server of 1.20.2 refuses to merge ports without one."""
    ports = [{"port": 80}, {"port": 53, "protocol": "UDP"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": ports}}
    (accepted,) = for_old_servers([service], 20)
    assert [port["protocol"] for port in accepted["spec"]["ports"]] == ["TCP", "UDP"]
    assert for_old_servers([service | {"spec": None}], 30)[0]["spec"] is None


def _daemonset(**status: int) -> str:
    spec = {"selector": {"matchLabels": {"app": "net"}}}
    return json.dumps({"metadata": {"generation": 2}, "spec": spec, "status": {"observedGeneration": 2, **status}})


def test_a_daemonset_is_ready_when_every_pod_is_new_and_ready(machine: Machine, server: ApiServer) -> None:
    want = rollout_of("daemonset", "kube-system", "net")
    good = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3}
    server.host.answer("get daemonset net", _daemonset(**good))
    assert want.seen(machine).so
    for off in (
        {"numberReady": 2},
        {"updatedNumberScheduled": 1},
        {"desiredNumberScheduled": 0},
        {"observedGeneration": 1},
    ):
        server.host.answer("get daemonset net", _daemonset(**(good | off)))
        assert not want.seen(machine).so, off


def test_pods_of_silent_nodes_do_not_count_at_the_first_look(machine: Machine, server: ApiServer) -> None:
    """A second run with a dead node has nothing to wait for."""
    silent = {"metadata": {"name": "node3"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    pod = {"metadata": {"name": "net-x"}, "spec": {"nodeName": "node3"}, "status": {}}
    server.host.answer(
        "get daemonset net", _daemonset(desiredNumberScheduled=3, updatedNumberScheduled=3, numberReady=2)
    )
    server.host.answer("get nodes -o json", json.dumps({"items": [silent]}))
    server.host.answer("get pods -n kube-system -l app=net", json.dumps({"items": [pod]}))
    assert rollout_of("daemonset", "kube-system", "net").seen(machine).so


def third_look(machine: Machine) -> str:
    """What is found of a rollout; the first two looks do not ask for reasons, since pods are only starting."""
    want = rollout_of("daemonset", "kube-system", "net")
    first, _second, third = (want.seen(machine).found for _ in range(3))
    assert third.startswith(first)
    assert ";" not in first
    return third


def test_the_message_of_a_pod_that_does_not_start_has_the_reason(machine: Machine, server: ApiServer) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    pod = {
        "metadata": {"name": "net-x"},
        "spec": {"nodeName": "node2"},
        "status": {"containerStatuses": [{"name": "agent", "state": {"waiting": waiting}}]},
    }
    server.host.answer("get daemonset net", _daemonset(desiredNumberScheduled=2, numberReady=1))
    server.host.answer("get pods -n kube-system -l app=net", json.dumps({"items": [pod]}))
    found = third_look(machine)
    assert found == "1 of 2 pods of net are ready; on node2 agent: ImagePullBackOff Back-off pulling image"


def test_the_message_of_a_crashing_pod_has_its_exit_and_log_command(machine: Machine, server: ApiServer) -> None:
    """The messages of containerd and kubelet 1.20 for a program that is missing in its image."""
    ended = {"exitCode": 128, "reason": "StartError", "message": f"{'failed: ' * 40}exec: agent: not found in $PATH"}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
    states = [
        {"name": "helper", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}},
        {"name": "agent", "state": {"waiting": waiting}, "lastState": {"terminated": ended}},
    ]
    pod = {
        "metadata": {"name": "net-x"},
        "spec": {"nodeName": "node2"},
        "status": {"containerStatuses": states},
    }
    server.host.answer("get daemonset net", _daemonset(desiredNumberScheduled=1, numberReady=0))
    server.host.answer("get pods -n kube-system -l app=net", json.dumps({"items": [pod]}))
    found = third_look(machine)
    assert found.startswith("0 of 1 pods of net are ready; on node2 agent exited with 128 (StartError) ")
    assert "exec: agent: not found in $PATH; kubectl logs -n kube-system net-x -c agent --previous" in found


def test_a_deployment_is_ready_when_its_replicas_are(machine: Machine, server: ApiServer) -> None:
    want = rollout_of("deployment", "kube-system", "typha")
    answer = {"metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": {"observedGeneration": 1}}
    server.host.answer("get deployment typha", json.dumps(answer))
    assert want.seen(machine).found == "0 of 2 pods of typha are ready"
    answer["status"] = {"observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 2}
    server.host.answer("get deployment typha", json.dumps(answer))
    assert want.seen(machine).so
