"""Next on a page that nobody touched changes nothing, whatever a stranger's document has."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from clusters.services import draft_import
from tests.wizard.visitor import Visitor

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

DOCUMENT = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: My_Rack
  labels: {team: shelf}
spec:
  hosts:
  - {name: box1, address: 172.16.5.1, user: ops, password: Hid-1, arch: riscv}
  - {name: box2, address: 172.16.5.2, user: ops, password: Hid-2}
  roleGroups:
    etcd: [box1, gone1]
    control-plane: [box1, "gone[2:3]"]
    worker: ["box[1:4]", "odd[a:b]", box2]
    mine: [box2]
  controlPlaneEndpoint: {internalLoadbalancer: balance, domain: api_local, address: 172.16.5.9, port: 6443}
  kubernetes:
    version: v1.99.1
    type: kubernetes
    clusterName: cluster.local
    containerManager: podman
    proxyMode: sometimes
    maxPods: 100000
    nodelocaldns: true
    autoRenewCerts: true
  network: {plugin: weave, kubePodsCIDR: 10.1.2.0/18, kubeServiceCIDR: 10.1.2.0/18}
  registry:
    privateRegistry: "http://reg.example"
    insecureRegistries: ["http://reg.example:5000"]
  addons: []
"""


class _Form(HTMLParser):
    """The values that a browser sends for the wizard's form when nobody touches it."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self._in_form = False
        self._select, self._options, self._area = "", list[tuple[str, bool]](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_form |= tag == "form" and given.get("id") == "wizard-form"
        if not (self._in_form or given.get("form") == "wizard-form") or "disabled" in given:
            return
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select:
            self._options.append((given.get("value", ""), "selected" in given))
        elif tag == "textarea":
            self._area = name
            self.data[name] = [""]
        elif tag == "input" and name and kind not in ("submit", "button", "file"):
            is_box = kind in ("checkbox", "radio")
            sent = [given.get("value", "on" if is_box else "")] if not is_box or "checked" in given else []
            self.data.setdefault(name, []).extend(sent)

    def handle_data(self, data: str) -> None:
        if self._area:
            self.data[self._area] = [self.data[self._area][0] + data]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select:
            chosen = [value for value, is_selected in self._options if is_selected] or [self._options[0][0]]
            self.data.setdefault(self._select, []).extend(chosen)
            self._select = ""
        elif tag == "textarea":
            self._area = ""
        elif tag == "form":
            self._in_form = False


@pytest.fixture
def stranger(client: Client, alice: User) -> Visitor:
    """Alice with an imported draft that has all kinds of wrong values."""
    cluster, findings = draft_import(actor=alice, text=DOCUMENT)
    assert cluster is not None, findings
    client.force_login(alice)
    return Visitor(client, cluster)


def untouched(visitor: Visitor, slug: str) -> dict[str, Any]:
    form = _Form()
    form.feed(visitor.get(slug).content.decode())
    # The row that a script copies for a new machine is in a template, which a browser does not send.
    return {name: value for name, value in form.data.items() if "__prefix__" not in name}


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["machines", "roles", "endpoint", "kubernetes"])
def test_next_on_an_untouched_page_changes_nothing(stranger: Visitor, slug: str) -> None:
    before = stranger.document()
    stranger.post(slug, untouched(stranger, slug) | {"action": "next"})
    assert stranger.document() == before


@pytest.mark.django_db
def test_another_tick_keeps_the_entries_without_a_machine_and_their_error(stranger: Visitor) -> None:
    data = untouched(stranger, "roles")
    stranger.post("roles", data | {"role-etcd": ["box1", "box2"], "role-worker": ["box1"], "action": "next"})
    groups = stranger.document().role_groups
    assert groups.etcd == ("box1", "box2", "gone1")
    assert groups.worker == ("box1", "box3", "box4", "odd[a:b]")
    assert groups.control_plane == ("box1", "gone[2:3]")
    assert "no machine has that name" in stranger.get("roles").content.decode()
