"""Jump hosts in the wizard: for all machines or for some, with a write-only login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.config.schema import JumpHost
from clusters.config.secret import Secret
from clusters.models import Probe
from clusters.runs.jobs.probes import spec_digest
from clusters.selectors import probes_of
from clusters.services import draft_update
from clusters.wizard.connection.jump_routes import jump_routes
from tests.wizard.machines.test_logins import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from tests.wizard.visitor import Visitor

OFFERED = {"key_type": "ssh-ed25519", "key": "BBBB", "fingerprint": "SHA256:hop", "address": "bastion", "port": 2222}
NAMES = ("jump", "reach", "hostkey", "login", "sudo", "facts")


def share(visitor: Visitor, **fields: str) -> Any:
    """Save the page of the jump host of all machines."""
    return visitor.many("jump/", {f"jump-{name}": text for name, text in fields.items()})


def own(visitor: Visitor, row: str, **fields: str) -> Any:
    """Save the login of one machine, with these values for its jump host."""
    return visitor.many(
        "login/", {"row": row, "kind": "password", **{f"jump-{name}": text for name, text in fields.items()}}
    )


def test_a_jump_host_for_all_is_stored_with_its_login_and_never_shows_it_again(visitor: Visitor) -> None:
    answer = share(visitor, hops="ops@bastion:2222", kind="password", password="for-the-bastion")
    assert answer.status_code == 302
    assert visitor.document().jump_host == JumpHost(hops="ops@bastion:2222", password=Secret("for-the-bastion"))
    for text in (visitor.get("machines"), visitor.many("jump/"), visitor.many("login/?row=0:node1")):
        shown = text.content.decode()
        assert "ops@bastion:2222" in shown and "for-the-bastion" not in shown


def test_an_empty_password_keeps_the_stored_one_and_another_kind_forgets_it(
    visitor: Visitor, settings: Settings, tmp_path: Path
) -> None:
    share(visitor, hops="bastion", kind="password", password="kept")
    share(visitor, hops="bastion:2022", kind="password")
    assert visitor.document().jump_host == JumpHost(hops="bastion:2022", password=Secret("kept"))
    share(visitor, hops="bastion", kind="key", private_key=KEY)
    assert visitor.document().jump_host == JumpHost(hops="bastion", private_key=Secret(KEY))
    (tmp_path / "ops").write_text(KEY)
    settings.SLIPWAY_KEY_DIR = str(tmp_path)
    share(visitor, hops="bastion", kind="path", private_key_path="ops")
    assert visitor.document().jump_host == JumpHost(hops="bastion", private_key_path="ops")
    share(visitor, hops="bastion", kind="same")
    assert visitor.document().jump_host == JumpHost(hops="bastion")
    share(visitor, hops="", kind="same")
    assert visitor.document().jump_host == JumpHost()


def test_several_logins_in_the_file_are_unchanged(visitor: Visitor) -> None:
    both = JumpHost(hops="bastion", password=Secret("second"), private_key=Secret(KEY))
    fresh = visitor.document().model_copy(update={"jump_host": both})
    draft_update(actor=visitor.cluster.owner, cluster=visitor.cluster, document=fresh, version=visitor.cluster.version)
    share(visitor, hops="bastion", kind="key")
    assert visitor.document().jump_host == both


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hops": "a b", "kind": "same"}, "is not a jump host"),
        ({"hops": "bastion:99999", "kind": "same"}, "is not a valid port"),
        ({"hops": "bastion", "kind": "password"}, "Enter the password"),
        ({"hops": "bastion", "kind": "key"}, "Paste the key"),
        ({"hops": "bastion", "kind": "path"}, "not one of the available choices"),
        ({"hops": "bastion", "kind": "agent"}, "not one of the available choices"),
    ],
)
def test_an_unusable_value_is_reported_at_its_field(visitor: Visitor, fields: dict[str, str], message: str) -> None:
    answer = share(visitor, **fields)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert visitor.document().jump_host == JumpHost()
    answer = own(visitor, "0:node1", way="own", **fields)
    assert answer.status_code == 422
    assert message in answer.content.decode()


def test_the_agent_opens_a_jump_host_where_the_setting_allows_it(visitor: Visitor, settings: Settings) -> None:
    settings.SLIPWAY_SSH_AGENT = True
    share(visitor, hops="bastion", kind="agent")
    assert visitor.document().jump_host == JumpHost(hops="bastion", agent_key="any")


def test_a_machine_can_have_its_own_route(visitor: Visitor) -> None:
    share(visitor, hops="bastion", kind="same")
    own(visitor, "0:node1", way="none")
    own(visitor, "1:node2", way="own", hops="other:2222", kind="password", password="for-other")
    hosts = visitor.document().hosts
    assert [host.jump_host.hops for host in hosts] == ["none", "other:2222", ""]
    assert hosts[1].jump_host.password == Secret("for-other")
    text = visitor.get("machines").content.decode()
    assert "reached directly" in text and "reached through other:2222" in text
    assert "node1, node2" in visitor.many("jump/").content.decode()
    own(visitor, "1:node2", way="shared")
    assert visitor.document().hosts[1].jump_host == JumpHost()


def test_a_shared_login_changes_routes_only_on_request(visitor: Visitor) -> None:
    share(visitor, hops="bastion", kind="same")
    own(visitor, "0:node1", way="none")
    visitor.many("login/", {"row": ["0:node1", "1:node2"], "kind": "keep", "user": "deploy", "jump-way": "keep"})
    hosts = visitor.document().hosts
    assert [(host.user, host.jump_host.hops) for host in hosts[:2]] == [("deploy", "none"), ("deploy", "")]
    assert "reached by different routes" in visitor.many("login/?row=0:node1&row=1:node2").content.decode()


def test_a_finding_of_the_jump_host_leads_to_its_page(visitor: Visitor) -> None:
    share(visitor, hops="bastion", kind="same")
    text = visitor.get("machines").content.decode()
    assert 'href="#id_jump"' in text and 'id="id_jump"' in text
    assert "passwords are not sent to a jump host" in text


def test_the_scan_page_reports_that_it_does_not_use_the_jump_host(visitor: Visitor) -> None:
    assert "scan-jump" not in visitor.many("scan/").content.decode()
    share(visitor, hops="bastion", kind="same")
    assert "not through the jump host" in visitor.many("scan/").content.decode()


def after_test(visitor: Visitor, name: str, *states: str, message: str = "", **fields: Any) -> None:
    """A connection test that ended so."""
    document = visitor.document()
    host = document.host(name)
    assert host is not None
    stages = [
        {"name": stage, "state": state, "message": message if state == "failed" else "", "hint": ""}
        for stage, state in zip(NAMES, [*states, *["skipped"] * (6 - len(states))], strict=True)
    ]
    digest = spec_digest(document, host)
    Probe.objects.create(cluster=visitor.cluster, host=name, spec_digest=digest, stages=stages, **fields)


@pytest.mark.thorough
def test_the_key_of_a_jump_host_is_asked_about_once_for_all_machines_behind_it(visitor: Visitor) -> None:
    share(visitor, hops="ops@bastion:2222", kind="same")
    for name in ("node1", "node2", "node3"):
        after_test(visitor, name, "ask", state="ask", offered=OFFERED)
    text = visitor.get("connection").content.decode()
    assert text.count(">SHA256:hop<") == 1
    assert "accept-all-keys" not in text
    way = text.split('data-way="ops@bastion:2222"')[1].split("</section>")[0]
    assert "3 machines" in way and "Needs confirmation" in way
    assert [f'value="{name}"' in way for name in ("node1", "node2", "node3")] == [True] * 3
    visitor.client.post(
        f"/clusters/{visitor.cluster.pk}/wizard/connection/accept/",
        {"host": ["node1", "node2", "node3"], "fingerprint": ["SHA256:hop"] * 3},
    )
    key = visitor.cluster.host_keys.get()
    assert (key.address, key.port, key.fingerprint) == ("bastion", 2222, "SHA256:hop")
    assert set(Probe.objects.values_list("state", flat=True)) == {"waiting"}


def test_a_changed_key_of_a_jump_host_shows_both(visitor: Visitor) -> None:
    share(visitor, hops="ops@bastion:2222", kind="same")
    visitor.cluster.host_keys.create(
        address="bastion", port=2222, key_type="ssh-rsa", key="x", fingerprint="SHA256:old"
    )
    after_test(visitor, "node1", "failed", state="failed", offered=OFFERED, message="changed")
    text = visitor.get("connection").content.decode()
    assert text.count(">SHA256:hop<") == text.count(">SHA256:old<") == 1
    assert "Accept the changed key" in text


def test_a_jump_host_error_is_shown_once_and_each_route_has_its_state(visitor: Visitor) -> None:
    share(visitor, hops="ops@bastion:2222", kind="same")
    own(visitor, "2:node3", way="own", hops="edge,inner", kind="same")
    refused = "The jump host bastion:2222 refuses the login of ops."
    for name in ("node1", "node2"):
        after_test(visitor, name, "failed", message=refused, state="failed")
    after_test(visitor, "node3", *["ok"] * 6, state="ok")
    text = visitor.get("connection").content.decode()
    assert text.count(refused) == 1
    first, second = text.split("<section")[1:]
    assert 'data-state="failed"' in first
    assert 'data-state="ok"' in second.split(">")[0] and "Forwarding works" in second
    assert "Jump host" in text.split('data-host="node1"')[1].split("</tr>")[0]


def test_of_several_hops_the_one_at_which_it_ends_is_marked(visitor: Visitor) -> None:
    share(visitor, hops="edge,inner:2200,last", kind="same")
    after_test(visitor, "node1", "failed", message="The jump host inner:2200 refuses it.", state="failed")
    document = visitor.document()
    (way,) = jump_routes(document, probes_of(visitor.cluster, document))
    assert [(hop.address, state) for hop, state in way.drawn] == [
        ("edge", "ok"),
        ("inner", "failed"),
        ("last", "skipped"),
    ]
