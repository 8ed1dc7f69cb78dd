"""kubeadm's files for every series: equal to the golden files, and without fields that kubeadm does not have."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusters.catalog.adapt import cgroup_driver
from clusters.catalog.kubeadm import dialect, init_configuration
from clusters.catalog.steps.kubernetes import binaries
from clusters.config.component_settings.etcd_tuning import flags
from clusters.config.kubernetes_versions import facts_of
from clusters.engine.wants import FileWant
from tests.catalog.golden import BY_MACHINES, FILES, FOLDER, NEWEST, SERIES, plain, rich
from tests.catalog.pretend import pretend, seed

HERE = Path(__file__).parent
GOLDEN = sorted((FOLDER / "kubeadm").glob("*.yaml"))


@pytest.mark.parametrize("folder", FILES)
def test_every_file_equals_its_golden_file(folder: str, monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    """After an intended change, `python -m tests.catalog.golden` writes them again."""
    made = FILES[folder](monkeypatch, archive)
    golden = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / folder).iterdir()}
    assert set(made) == set(golden)
    assert [name for name in made if made[name] != golden[name]] == []


def test_every_series_has_its_files() -> None:
    kinds = ("init-external", "init-stacked", "init-dual-stack", "join-control-plane")
    by_machines = {f"{series}-init-by-machines" for series in BY_MACHINES}
    assert {path.stem for path in GOLDEN} == {f"{series}-{kind}" for series in SERIES for kind in kinds} | by_machines
    assert len(SERIES) >= 18


@cache
def _types(api: str) -> dict[str, dict[str, str]]:
    known = yaml.safe_load((HERE / "kubeadm_fields.yaml").read_text())
    return {
        name: {field.partition(":")[0]: field.partition(":")[2] for field in fields.split()}
        for name, fields in (known["all"] | known[api]).items()
    }


def unknown_fields(value: Any, kind: str, types: dict[str, dict[str, str]], at: str) -> list[str]:
    """The fields below a value that its type does not have, and values whose shape differs from the type."""
    if kind == "Any":
        return []
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{at} is not a list"]
        return [wrong for each in value for wrong in unknown_fields(each, kind[1:-1], types, f"{at}[]")]
    if not kind:
        return [f"{at} is a mapping"] if isinstance(value, dict) else []
    if not isinstance(value, dict):
        return [f"{at} is not a mapping"]
    wrong = [f"{at}.{name}" for name in value if name not in types[kind]]
    for name, inner in value.items():
        if name in types[kind]:
            wrong += unknown_fields(inner, types[kind][name], types, f"{at}.{name}")
    return wrong


def _kubeadm_documents(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each["apiVersion"].startswith("kubeadm.k8s.io/")]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_field_is_one_of_the_published_types(path: Path) -> None:
    for each in _kubeadm_documents(path.read_text()):
        api = each["apiVersion"].rpartition("/")[2]
        assert api == facts_of(SERIES[path.stem.partition("-")[0]]).kubeadm_api
        assert unknown_fields(each, each["kind"], _types(api), each["kind"]) == []


def test_a_misspelt_field_and_a_field_of_another_dialect_are_found() -> None:
    _, cluster = _kubeadm_documents((FOLDER / "kubeadm" / "v1.20-init-stacked.yaml").read_text())
    for path, name in ((("apiServer",), "certSans"), (("etcd", "local"), "data_dir"), ((), "timeouts")):
        wrong = copy.deepcopy(cluster)
        place = wrong
        for part in path:
            place = place[part]
        place[name] = "x"
        dotted = ".".join(("ClusterConfiguration", *path, name))
        assert unknown_fields(wrong, "ClusterConfiguration", _types("v1beta2"), "ClusterConfiguration") == [dotted]
    new = unknown_fields(cluster, "ClusterConfiguration", _types("v1beta4"), "C")
    assert "C.apiServer.timeoutForControlPlane" in new and "C.apiServer.extraArgs is not a list" in new


@pytest.mark.parametrize("series", SERIES)
def test_taints_sockets_and_etcd_follow_the_version(series: str) -> None:
    facts = facts_of(SERIES[series])
    join = yaml.safe_load((FOLDER / "kubeadm" / f"{series}-join-control-plane.yaml").read_text())
    assert [each["key"] for each in join["nodeRegistration"]["taints"]] == list(facts.control_plane_taints)
    assert join["nodeRegistration"]["criSocket"].startswith("unix://") is not facts.dockershim
    init, cluster, kubelet, proxy = yaml.safe_load_all((FOLDER / "kubeadm" / f"{series}-init-stacked.yaml").read_text())
    assert cluster["etcd"]["local"]["imageTag"] == f"{facts.etcd}-0"
    gone = facts.version.minor >= 25
    assert set(kubelet["featureGates"]) == {"GracefulNodeShutdown"} | (set() if gone else {"TTLAfterFinished"})
    assert proxy["mode"] == "ipvs" and init["localAPIEndpoint"]["bindPort"] == 7443


def test_the_default_mode_of_the_newest_series_is_nftables() -> None:
    modes = {}
    for series in BY_MACHINES:
        text = (FOLDER / "kubeadm" / f"{series}-init-by-machines.yaml").read_text()
        *_, proxy = yaml.safe_load_all(text)
        modes[series] = proxy["mode"]
    assert modes == {"v1.32": "iptables", "v1.33": "nftables", NEWEST: "nftables"}
    assert NEWEST == "v1.37"


@pytest.mark.parametrize("series", SERIES)
def test_feature_gates_that_a_version_does_not_have_are_omitted(
    series: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = {"TTLAfterFinished": True, "SidecarContainers": True, "RotateKubeletServerCertificate": True}
    document = seed(kubernetes={"version": SERIES[series], "featureGates": gates})
    minor, always = facts_of(SERIES[series]).version.minor, {"RotateKubeletServerCertificate": True}
    known = (
        always
        | ({"TTLAfterFinished": True} if minor < 25 else {})
        | ({"SidecarContainers": True} if 27 < minor < 37 else {})
    )
    cluster, _, _ = pretend(monkeypatch, archive, document)
    _, whole, kubelet, proxy = yaml.safe_load_all(init_configuration(cluster.machine("node1"), cluster))
    assert kubelet["featureGates"] == proxy["featureGates"] == known
    extra = whole["apiServer"]["extraArgs"]
    values = {each["name"]: each["value"] for each in extra} if isinstance(extra, list) else extra
    assert values["feature-gates"] == ",".join(f"{name}=true" for name in sorted(known))


@pytest.mark.parametrize("series", SERIES)
def test_all_affected_components_get_both_networks(series: str) -> None:
    path = FOLDER / "kubeadm" / f"{series}-init-dual-stack.yaml"
    init, cluster, _, proxy = yaml.safe_load_all(path.read_text())
    assert init["localAPIEndpoint"]["advertiseAddress"] == "10.99.0.11"
    assert cluster["networking"]["podSubnet"] == proxy["clusterCIDR"] == "10.233.64.0/18,fd85:ee78::/112"
    extra = cluster["controllerManager"]["extraArgs"]
    values = {each["name"]: each["value"] for each in extra} if isinstance(extra, list) else extra
    assert values == {"node-cidr-mask-size-ipv4": "24", "node-cidr-mask-size-ipv6": "120"}
    assert {"fd99::11", "10.99.0.11", "10.233.0.1", "fd85:ee79::1"} <= set(cluster["apiServer"]["certSANs"])
    assert ("featureGates" in cluster) == (series == "v1.20")


@pytest.mark.parametrize("series", SERIES)
def test_an_api_server_closes_its_watches_at_its_end_if_it_can(series: str) -> None:
    _, whole, *_ = yaml.safe_load_all((FOLDER / "kubeadm" / f"{series}-init-stacked.yaml").read_text())
    extra = whole["apiServer"].get("extraArgs", {})
    values = {each["name"]: each["value"] for each in extra} if isinstance(extra, list) else extra
    known = int(series.partition(".")[2]) >= 27
    assert values.get("shutdown-watch-termination-grace-period") == ("5s" if known else None)


def test_the_documents_settings_win(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, rich("v1.20.2"))
    _, whole, kubelet, proxy = yaml.safe_load_all(init_configuration(cluster.machine("node1"), cluster))
    assert whole["apiServer"]["extraArgs"]["audit-log-maxage"] == "7", "it overrides our value"
    assert whole["apiServer"]["extraArgs"]["audit-policy-file"].endswith("policy.yaml")
    assert kubelet["containerLogMaxFiles"] == 5 and kubelet["containerLogMaxSize"] == "5Mi"
    assert proxy["ipvs"] == {"excludeCIDRs": ["10.99.0.200/32"], "scheduler": "lc", "strictARP": True}
    assert kubelet["clusterDNS"] == ["169.254.25.10"]


def test_the_documents_cgroup_driver_is_for_kubelet_and_runtime(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    document = seed(kubernetes={"version": "v1.20.2", "kubeletConfiguration": {"cgroupDriver": "cgroupfs"}})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    assert cgroup_driver(cluster) == "cgroupfs"


def test_null_removes_a_setting_and_the_kind_stays() -> None:
    ours = {"kind": "A", "one": 1, "section": {"two": 2, "three": 3}}
    theirs = {"kind": "B", "one": None, "section": {"two": [4]}, "five": 5}
    assert dialect.merged(ours, theirs) == {"kind": "A", "section": {"two": [4], "three": 3}, "five": 5}


def test_kubelets_arguments_come_last_and_are_quoted_for_systemd() -> None:
    text = binaries.drop_in(("v=4", 'node-labels=a="50%"', "root-dir=/a $b"))
    (line,) = [each for each in text.splitlines() if each.startswith("ExecStart=/")]
    assert line.endswith(r'$KUBELET_EXTRA_ARGS "--v=4" "--node-labels=a=\"50%%\"" "--root-dir=/a $$b"')
    assert binaries.drop_in(()).splitlines()[-1].endswith("$KUBELET_EXTRA_ARGS")


@pytest.mark.parametrize(
    ("version", "facts", "asks"),
    [
        ("v1.20.2", {}, False),
        ("v1.20.2", {"vendor": "Amazon EC2 1.0"}, True),
        ("v1.20.2", {"vendor": "Xen 4.11.amazon"}, True),
        ("v1.20.2", {"virtualization": "amazon"}, True),
        ("v1.20.2", {"product_uuid": "ec2e1916-9099-7caf-fd21-012345abcdef"}, True),
        ("v1.27.16", {}, True),
    ],
)
def test_a_kubelet_outside_of_amazon_does_not_ask_amazon(
    version: str, facts: dict[str, str], asks: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": version})
    cluster, _, _ = pretend(monkeypatch, archive, document, node2=facts)
    wants = list(binaries.kubelet(cluster.machine("node2"), cluster))
    (text,) = [want.content.decode() for want in wants if isinstance(want, FileWant) and want.path == binaries.DROP_IN]
    assert ("AWS_EC2_METADATA_DISABLED=true" not in text) is asks


def test_etcd_tuning_is_one_table_for_service_and_static_pod() -> None:
    found = flags(seed(etcd={"maxWals": 3, "extraArgs": ["ETCD_MAX_WALS=4", "--log-outputs=stderr"]}).etcd)
    assert found["heartbeat-interval"] == "250" and found["election-timeout"] == "2500"
    assert found["max-wals"] == "4" and found["log-outputs"] == "stderr" and "quota-backend-bytes" not in found


def test_a_plain_document_adds_two_arguments_of_ours(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, plain("v1.36.0"))
    whole = list(yaml.safe_load_all(init_configuration(cluster.machine("node1"), cluster)))[1]
    assert whole["controllerManager"]["extraArgs"] == [{"name": "node-cidr-mask-size", "value": "24"}]
    assert [each["name"] for each in whole["apiServer"]["extraArgs"]] == ["shutdown-watch-termination-grace-period"]
    assert whole["scheduler"] == {}
