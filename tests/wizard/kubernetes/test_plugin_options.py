"""The options of network plugins on the Kubernetes page: shown, edited, refused, and left unchanged."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from clusters.config.plugin_options import options_of
from clusters.config.plugins import plugins
from clusters.config.rules import check
from clusters.wizard.kubernetes.plugin_options import name_of, shown_options
from clusters.wizard.pages.kubernetes import bind
from tests.conftest import SEED

if TYPE_CHECKING:
    from tests.wizard.visitor import Visitor

CALICO = SEED.replace("plugin: bridge", "plugin: calico")
IPIP, TYPHA, LABELS = "option-calico-ipip_mode", "option-calico-typha-replicas", "option-calico-typha-node_selector"


@pytest.fixture
def calico(visitor: Visitor) -> Visitor:
    visitor.cluster.document = CALICO
    visitor.cluster.save()
    return visitor


def options(text: str) -> str:
    return text.split('id="plugin-options"')[1].split("</details>")[0]


def field(text: str, name: str) -> str:
    return options(text).split(f'id="id_{name}"')[1].split('id="problem')[0]


def save(visitor: Visitor, data: dict[str, Any]) -> str:
    sent = {"name": "sample", "plugin": visitor.document().network.plugin, **data}
    return str(visitor.post("kubernetes", sent, htmx=True).content.decode())


def test_each_plugin_brings_its_own(visitor: Visitor) -> None:
    for plugin in (each.name for each in plugins() if each.section is not None):
        visitor.cluster.document = SEED.replace("plugin: bridge", f"plugin: {plugin}")
        visitor.cluster.save()
        text = options(visitor.get("kubernetes").content.decode())
        assert re.findall(r'<(?:input|select|textarea)[^>]* id="id_([\w-]+)"', text) == [
            name_of(option) for option in options_of(plugin) if not option.old
        ]
    visitor.cluster.document = SEED
    visitor.cluster.save()
    assert 'id="plugin-options"></div>' in visitor.get("kubernetes").content.decode()


def test_a_field_shows_its_path_meaning_and_default(calico: Visitor) -> None:
    text = options(calico.get("kubernetes").content.decode())
    assert "Options of Calico" in text and "all default" in text
    assert "typha.replicas" in text and "IP-in-IP tunnels." in text
    assert "Always (default)" in text and ">CrossSubnet<" in text and "on (default)" in text
    assert re.search(rf'id="id_{TYPHA}"[^>]*|placeholder="1"[^>]*', text)
    assert 'placeholder="1"' in text


def test_what_is_typed_is_stored_and_what_is_emptied_is_the_default_again(calico: Visitor) -> None:
    text = save(calico, {IPIP: "CrossSubnet", TYPHA: "3", "option-calico-ipv4_nat_outgoing": "false"})
    assert "3 set" in text
    stored = calico.document().network.calico
    assert (stored.ipip_mode, stored.typha.replicas, stored.ipv4_nat_outgoing) == ("CrossSubnet", 3, False)
    assert "ipipMode: CrossSubnet" in calico.cluster.document
    save(calico, {IPIP: "", TYPHA: "", "option-calico-ipv4_nat_outgoing": ""})
    assert calico.document().network.calico == type(stored)()


def test_a_save_without_them_changes_none(calico: Visitor) -> None:
    save(calico, {IPIP: "Never"})
    save(calico, {"cluster_name": "other.local"})
    assert calico.document().network.calico.ipip_mode == "Never"


def test_labels_are_typed_as_yaml_and_what_cannot_be_read_is_refused(calico: Visitor) -> None:
    save(calico, {LABELS: "disk: ssd\nzone: a"})
    assert calico.document().network.calico.typha.node_selector == {"disk": "ssd", "zone": "a"}
    for wrong in ("disk: [", "just words", "- a\n- b"):
        text = save(calico, {LABELS: wrong})
        assert "tone-failed" in text.split(f'id="problem-{LABELS}"')[1].split("</div>")[0], wrong
    assert calico.document().network.calico.typha.node_selector == {"disk": "ssd", "zone": "a"}
    assert "disk: ssd\nzone: a" in field(calico.get("kubernetes").content.decode(), LABELS)
    save(calico, {LABELS: ""})
    assert calico.document().network.calico.typha.node_selector == {}


def test_an_invalid_number_keeps_the_previous_value(calico: Visitor) -> None:
    save(calico, {TYPHA: "2"})
    assert "Enter a whole number" in save(calico, {TYPHA: "two"})
    assert calico.document().network.calico.typha.replicas == 2


def test_a_secret_in_a_charts_values_is_masked_and_preserved(visitor: Visitor) -> None:
    values = "    cilium:\n      hubble: {relay: {password: hush-hush-1, replicas: 1}}\n"
    visitor.cluster.document = SEED.replace("plugin: bridge", "plugin: cilium") + values
    visitor.cluster.save()
    page = visitor.get("kubernetes").content.decode()
    assert "hush-hush" not in page
    shown = unescape(field(page, "option-cilium").split(">", 1)[1].split("</textarea>")[0]).strip("\n")
    assert "••••" in shown
    save(visitor, {"option-cilium": shown.replace("replicas: 1", "replicas: 2")})
    assert visitor.document().network.cilium == {"hubble": {"relay": {"password": "hush-hush-1", "replicas": 2}}}
    text = save(visitor, {"option-cilium": shown.replace("relay", "other")})
    assert "No secret is stored" in text
    assert "other" not in visitor.document().network.cilium["hubble"]
    assert "No secret is stored" in save(visitor, {"option-cilium": f'{shown}\n"token=••••••••": x'})
    assert list(visitor.document().network.cilium) == ["hubble"]


def test_another_plugin_swaps_the_fields_and_loses_nothing(calico: Visitor) -> None:
    text = save(calico, {"plugin": "flannel", IPIP: "Never"})
    assert 'hx-swap-oob="true"' in text.split('id="plugin-options"')[1].split(">")[0]
    assert "option-flannel-backend_mode" in options(text) and IPIP not in options(text)
    assert calico.document().network.calico.ipip_mode == "Never"
    assert 'id="plugin-options"' not in save(calico, {"option-flannel-backend_mode": "host-gw"})
    back = save(calico, {"plugin": "calico"})
    assert re.search(r'value="Never" selected', options(back))


def test_a_finding_stands_at_its_option_and_opens_the_fold(calico: Visitor) -> None:
    save(calico, {IPIP: "Never", "option-calico-veth_mtu": "-5"})
    found = [each for each in check(calico.document()) if each.path.startswith("spec.network.calico.")]
    assert found, "a negative MTU passes every rule"
    text = calico.get("kubernetes").content.decode()
    for each in found:
        name = bind(calico.document(), None).place(each.path)
        assert name.startswith("option-calico")
        assert each.message[:20] in text.split(f'id="problem-{name}"')[1].split("</div>")[0]
    assert '<details class="card fold options" open>' in text


def test_an_option_that_another_has_replaced_is_shown_only_where_it_is_used(calico: Visitor) -> None:
    old = "option-calico-enable_typha"
    assert old not in calico.get("kubernetes").content.decode()
    calico.cluster.document = CALICO + "    calico: {enableTypha: true}\n"
    calico.cluster.save()
    assert old in calico.get("kubernetes").content.decode()
    assert [option.old for option in shown_options(calico.document(), "calico")].count(True) == 1
