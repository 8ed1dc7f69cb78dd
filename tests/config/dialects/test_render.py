"""The file has KubeKey's structure, and contains secrets only on request."""

from __future__ import annotations

import pytest
import yaml

from clusters.config.dialects.render import render, what_does_not_fit
from clusters.config.load import load
from clusters.config.schema import (
    Addon,
    CustomScript,
    Document,
    Etcd,
    Host,
    Kubernetes,
    KubeSphere,
    Registry,
    RoleGroups,
    System,
)
from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import hidden_text
from clusters.errors import ConfigError
from tests.config.documents import seed_document

PASSWORD = "Testing123"
SEED = """\
# KubeKey's v1alpha1 dialect: kk create cluster -f <this file>
apiVersion: kubekey.kubesphere.io/v1alpha1
kind: Cluster
metadata:
  name: sample
spec:
  hosts:
  - {name: node1, address: 172.16.0.2, internalAddress: 172.16.0.2, user: ubuntu, password: "Testing123"}
  - {name: node2, address: 172.16.0.3, internalAddress: 172.16.0.3, user: ubuntu, password: "Testing123"}
  - {name: node3, address: 172.16.0.4, internalAddress: 172.16.0.4, user: ubuntu, password: "Testing123"}
  roleGroups:
    etcd:
    - node1
    master:
    - node1
    worker:
    - node2
    - node3
  controlPlaneEndpoint:
    domain: lb.kubesphere.local
    address: ""
    port: 6443
  kubernetes:
    version: v1.20.2
    clusterName: cluster.local
    containerManager: containerd
    proxyMode: iptables
    masqueradeAll: false
    maxPods: 110
    nodeCidrMaskSize: 24
  network:
    plugin: bridge
    kubePodsCIDR: 10.233.64.0/18
    kubeServiceCIDR: 10.233.0.0/18
  registry:
    privateRegistry: ""
    registryMirrors: []
    insecureRegistries: []
  addons: []
"""


def test_the_oldest_dialect_writes_numbers_that_all_its_releases_read() -> None:
    spec = yaml.safe_load(render(seed_document(), dialect="v1alpha1", secrets="show"))["spec"]
    assert [spec["kubernetes"][key] for key in ("maxPods", "nodeCidrMaskSize")] == [110, 24]
    assert spec["controlPlaneEndpoint"]["port"] == 6443
    document = seed_document()
    hosts = (document.hosts[0].model_copy(update={"port": 2201}), *document.hosts[1:])
    assert "port: 2201" in render(document.model_copy(update={"hosts": hosts}), dialect="v1alpha1")


def test_the_seed_example_has_its_own_shape() -> None:
    assert render(seed_document(), dialect="v1alpha1", secrets="show") == SEED


def test_the_newer_dialect_has_bare_numbers_and_its_own_sections() -> None:
    spec = yaml.safe_load(render(seed_document()))["spec"]
    assert spec["controlPlaneEndpoint"]["port"] == 6443
    assert spec["kubernetes"]["maxPods"] == 110
    assert spec["kubernetes"]["containerManager"] == "containerd"
    assert spec["etcd"] == {"type": "kubekey"}
    assert spec["addons"] == []


def test_a_row_leaves_out_what_kubekey_assumes() -> None:
    text = render(Document(hosts=(Host(name="a", address="10.1.2.3"), Host(name="b", address="10.1.2.4", port=8022))))
    assert "  - {name: a, address: 10.1.2.3}\n" in text
    assert "  - {name: b, address: 10.1.2.4, port: 8022}\n" in text


def test_key_login_is_a_path() -> None:
    text = render(Document(hosts=(Host(name="a", address="10.1.2.3", private_key_path="~/.ssh/id_ed25519"),)))
    assert "{name: a, address: 10.1.2.3, privateKeyPath: ~/.ssh/id_ed25519}" in text


@pytest.mark.parametrize("dialect", ["v1alpha1", "v1alpha2", "v4"])
@pytest.mark.parametrize("secrets", ["mask", "omit"])
def test_no_secret_is_in_the_file_unless_asked_for(dialect: str, secrets: str) -> None:
    hidden = {"auths": {"hub.example.com": {"username": "me", "password": PASSWORD, "caFile": "/ca.pem"}}}
    document = seed_document(
        hosts=(Host.model_validate({"name": "a", "privateKey": PASSWORD, "pasword": PASSWORD, "passwd": [PASSWORD]}),),
        registry=Registry.model_validate(hidden),
        kubesphere_document=KubeSphere.model_validate(
            {"spec": {"authentication": {"jwtSecret": PASSWORD}, "zone": "cn"}}
        ),
        addons=(Addon.model_validate({"sources": {"chart": {"values": ["a=b", f"adminPassword={PASSWORD}"]}}}),),
        system=System(pre_install=(CustomScript(name="one", bash=f"set -e\nexport TOKEN={PASSWORD}\necho $TOKEN\n"),)),
        etcd=Etcd.model_validate({"external": {"keyFile": f"-----BEGIN PRIVATE KEY-----\n{PASSWORD}"}}),
        config_v4={"image_registry": {"auth": {"password": PASSWORD}}},
    )
    text = render(document, dialect=dialect, secrets=secrets)
    assert PASSWORD not in text
    assert PASSWORD not in repr(document.addons) + repr(document.registry) + repr(document.kubesphere_document)
    if dialect == "v1alpha2":
        assert "/ca.pem" in text
        assert "username: me" in text
        assert "echo $TOKEN" in text
    if dialect != "v4":
        assert "zone: cn" in text
    assert PASSWORD in render(document, dialect="v1alpha2", secrets="show")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("oidc-client-secret=Testing123", f"oidc-client-secret={MASK}"),
        ("--token=Testing123", f"--token={MASK}"),
        ("token-ttl=5m", "token-ttl=5m"),
        ("https://me:Testing123@charts.example.com/a", f"https://me:{MASK}@charts.example.com/a"),
        ("https://charts.example.com:443/a@b", "https://charts.example.com:443/a@b"),
        ("a\n  password: Testing123 # x\nb", f"a\n  password: {MASK} # x\nb"),
        ('export API_KEY="Testing123"\n', f'export API_KEY="{MASK}"\n'),
        ("-----BEGIN RSA PRIVATE KEY-----\nTesting123\n-----END RSA PRIVATE KEY-----\n", f"{MASK}\n"),
        ("passwordAuthentication is off", "passwordAuthentication is off"),
    ],
)
def test_secrets_in_texts_are_recognized_by_their_form(text: str, masked: str) -> None:
    assert hidden_text(text, mask=True) == masked
    assert hidden_text(text, mask=False) == masked.replace(MASK, "")


def test_a_masked_file_reports_missing_secrets_when_loaded() -> None:
    loaded = load(render(seed_document(), secrets="mask"))
    assert loaded.document is not None
    assert all(host.password is None for host in loaded.document.hosts)
    assert [each.path for each in loaded.findings if each.id == "secret.masked"] == [
        f"spec.hosts.{index}.password" for index in range(3)
    ]


def test_unknown_keys_and_the_kubesphere_document_are_written_again() -> None:
    text = render(seed_document(), secrets="show").replace(
        "  addons: []", "  system: {ntpServers: [node1]}\n  addons:\n  - {name: nfs, retries: 3}"
    )
    text += "---\nkind: ClusterConfiguration\nspec:\n  alerting:\n    enabled: false\n"
    loaded = load(text)
    assert loaded.document is not None
    again = render(loaded.document, secrets="show")
    documents = list(yaml.safe_load_all(again))
    assert documents[0]["spec"]["system"] == {"ntpServers": ["node1"]}
    assert documents[0]["spec"]["addons"] == [{"name": "nfs", "retries": 3}]
    assert documents[1]["kind"] == "ClusterConfiguration"
    assert documents[1]["spec"] == {"alerting": {"enabled": False}}
    assert load(again).document == loaded.document


def test_the_older_dialect_reports_what_it_cannot_express() -> None:
    document = seed_document(
        hosts=(Host(name="a", private_key=Secret("k"), labels={"a": "b"}, timeout=5),),
        role_groups=RoleGroups.model_validate({"control-plane": ("a",)}),
        etcd=Etcd(port=1),
        kubernetes=Kubernetes(container_manager="containerd", dns_domain="other.local"),
    )
    assert {each.path for each in what_does_not_fit(document, "v1alpha1")} == {
        "spec",  # keys of KubeKey 1.1
        "spec.hosts.0.timeout",
        "spec.roleGroups.control-plane",
        "spec.etcd.port",
        "spec.kubernetes.dnsDomain",
        "spec.network.plugin",
    }
    assert [each.id for each in what_does_not_fit(document, "v1alpha2")] == ["dialect.value"]
    text = render(document, dialect="v1alpha1", secrets="show")
    assert yaml.safe_load(text)["spec"]["roleGroups"]["master"] == ["a"]
    assert "timeout" not in text
    assert "    port: 6443\n" in text


def test_the_oldest_dialect_names_the_keys_that_its_first_release_ignores() -> None:
    found = {each.path: each.message for each in what_does_not_fit(seed_document(), "v1alpha1")}
    assert list(found) == ["spec", "spec.network.plugin"]
    assert found["spec"] == "Only KubeKey 1.1 and 1.2 use containerManager; 1.0 ignores such keys."


def test_kubelets_arguments_have_dashes_for_kubekey_3_and_none_for_kubekey_4() -> None:
    document = Document.model_validate({"kubernetes": {"kubeletArgs": ["--root-dir=/srv/kubelet", "max-pods=90"]}})
    assert document.kubernetes.kubelet_args == ("root-dir=/srv/kubelet", "max-pods=90")
    for dialect in ("v1alpha1", "v1alpha2"):
        arguments = yaml.safe_load(render(document, dialect=dialect))["spec"]["kubernetes"]["kubeletArgs"]
        assert arguments == ["--root-dir=/srv/kubelet", "--max-pods=90"]
    config = list(yaml.safe_load_all(render(document, dialect="v4")))[1]["spec"]
    assert config["kubernetes"]["kubelet"]["extra_args"] == {"root-dir": "/srv/kubelet", "max-pods": "90"}


def test_arguments_of_other_programs_have_no_dashes_in_any_dialect() -> None:
    names = ("apiserverArgs", "controllerManagerArgs", "schedulerArgs", "kubeProxyArgs")
    document = Document.model_validate({"kubernetes": {name: ["--v=3"] for name in names}})
    for dialect in ("v1alpha1", "v1alpha2"):
        kubernetes = yaml.safe_load(render(document, dialect=dialect))["spec"]["kubernetes"]
        assert [kubernetes[name] for name in names] == [["v=3"]] * 4


def test_a_script_stays_readable() -> None:
    script = "#!/bin/bash\nset -e\n\necho done\n"
    document = Document.model_validate({"system": {"preInstall": [{"name": "first", "bash": script}]}})
    text = render(document, secrets="show")
    assert "bash: |\n" in text
    assert load(text).document == document.model_copy(
        update={"kubernetes": document.kubernetes.model_copy(update={"container_manager": "docker"})}
    )


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ConfigError, match="v9"):
        render(Document(), dialect="v9")
