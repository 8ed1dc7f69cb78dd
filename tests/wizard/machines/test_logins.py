"""One login for one machine or for many, and names by a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.secret import Secret
from clusters.services import document_of, draft_update

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.wizard.visitor import Visitor

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"


def with_key(visitor: Visitor) -> None:
    document = document_of(visitor.cluster)
    hosts = (document.hosts[0].model_copy(update={"private_key": Secret(KEY)}), *document.hosts[1:])
    fresh = document.model_copy(update={"hosts": hosts})
    draft_update(actor=visitor.cluster.owner, cluster=visitor.cluster, document=fresh, version=visitor.cluster.version)


def test_a_key_is_stored_and_never_shown_again(visitor: Visitor) -> None:
    answer = visitor.many("login/", {"row": "0:node1", "kind": "key", "private_key": KEY})
    assert answer.status_code == 302
    host = visitor.document().hosts[0]
    assert host.private_key == Secret(KEY)
    for text in (visitor.get("machines"), visitor.many("login/?row=0:node1")):
        assert "BEGIN OPENSSH" not in text.content.decode()


def test_a_kind_that_was_chosen_wants_what_belongs_to_it(visitor: Visitor) -> None:
    for kind, said in (("key", "Paste the key"), ("path", "not one of the available choices")):
        answer = visitor.many("login/", {"row": "0:node1", "kind": kind})
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert visitor.document().hosts[0].password == Secret("Qcloud@123")


def test_a_key_of_the_agent_is_offered_where_the_setting_allows_it(visitor: Visitor, settings: Settings) -> None:
    assert "agent of this server" not in visitor.many("login/?row=0:node1").content.decode()
    refused = visitor.many("login/", {"row": "0:node1", "kind": "agent"})
    assert refused.status_code == 422
    settings.SLIPWAY_SSH_AGENT = True
    assert "agent of this server" in visitor.many("login/?row=0:node1").content.decode()
    with_key(visitor)
    visitor.many("login/", {"row": ["0:node1", "1:node2"], "kind": "agent", "agent_key": "SHA256:abc"})
    hosts = visitor.document().hosts
    assert [(host.agent_key, host.private_key) for host in hosts[:2]] == [("SHA256:abc", None)] * 2
    assert "key of the agent" in visitor.get("machines").content.decode() or hosts[0].password
    visitor.many("login/", {"row": "0:node1", "kind": "password"})
    assert visitor.document().hosts[0].agent_key == ""
    visitor.many("login/", {"row": "0:node1", "kind": "agent"})
    assert visitor.document().hosts[0].agent_key == "any"
    settings.SLIPWAY_SSH_AGENT = False
    assert "not allowed: SLIPWAY_SSH_AGENT" in visitor.many("login/?row=0:node1").content.decode()


def test_a_password_beside_the_key_is_for_sudo(visitor: Visitor) -> None:
    with_key(visitor)
    visitor.many("login/", {"row": "0:node1", "kind": "key", "password": "for-sudo"})
    host = visitor.document().hosts[0]
    assert (host.private_key, host.password) == (Secret(KEY), Secret("for-sudo"))


def test_a_stored_secret_is_removed_on_request(visitor: Visitor) -> None:
    with_key(visitor)
    assert "Forget the stored private key" in visitor.many("login/?row=0:node1").content.decode()
    visitor.many("login/", {"row": "0:node1", "kind": "key", "forget_password": "on"})
    assert visitor.document().hosts[0].password is None
    visitor.many("login/", {"row": "0:node1", "kind": "key", "forget_key": "on"})
    assert visitor.document().hosts[0].private_key is None


def test_one_login_is_given_to_many_and_the_others_keep_theirs(visitor: Visitor) -> None:
    data = {"row": ["1:node2", "2:node3"], "kind": "keep", "user": "deploy", "password": "shared-1"}
    visitor.many("login/", data)
    hosts = visitor.document().hosts
    assert [(host.user, host.password) for host in hosts] == [
        ("root", Secret("Qcloud@123")),
        ("deploy", Secret("shared-1")),
        ("deploy", Secret("shared-1")),
    ]
    assert [host.port for host in hosts] == [22, 22, 22]


def test_without_a_machine_there_is_nothing_to_log_in_to(visitor: Visitor) -> None:
    assert visitor.many("login/?row=0:gone").headers["Location"].endswith("/wizard/machines/")


def test_ticked_rows_lead_to_the_login_after_they_were_saved(visitor: Visitor) -> None:
    answer = visitor.post("machines", visitor.machines(action="login", h1_name="web") | {"pick": ["host-1"]})
    assert answer.headers["Location"].endswith("/machines/login/?row=1%3Aweb")
    assert visitor.document().hosts[1].name == "web"


def test_names_follow_a_pattern_and_roles_follow_names(visitor: Visitor) -> None:
    data = {"row": ["0:node1", "2:node3"], "pattern": "k8s-{nn}", "start": "7"}
    text = visitor.many("rename/", data, htmx=True).content.decode()
    assert "k8s-07" in text and "k8s-08" in text
    assert visitor.document().hosts[0].name == "node1"
    visitor.many("rename/", data | {"action": "take"})
    assert [host.name for host in visitor.document().hosts] == ["k8s-07", "node2", "k8s-08"]
    groups = visitor.document().role_groups
    assert (groups.etcd, groups.worker) == (("k8s-07",), ("node2", "k8s-08"))


def test_a_pattern_with_duplicate_names_is_refused(visitor: Visitor) -> None:
    for pattern in ("same", "node2"):
        data = {"row": ["0:node1", "2:node3"], "pattern": pattern, "start": "1", "action": "take"}
        assert "already" in visitor.many("rename/", data).content.decode()
    assert [host.name for host in visitor.document().hosts] == ["node1", "node2", "node3"]
