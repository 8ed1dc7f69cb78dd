"""Documents of strangers: what KubeKey reads is read as it reads it, and a warning gives the reason and the way out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.config.dialects.v4.known_keys import ANY, Known, known_keys
from clusters.config.finding import Severity
from clusters.config.load import load
from clusters.config.report import findings_of
from clusters.config.sections.registry import REGISTRY_TYPES
from clusters.config.syntax import did_you_mean
from tests.config.published import types

if TYPE_CHECKING:
    from clusters.config.finding import Finding

CASES = Path(__file__).parent / "cases"


@cache
def found_in(case: str) -> tuple[Finding, ...]:
    return findings_of(load((CASES / f"{case}.yaml").read_text(encoding="utf-8")))


def messages(case: str, id: str) -> list[str]:
    return [f"{each.message} {each.hint}".strip() for each in found_in(case) if each.id == id]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("hosts.box1.connector.private_key_path", "private_key"),
        ("hosts.box2.internal_ip", "internal_ipv4"),
        ("kube_version", "kubernetes.kube_version"),
        ("kubernetesx", "kubernetes"),
        ("kubernetes.version", "kubernetes.kube_version"),
        ("kubernetes.proxyMode", "kubernetes.kube_proxy.mode"),
        ("kubernetes.kubelet.maxpods", "max_pods"),
        ("cni.plugin", "cni.type"),
    ],
)
def test_a_key_that_kubekey_4_does_not_have_is_named_with_the_one_that_is_meant(key: str, meant: str) -> None:
    found = [each for each in messages("v4_keys_of_kubekey_3", "key.unknown") if f"no key '{key}'" in each]
    assert len(found) == 1
    assert found[0].endswith(f"Did you mean {meant}?")


def test_a_key_of_many_machines_is_one_warning() -> None:
    assert sum("(and 1 more like it)" in each for each in messages("v4_keys_of_kubekey_3", "key.unknown")) == 1


def test_the_version_of_a_config_without_one_is_named() -> None:
    assert "Slipway installs v1.37.2" in messages("v4_keys_of_kubekey_3", "default.kubernetes_version")[0]


def test_the_keys_that_kubekey_4_has_are_those_it_publishes() -> None:
    """A key of the published list is known, and what Slipway knows below it ends where the list is free."""
    for part, name in (("config", "config-4"), ("inventory", "inventory-4")):
        assert list(_missing(types(name), known_keys(part), "")) == []


def _missing(published: object, known: Known, path: str) -> list[str]:
    if not isinstance(published, dict):
        return []
    found: list[str] = []
    for name, inner in published.items():
        below = known.at(name) if name != ANY else known.below.get(ANY)
        if below is None:
            found += [f"{path}.{name}"] if known.below else []
        else:
            found += _missing(inner, below, f"{path}.{name}")
    return found


@pytest.mark.parametrize("case", ["v4_localhost", "groups_without_hosts"])
def test_a_document_without_machines_gets_sentences(case: str) -> None:
    found = messages(case, "role.unknown_host")
    assert len(found) == 3
    assert all("Allowed" not in each for each in found)


def test_localhost_of_kubekey_4_is_explained() -> None:
    assert all("the machine it runs on" in each for each in messages("v4_localhost", "role.unknown_host"))


@pytest.mark.parametrize(("allowed", "hint"), [((), ""), (("",), ""), (REGISTRY_TYPES[:2], "Allowed: harbor.")])
def test_a_hint_lists_only_what_there_is(allowed: tuple[str, ...], hint: str) -> None:
    assert did_you_mean("xyz", allowed) == hint


def test_an_empty_choice_means_the_default() -> None:
    document = load((CASES / "metadata_of_kubernetes.yaml").read_text(encoding="utf-8")).document
    assert document is not None
    assert (document.name, document.kubernetes.cluster_name) == ("My_Cluster", "Rack_One")
    assert document.kubernetes.container_manager == "containerd"
    assert (document.kubernetes.type, document.etcd.type) == ("kubernetes", "kubekey")


def test_an_insecure_registry_that_is_refused_gets_the_reason() -> None:
    path, network = messages("insecure_registries", "registry.insecure_syntax")
    assert "a registry is insecure as a whole. Write 'reg.example:5000'." in path
    assert "is a network" in network


def test_types_that_kubekey_refuses_are_warned_of_in_its_own_dialect_only() -> None:
    text = (CASES / "types_of_kubekey_3.yaml").read_text(encoding="utf-8")
    older = load(text.replace("v1alpha2", "v1alpha1"))
    assert len([each for each in load(text).findings if each.id == "kubekey.type"]) == 10
    assert not [each for each in older.findings if each.id == "kubekey.type"]
    assert load(text).document == older.document


def test_keys_of_slipway_alone_may_have_any_spelling() -> None:
    text = (CASES / "certificates_renewed.yaml").read_text(encoding="utf-8")
    own = load(f"{text}  jumpHost: {{hops: ops@172.16.5.9, password: 123456}}\n")
    assert own.document is not None
    assert own.document.jump_host.password
    assert not [each for each in own.findings if each.id == "kubekey.type"]


def test_certificates_that_are_not_renewed_come_with_the_command_that_does_it() -> None:
    (found,) = messages("certificates_renewed", "key.not_acted_on")
    assert "kubernetes.autoRenewCerts" in found
    assert "valid for a year" in found
    assert "`kubeadm certs renew all`" in found


def test_a_key_of_another_section_is_sent_there() -> None:
    assert messages("unknown_key_of_a_section", "key.unknown")[0].endswith("Did you mean network.multusCNI?")


def test_a_cluster_without_workers_is_installed_on_its_control_planes_with_a_warning() -> None:
    (found,) = [each for each in found_in("no_worker_three_masters") if each.id == "role.no_worker"]
    assert (found.severity, found.blocking, found.absent) == (Severity.WARNING, False, False)
    assert "on the control planes" in found.message


def test_without_machines_a_worker_is_something_to_do() -> None:
    (found,) = [each for each in found_in("hosts_none") if each.id == "role.no_worker"]
    assert found.blocking and found.absent and not found.waivable
