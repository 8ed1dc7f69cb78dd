"""Rows of machines: passwords and roles stay with their machine whatever happens to its name and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.schema import RoleGroups
from clusters.services import document_of, draft_update
from clusters.wizard.rename import follow

if TYPE_CHECKING:
    from tests.wizard.browser import Browser


def passwords(browser: Browser) -> dict[str, str]:
    return {host.name: host.password.reveal() if host.password else "" for host in browser.document().hosts}


def test_a_renamed_machine_keeps_its_password_and_its_roles(browser: Browser) -> None:
    browser.post("machines", browser.machines(h0_name="master-1", h2_name="worker-9"))
    assert passwords(browser) == {"master-1": "Qcloud@123", "node2": "Testing123", "worker-9": "Testing123"}
    groups = browser.document().role_groups
    assert (groups.etcd, groups.master, groups.worker) == (("master-1",), ("master-1",), ("node2", "worker-9"))


def test_after_a_removal_the_others_keep_their_passwords(browser: Browser) -> None:
    browser.post("machines", browser.machines(h1_password="only-node2"))
    browser.post("machines", browser.machines(h0_DELETE="on"))
    assert passwords(browser) == {"node2": "only-node2", "node3": "Testing123"}
    assert browser.document().role_groups.master == ()


def test_a_page_that_stays_open_goes_on_with_the_rows_it_was_told(browser: Browser) -> None:
    data = browser.machines(h0_DELETE="on", h1_password="only-node2")
    text = browser.post("machines", data, htmx=True).content.decode()
    assert 'id="id_host-1-row" name="host-1-row" value="0"' in text
    assert 'id="id_host-0-row" name="host-0-row" value=""' in text
    later = data | {"host-0-row": "", "host-1-row": "0", "host-2-row": "1", "host-1-password": ""}
    browser.post("machines", later, htmx=True)
    assert passwords(browser) == {"node2": "only-node2", "node3": "Testing123"}


def test_two_machines_can_change_places_in_the_list(browser: Browser) -> None:
    browser.post("machines", browser.machines(h1_password="only-node2"))
    browser.post("machines", browser.machines(h1_row="2", h1_name="node3", h2_row="1", h2_name="node2"))
    assert passwords(browser) == {"node1": "Qcloud@123", "node3": "Testing123", "node2": "only-node2"}


def test_a_new_row_is_a_new_machine_and_an_empty_row_is_none(browser: Browser) -> None:
    more = {"host-TOTAL_FORMS": 5, "host-3-row": "", "host-3-name": "node4", "host-3-address": "10.99.0.4"}
    more |= {"host-3-password": "pw4", "host-3-credential": "password", "host-4-user": "root", "host-4-port": "22"}
    browser.post("machines", browser.machines() | more)
    assert [host.name for host in browser.document().hosts] == ["node1", "node2", "node3", "node4"]
    assert passwords(browser)["node4"] == "pw4"


def test_a_name_emptied_or_taken_for_a_moment_loses_no_role(browser: Browser) -> None:
    for name in ("", "node2"):
        answer = browser.post("machines", browser.machines(h0_name=name), htmx=True)
        assert "still called node1" in answer.content.decode().split('id="problem-host-0-name"')[1]
    assert browser.document().role_groups.master == ("node1",)
    assert len(browser.document().hosts) == 3


def test_a_port_that_is_no_number_keeps_the_old_one(browser: Browser) -> None:
    answer = browser.post("machines", browser.machines(h0_port="ssh", h0_address="10.99.0.77"))
    assert answer.status_code == 422
    host = browser.document().hosts[0]
    assert (host.port, host.address) == (22, "10.99.0.77")


def test_a_key_replaces_nothing_until_it_is_there(browser: Browser) -> None:
    browser.post("machines", browser.machines(h0_credential="key"))
    assert passwords(browser)["node1"] == "Qcloud@123"
    browser.post("machines", browser.machines(h0_credential="key", h0_private_key="-----BEGIN KEY-----\nx\n"))
    host = browser.document().hosts[0]
    assert host.private_key is not None and host.private_key.reveal().startswith("-----BEGIN KEY-----")
    assert "BEGIN KEY" not in browser.get("machines").content.decode()
    browser.post("machines", browser.machines(h0_credential="password", h0_password="again"))
    assert browser.document().hosts[0].private_key is None


def test_a_row_id_that_is_no_row_takes_nobodys_password(browser: Browser) -> None:
    for row in ("99", "-1", "x", "٣"):
        browser.post("machines", browser.machines(h2_row=row, h2_name="thief"))
        assert passwords(browser).get("thief", "") == ""


def test_keys_the_wizard_does_not_know_stay(browser: Browser) -> None:
    document = document_of(browser.cluster)
    hosts = (document.hosts[0].model_copy(update={"labels": {"disk": "ssd"}, "arch": "arm64"}), *document.hosts[1:])
    fresh = document.model_copy(update={"hosts": hosts})
    draft_update(actor=browser.cluster.owner, cluster=browser.cluster, document=fresh, version=1)
    browser.post("machines", browser.machines(h0_name="renamed"))
    assert browser.document().hosts[0].labels == {"disk": "ssd"}
    assert browser.document().hosts[0].arch == "arm64"


def test_a_range_is_written_out_only_when_one_of_its_machines_moves() -> None:
    groups = RoleGroups(etcd=("node[1:3]",), worker=("other",))
    assert follow(groups, {"other": "else"}).etcd == ("node[1:3]",)
    assert follow(groups, {"node2": "two", "node3": ""}).etcd == ("node1", "two")
