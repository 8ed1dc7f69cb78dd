"""A document cannot add a line to a file that a program reads as root, or hide a part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.corefile import cluster_corefile, node_corefile
from clusters.catalog.lines import one_line
from clusters.catalog.runtimes import docker
from clusters.catalog.steps.etcd import start
from clusters.catalog.steps.kubernetes.binaries import quoted
from clusters.catalog.steps.os.clock import chrony
from clusters.config.keys import Model, keys_of
from clusters.config.load import load
from clusters.config.rules import check
from clusters.config.schema import Document
from clusters.errors import ConfigError
from tests.catalog.pretend import pretend, seed
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROKEN = ["v=2\nExecStart=/bin/sh -c 'touch /pwned'\n#", "a\rb", "a\x0bb", "a\x00b", "a\x7fb", "a\x1bb"]


@pytest.mark.parametrize("word", BROKEN)
def test_an_argument_of_kubelet_stays_one_line_of_its_unit(word: str) -> None:
    with pytest.raises(ConfigError, match="An argument of kubelet has a line break"):
        quoted(word)


def test_a_directory_of_etcd_sets_nothing_else_in_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(etcd={"dataDir": "/var/lib/etcd\nLD_PRELOAD=/tmp/theirs.so"})
    cluster, _, _ = pretend(monkeypatch, tmp_path / "never opened", document)
    with pytest.raises(ConfigError, match="The value of ETCD_DATA_DIR has a line break"):
        start.environment(cluster.machine("node1"), cluster)


def test_a_socket_of_cri_dockerd_starts_nothing_else_in_its_unit() -> None:
    socket = "unix:///run/cri-dockerd.sock\nExecStartPre=/bin/sh -c 'touch /pwned'\n#"
    version = {"containerManager": "docker", "version": "v1.34.2"}
    with pytest.raises(ConfigError, match="The command line of cri-dockerd has a line break"):
        docker.cri_unit(seed(kubernetes={**version, "containerRuntimeEndpoint": socket}))


def test_what_is_one_line_is_left_as_it_is() -> None:
    assert one_line("v=2 ü %n $HOME", "A value") == "v=2 ü %n $HOME"
    assert quoted("a b") == '"a b"'


BAD = {
    "a line break": "a\nb", "a control character": "a\x1b[31mb", "a tab": "a\tb", "U+202E": "a\u202eb",
    "U+2066": "a\u2066b", "U+200B": "a\u200bb", "U+2028": "a\u2028b", "U+FEFF": "a\ufeffb", "U+0000": "a\x00b",
}  # fmt: skip
PLACES = {
    "spec.hosts.0.address": "address",
    "spec.hosts.0.user": "user",
    "spec.hosts.0.labels.zone": "zone",
    "spec.system.ntpServers.1": "ntpServers",
    "spec.system.preInstall.0.name": "name",
    "spec.registry.registryMirrors.0": "registryMirrors",
    "spec.dns.coredns.externalZones.0.rewrite.0": "rewrite",
    "spec.dns.coredns.externalZones.0.zones.0": "zones",
    "spec.kubernetes.apiserverArgs.0": "apiserverArgs",
    "spec.etcd.extraArgs.0": "extraArgs",
    "spec.controlPlaneEndpoint.domain": "domain",
    "spec.registry.auths.hub.username": "username",
    "spec.addons.0.name": "name",
    "metadata.name": "name",
}


def with_text(path: str, value: str) -> Document:
    """A document with this text at the path, as a form would save it."""
    text = (
        SEED.split("spec:")[0]
        + """\
spec:
  hosts: [{name: node1, address: X, user: X, labels: {zone: X}}]
  system: {ntpServers: [a.example, X], preInstall: [{name: X, bash: "echo"}]}
  registry: {registryMirrors: [X], auths: {hub: {username: X}}}
  dns: {coredns: {externalZones: [{zones: [X], rewrite: [X], nameservers: [10.1.1.1]}]}}
  kubernetes: {version: v1.30.4, apiserverArgs: [X]}
  etcd: {extraArgs: [X]}
  controlPlaneEndpoint: {domain: X}
  addons: [{name: X}]
"""
    )
    document = load(text.replace("name: sample", "name: X")).document
    assert document is not None
    return Document.model_validate(
        put(document.model_dump(by_alias=True), path.removeprefix("spec.").removeprefix("metadata.").split("."), value)
    )


def put(data: object, keys: list[str], value: str) -> object:
    """A copy of plain data with a value there."""
    if not keys:
        return value
    if isinstance(data, tuple | list):
        return tuple(put(each, keys[1:], value) if str(at) == keys[0] else each for at, each in enumerate(data))
    assert isinstance(data, dict)
    return {**data, keys[0]: put(data[keys[0]], keys[1:], value)}


def controls(document: Document) -> list[tuple[str, str]]:
    return [(each.path, each.message) for each in check(document) if each.id == "text.control"]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("kind", BAD)
def test_a_line_break_or_invisible_character_is_an_error_with_its_key(path: str, kind: str) -> None:
    ((found, message),) = controls(with_text(path, BAD[kind]))
    assert found == path and message.startswith(f"{PLACES[path]} contains ") and kind in message


SCRIPT = "spec.system.preInstall.0.name"


@pytest.mark.parametrize("name", ["کتاب\u200cها", "👩\u200d💻 setup", "❤\ufe0f\u200d🔥", "क्\u200dष"])
def test_a_joiner_in_the_name_of_a_script_is_allowed(name: str) -> None:
    assert controls(with_text(SCRIPT, name)) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [(SCRIPT, "ro\u200dot"), (SCRIPT, "\u200cها"), (SCRIPT, "ها\u200d"), (SCRIPT, "ه\u200d\u200dا"),
     (SCRIPT, "ه\u200bا"), ("spec.addons.0.name", "ه\u200cا"), ("spec.hosts.0.user", "ه\u200cا")],
)  # fmt: skip
def test_a_joiner_that_joins_nothing_or_that_a_program_reads_is_an_error(path: str, name: str) -> None:
    assert [found for found, _message in controls(with_text(path, name))] == [path]


def test_one_line_of_visible_characters_is_allowed() -> None:
    assert controls(with_text("spec.hosts.0.user", "müller ñ 名前")) == []


def test_every_key_whose_text_may_have_several_lines_is_known() -> None:
    assert sorted(set(of_several_lines(Document))) == [
        "additionalConfigs", "bash", "caFile", "certFile", "configurations", "dnsEtcHosts", "keyFile", "nodeEtcHosts",
        "privateKey", "rewriteBlock", "values", "valuesFile",
    ]  # fmt: skip


def of_several_lines(model: type[Model]) -> Iterator[str]:
    for key in keys_of(model).values():
        if key.lines:
            yield key.name
        if key.inner is not None:
            yield from of_several_lines(key.inner)


def test_a_password_with_a_line_break_is_an_error_that_does_not_repeat_it() -> None:
    document = seed()
    from clusters.config.secret import Secret

    host = document.hosts[0].model_copy(update={"password": Secret("Hidden\nword")})
    ((path, message),) = controls(document.model_copy(update={"hosts": (host, *document.hosts[1:])}))
    assert path == "spec.hosts.0.password" and "a line break" in message and "Hidden" not in message


@pytest.mark.parametrize(
    "zone",
    [
        {"zones": ["a.example:53 {\n import /etc/shadow\n}\n."], "nameservers": ["10.1.1.1"]},
        {"zones": ["a.example {"], "nameservers": ["10.1.1.1"]},
        {"zones": ["a.example"], "nameservers": ["10.1.1.1\nimport /etc/shadow"]},
        {"zones": ["a.example"], "nameservers": ["10.1.1.1"], "rewrite": ["name a b\nimport /etc/shadow"]},
    ],
)
def test_a_zone_cannot_add_a_line_to_a_corefile(zone: dict[str, list[str]]) -> None:
    sections = {"coredns": {"externalZones": [zone]}, "nodelocaldns": {"externalZones": [zone]}}
    for corefile in (cluster_corefile, node_corefile):
        with pytest.raises(ConfigError, match="DNS zone"):
            corefile(seed(dns=sections))


@pytest.mark.parametrize("name", ["a.example:x", "a.example:53 {", "a.example:0", "a.example:"])
def test_a_port_of_a_zone_is_a_number(name: str) -> None:
    zone = {"zones": [name], "nameservers": ["10.1.1.1"]}
    found = check(seed(dns={"coredns": {"externalZones": [zone]}}))
    assert [each.path for each in found if each.id == "dns.zone_syntax"] == ["spec.dns.coredns.externalZones.0.zones.0"]


def test_a_time_server_sets_nothing_else_in_the_configuration_of_chrony(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(system={"ntpServers": ["a.example\nuser root"]})
    cluster, _, _ = pretend(monkeypatch, tmp_path / "never opened", document)
    with pytest.raises(ConfigError, match="A time server has a line break"):
        chrony(cluster.machine("node1"), cluster)
