"""The prechecks page: findings, waivers, and that a run gets the waivers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from clusters import services
from clusters.models import AuditEntry, Inspection
from clusters.services import precheck_key
from clusters.wizard.prechecks.results import inspection_of, rail_state
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.models import Run
    from tests.wizard.visitor import Visitor

RAM, CLOCK, FACTS = "hw.ram_role", "time.skew", "access.facts"


def result(check: str, host: str, severity: str = "", *, state: str = "", broke: bool = False) -> dict[str, Any]:
    said = {"severity": severity, "message": f"{host} is short of {check}.", "fix": f"Mend {check}."}
    states = {"error": "failed", "warning": "warning", "": "same"}
    found = [{**said, "broke": True} if broke else said] if severity else []
    return {"check": check, "title": f"About {check}", "host": host, "state": state or states[severity], "found": found}


def inspected(visitor: Visitor, *results: dict[str, Any], state: str = "done") -> None:
    services.inspection_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    Inspection.objects.update(state=state, results=list(results))


def text_of(visitor: Visitor, slug: str = "prechecks") -> str:
    text: str = visitor.get(slug).content.decode()
    return text


def waive(visitor: Visitor, check: str, severity: str = "error", given: str = "on", *, htmx: bool = False) -> str:
    address = visitor.address("prechecks") + "waive/"
    data = {"key": precheck_key(check, severity), "given": given, "reason": "a lab has no more"}
    answer = visitor.client.post(address, data, headers={"HX-Request": "true"} if htmx else {})
    visitor.cluster.refresh_from_db()
    return str(answer.content.decode())


def rail(text: str, slug: str = "prechecks") -> str:
    found = re.search(rf'/wizard/{slug}/"[^>]*data-state="(\w+)"', text)
    assert found is not None
    return found[1]


def test_each_finding_has_a_message_machines_severity_and_fix(visitor: Visitor) -> None:
    inspected(visitor, result(RAM, "node1", "error"), result(CLOCK, "node2", "warning"), result(RAM, "node2"))
    text = text_of(visitor)
    for words in (RAM, "About hw.ram_role", "node1 is short of hw.ram_role.", "Mend hw.ram_role.", "blocking"):
        assert words in text
    assert text.index("node1 is short of hw.ram_role.") < text.index("node2 is short of time.skew.")
    assert "3 of 3 done, 1 without a finding" in text
    passed = text.split('id="checks-passed"')[1].split("</details>")[0]
    assert "Passed: 1" in passed and "1 check found nothing" in passed
    machine = text.split('data-key="machine-node2"')[1].split("</tr>")[0]
    assert "1 warning" in machine and "1 passed" in machine


def test_what_was_not_carried_out_is_neither_passed_nor_failed(visitor: Visitor) -> None:
    inspected(visitor, result(FACTS, "node1", "error"), result(RAM, "node1", state="waiting"))
    text = text_of(visitor)
    assert "1 check did not run" in text and "checks-passed" not in text
    assert "1 did not run" in text.split('data-key="machine-node1"')[1].split("</tr>")[0]


def test_while_it_runs_the_page_shows_progress_and_polls(visitor: Visitor) -> None:
    inspected(visitor, result(RAM, "node1"), result(RAM, "node2", state="running"), state="running")
    text = text_of(visitor)
    assert '<progress class="scan-progress" max="2" value="1"' in text
    assert "hx-trigger" in text.split('data-key="poll"')[1].split(">")[0]
    assert rail(text) == "running"
    Inspection.objects.update(state="done")
    assert 'data-key="poll"' not in text_of(visitor)


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ((result(RAM, "node1"),), "ok"),
        ((result(RAM, "node1", "warning"),), "warning"),
        ((result(RAM, "node1", "warning"), result(CLOCK, "node1", "error")), "failed"),
    ],
)
def test_the_rail_shows_the_state_of_the_prechecks(
    visitor: Visitor, results: tuple[dict[str, Any], ...], state: str
) -> None:
    assert rail(text_of(visitor)) == "untested"
    inspected(visitor, *results)
    assert rail(text_of(visitor, "machines")) == state
    visitor.post("endpoint", {"kind": "none", "domain": "new.example", "port": "6443"}, htmx=True)
    assert rail(text_of(visitor)) == "untested"


def test_a_draft_opens_there_when_a_check_failed(visitor: Visitor) -> None:
    start = f"/clusters/{visitor.cluster.pk}/wizard/"
    assert visitor.client.get(start)["Location"].endswith("/review/")
    inspected(visitor, result(RAM, "node1", "error"))
    assert visitor.client.get(start)["Location"].endswith("/prechecks/")
    waive(visitor, RAM)
    assert visitor.client.get(start)["Location"].endswith("/review/")


def test_an_error_is_waived_by_name_and_the_run_gets_the_waiver(visitor: Visitor) -> None:
    inspected(visitor, result(RAM, "node1", "error"), result(RAM, "node2", "error"))
    text = waive(visitor, RAM, htmx=True)
    assert "alice" in text.split('data-key="waive"')[1].split("</form>")[0]
    assert rail(text) == "ok"
    (given,) = visitor.cluster.waivers
    assert (given["by"], given["id"], given["hosts"]) == ("alice", RAM, ["node1", "node2"])
    assert given["text"] == "node1 is short of hw.ram_role."
    run = services.run_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    assert run.waivers == ["hw.ram_role@node1", "hw.ram_role@node2"]
    assert [each["by"] for each in run.acknowledged] == ["alice"]
    assert AuditEntry.objects.get(deed="waiver.give").details["hosts"] == ["node1", "node2"]


def test_a_warning_that_is_known_covers_no_error(visitor: Visitor) -> None:
    inspected(visitor, result(CLOCK, "node1", "warning"))
    waive(visitor, CLOCK, "warning")
    run = services.run_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    assert run.waivers == ["time.skew@node1:warning"]


def test_a_waiver_can_be_withdrawn_when_its_finding_is_gone(visitor: Visitor) -> None:
    inspected(visitor, result(RAM, "node1", "error"))
    waive(visitor, RAM)
    Inspection.objects.update(results=[result(RAM, "node1")])
    assert ">Withdraw<" in "".join(text_of(visitor).split())
    waive(visitor, RAM, given="")
    assert visitor.cluster.waivers == []
    assert ">Withdraw<" not in "".join(text_of(visitor).split())


def test_the_same_finding_on_another_machine_needs_a_separate_waiver(visitor: Visitor) -> None:
    inspected(visitor, result(RAM, "node1", "error"))
    waive(visitor, RAM)
    Inspection.objects.update(results=[result(RAM, "node1", "error"), result(RAM, "node3", "error")])
    text = text_of(visitor)
    assert rail(text) == "failed" and "not for node3 yet" in text
    assert 'name="reason"' in text.split('data-key="waive"')[1].split("</form>")[0]


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (result(FACTS, "node1", "error"), "error"),
        (result(RAM, "node1", "error", broke=True), "error"),
        (result(RAM, "node1", "error"), "warning"),
        (result(RAM, "node1"), "error"),
        (result("no.such", "node1", "error"), "error"),
    ],
)
def test_what_may_not_be_waived_or_was_not_found_cannot_be(
    visitor: Visitor, found: dict[str, Any], severity: str
) -> None:
    inspected(visitor, found)
    waive(visitor, found["check"], severity)
    assert visitor.cluster.waivers == []
    if found["found"] and severity == "error":
        assert 'data-key="waive"' not in text_of(visitor)


def test_a_machine_that_is_gone_takes_its_waiver_with_it(visitor: Visitor) -> None:
    inspected(visitor, result(RAM, "node1", "error"), result(RAM, "node3", "error"))
    waive(visitor, RAM)
    visitor.cluster.document = SEED.replace("node3", "other")
    visitor.cluster.save()
    run = services.run_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    assert run.waivers == ["hw.ram_role@node1"]


def test_a_retry_asks_the_wizard_again(visitor: Visitor, make_run: Callable[..., Run]) -> None:
    inspected(visitor, result(RAM, "node1", "error"))
    waive(visitor, RAM)
    alice = visitor.cluster.owner
    run = services.run_start(actor=alice, cluster=visitor.cluster, waivers=["os.swap_off"], reason="a lab has swap")
    assert run.waivers == ["hw.ram_role@node1", "os.swap_off"]
    type(run).objects.update(state="failed")
    run.refresh_from_db()
    waive(visitor, RAM, given="")
    assert services.run_retry(actor=alice, run=run).waivers == ["os.swap_off"]


def test_nothing_is_waived_while_a_run_is_active_nor_by_strangers(
    visitor: Visitor, make_run: Callable[..., Run], bob: User
) -> None:
    inspected(visitor, result(RAM, "node1", "error"))
    run = make_run(state="running")
    assert "nothing in it can be changed now" in waive(visitor, RAM)
    assert visitor.cluster.waivers == []
    run.delete()
    visitor.client.force_login(bob)
    address = visitor.address("prechecks") + "waive/"
    assert visitor.client.post(address, {"key": precheck_key(RAM, "error"), "given": "on"}).status_code == 404


def test_review_has_a_line_that_links_to_the_prechecks(visitor: Visitor) -> None:
    def line() -> str:
        return text_of(visitor, "review").split('id="checked"')[1].split("</p>")[0]

    assert "not been checked yet" in line()
    inspected(visitor, result(RAM, "node1", "error"), result(CLOCK, "node1", "warning"), result(RAM, "node2"))
    assert "1 of 3 without a finding, 1 error that would stop a run, 1 warning." in line()
    assert visitor.address("prechecks") in line()
    waive(visitor, RAM)
    assert "1 warning, 1 waived or acknowledged." in line()


def test_an_error_in_the_document_comes_first(visitor: Visitor) -> None:
    visitor.cluster.document = SEED.replace("address: 10.99.0.2,", "address: nobody home,")
    visitor.cluster.save()
    text = text_of(visitor)
    assert 'id="checks-blocked"' in text
    assert "disabled" in text.split('id="check-all"')[1].split(">")[0]


def test_five_hundred_machines_are_read_once_and_shown_folded(visitor: Visitor) -> None:
    inspected(visitor, *(result(RAM, f"n{number}", "error") for number in range(500)))
    text = text_of(visitor)
    assert "and on 495 more machines" in text
    found = inspection_of(visitor.cluster)
    assert found is not None and (found.total, len(found.groups), found.wanting) == (500, 1, 1)
    assert rail_state(visitor.cluster) == ("failed", 1)
