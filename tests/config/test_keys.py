"""Every KubeKey key is typed, read, written and described."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusters.config.dialects.render import render
from clusters.config.json_schema import DRAFT, json_schema, json_schema_text
from clusters.config.keys import Key, Model, keys_of
from clusters.config.load import load
from clusters.config.schema import Document, Host, KubeSphereSpec
from clusters.config.secret import Secret

SAMPLES: dict[str, Any] = {
    "int": 7,
    "float": 0.25,
    "text": "sample",
    "names": ["one"],
    "values": ["a=b"],
    "labels": {"a": "b"},
    "flags": {"A": True},
    "secret": "Testing123",
    "raw": {"a": {"b": 1}},
}
GROUPS = (
    "spec.hosts.0 name address internalAddress port user password privateKey privateKeyPath arch timeout labels",
    "spec.roleGroups etcd master worker control-plane registry",
    "spec.controlPlaneEndpoint internalLoadbalancer domain externalDNS address port kubevip.mode",
    "spec.system ntpServers timezone rpms debs preInstall.0.bash postInstall.0.role postClusterInstall.0.materials "
    "skipConfigureOS",
    "spec.kubernetes type version imageRepo clusterName dnsDomain disableKubeProxy masqueradeAll maxPods podPidsLimit "
    "nodeCidrMaskSize nodeCidrMaskSizeIPv6 apiserverCertExtraSans proxyMode autoRenewCerts nodelocaldns "
    "containerManager containerRuntimeEndpoint nodeFeatureDiscovery.enabled kata.enabled apiserverArgs "
    "controllerManagerArgs schedulerArgs kubeletArgs kubeProxyArgs featureGates kubeletConfiguration "
    "kubeProxyConfiguration audit.enabled nvidiaRuntime",
    "spec.etcd type external.endpoints external.caFile external.certFile external.keyFile port peerPort extraArgs "
    "backupDir backupPeriod keepBackupNumber backupScript dataDir heartbeatInterval electionTimeout snapshotCount "
    "autoCompactionRetention metrics logLevel quotaBackendBytes maxRequestBytes maxSnapshots maxWals",
    "spec.dns dnsEtcHosts nodeEtcHosts coredns.additionalConfigs coredns.externalZones.0.zones coredns.rewriteBlock "
    "coredns.externalZones.0.nameservers coredns.externalZones.0.cache coredns.externalZones.0.rewrite "
    "coredns.upstreamDNSServers nodelocaldns.externalZones.0.zones",
    "spec.network plugin kubePodsCIDR kubeServiceCIDR calico.ipipMode calico.vxlanMode calico.vethMTU "
    "calico.ipv4NatOutgoing calico.ipv6NatOutgoing calico.defaultIPPOOL calico.typha.enabled calico.typha.replicas "
    "calico.typha.nodeSelector calico.controller.replicas calico.controller.nodeSelector calico.enableTypha "
    "calico.replicas calico.nodeSelector calico.ipAutoDetectionMethod flannel.backendMode flannel.directRouting "
    "kubeovn.enableSSL kubeovn.joinCIDR kubeovn.label kubeovn.tunnelType kubeovn.svcYamlIpfamilypolicy "
    "kubeovn.dpdk.dpdkMode kubeovn.dpdk.dpdkTunnelIface kubeovn.dpdk.dpdkVersion kubeovn.ovs-ovn.hwOffload "
    "kubeovn.kube-ovn-controller.podGateway kubeovn.kube-ovn-controller.vlanID kubeovn.kube-ovn-controller.enableLB "
    "kubeovn.kube-ovn-controller.enableNP kubeovn.kube-ovn-controller.enableEipSnat "
    "kubeovn.kube-ovn-controller.enableExternalVPC kubeovn.kube-ovn-cni.CNIConfigPriority kubeovn.kube-ovn-cni.RPMs "
    "kubeovn.kube-ovn-pinger.pingerExternalAddress multusCNI.enabled hybridnet.defaultNetworkType "
    "hybridnet.enableNetworkPolicy hybridnet.init hybridnet.preferVxlanInterfaces hybridnet.preferVlanInterfaces "
    "hybridnet.preferBGPInterfaces hybridnet.networks.0.netID hybridnet.networks.0.subnets.0.reservedIPs "
    "hybridnet.networks.0.subnets.0.excludeIPs",
    "spec.storage openebs.basePath",
    "spec.registry type registryMirrors insecureRegistries privateRegistry namespaceOverride auths.a.username "
    "auths.a.password auths.a.skipTLSVerify auths.a.plainHTTP auths.a.certsPath auths.a.caFile auths.a.certFile "
    "auths.a.keyFile bridgeIP containerdDataDir dockerDataDir registryDataDir dataRoot plainHTTP "
    "namespaceRewrite.policy namespaceRewrite.src namespaceRewrite.dest remoteMirrors.a.endpoint",
    "spec.addons.0 name namespace preInstall.0.bash postInstall.0.bash retries delay sources.chart.name "
    "sources.chart.repo sources.chart.path sources.chart.version sources.chart.valuesFile sources.chart.values "
    "sources.chart.wait sources.yaml.path sources.yaml.values",
    "spec.kubesphere enabled namespace version configurations",
)
"""Section, and the keys of KubeKey's types below it (`.0`: in a list; `.a`: by a name). Source: KubeKey 1.0 to 3.1."""
KUBEKEYS = [f"{words.split()[0]}.{key}" for words in GROUPS for key in words.split()[1:]]


def _key(path: str) -> tuple[Key, list[str]]:
    """The key at a path, and where list entries and names are."""
    model: type[Model] = Document
    found: Key | None = None
    for part in path.split(".")[1:]:
        if part in ("0", "a"):
            continue
        found = keys_of(model)[part]
        model = found.inner or Model
    assert found is not None
    return found, path.split(".")


def _sample(key: Key) -> Any:
    return not key.default if key.kind == "bool" else SAMPLES[key.kind]


def _nested(parts: list[str], value: Any) -> Any:
    for part in reversed(parts):
        value = [value] if part == "0" else {part: value}
    return value


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", KUBEKEYS)
def test_a_key_of_kubekey_is_typed_read_and_written_again(path: str) -> None:
    key, parts = _key(path)
    value = _sample(key)
    text = json.dumps({"apiVersion": "kubekey.kubesphere.io/v1alpha2", "kind": "Cluster", "metadata": {"name": "a"}})
    text = f"{text[:-1]}, {json.dumps(_nested(parts, value))[1:]}"
    loaded = load(text)
    assert loaded.document is not None, loaded.findings
    assert not [each for each in loaded.findings if each.id == "key.unknown"]
    assert load(render(loaded.document, secrets="show")).document == loaded.document
    assert loaded.document != load(text.replace(json.dumps(_nested(parts, value))[1:], '"spec": {}}')).document
    told = [each.path for each in loaded.findings if each.id == "key.not_acted_on"]
    assert told == ([] if _is_acted_on(path) else told[:1])
    assert bool(told) is not _is_acted_on(path)


def _is_acted_on(path: str) -> bool:
    """Whether the key and every section it is in are marked as acted on."""
    model: type[Model] = Document
    for part in path.split(".")[1:]:
        if part in ("0", "a"):
            continue
        key = keys_of(model)[part]
        if not key.acted:
            return False
        model = key.inner or Model
    return True


def test_secrets_are_secrets_by_type() -> None:
    kinds = {
        f"{model.__name__}.{key.name}"
        for model in _models(Document)
        for key in keys_of(model).values()
        if key.kind == "secret"
    }
    assert kinds == {
        "Host.password",
        "Host.privateKey",
        "JumpHost.password",
        "JumpHost.privateKey",
        "RegistryAuth.password",
        "BgpPeer.password",
        "Authentication.jwtSecret",
        "BasicAuth.password",
    }
    assert isinstance(Host.model_validate({"password": "x"}).password, Secret)


def _models(model: type[Model]) -> set[type[Model]]:
    found = {model}
    for key in keys_of(model).values():
        if key.inner is not None and key.inner not in found:
            found |= _models(key.inner)
    return found


def test_every_key_is_described_and_has_its_default() -> None:
    schema = json_schema()
    assert schema["$schema"] == DRAFT
    for name, each in schema["$defs"].items():
        for key, said in each.get("properties", {}).items():
            if name not in ("Cluster", "ClusterConfiguration"):
                assert said.get("description") or "$ref" in said, f"{name}.{key}"
                assert "x-acted-on" in said, f"{name}.{key}"
                assert "x-shown" not in said
                assert "default" in said or "$ref" in said or "allOf" in said, f"{name}.{key}"


def test_the_schema_has_words_numbers_and_no_other_documents() -> None:
    defs = json_schema()["$defs"]
    assert defs["Kubernetes"]["properties"]["proxyMode"]["enum"] == ["iptables", "ipvs", "nftables"]
    assert defs["Kubernetes"]["properties"]["maxPods"]["default"] == 110
    assert defs["Kubernetes"]["properties"]["maxPods"]["type"] == ["integer", "string"]
    assert defs["Kubernetes"]["properties"]["audit"]["x-since"] == "3.0.8"
    assert defs["Kubernetes"]["properties"]["version"]["x-v4"] == "kubernetes.kube_version"
    assert set(defs["ClusterSpec"]["properties"]) == {key for key in keys_of(Document) if key[0] != "-"} - {"name"}
    assert set(defs["KubeSphereSpec"]["properties"]) == set(keys_of(KubeSphereSpec))
    assert json.loads(json_schema_text()) == json_schema()


def test_no_reference_of_the_schema_leads_nowhere() -> None:
    text = json_schema_text()
    defs = json_schema()["$defs"]
    for line in text.splitlines():
        if '"$ref"' in line:
            assert line.split("#/$defs/")[1].rstrip('",') in defs
