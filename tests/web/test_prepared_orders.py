"""What a recipe's own document brings is shown on its page, and acknowledged there before the run."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from clusters import services
from clusters.models import AuditEntry, Cluster, Run
from clusters.runs.documents import read_document
from tests.preparing_recipe import SECRET, forgotten, lift
from tests.security.test_secrets_again import RIGHT, grow_old

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


__all__ = ["forgotten", "lift"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lift")]

VERSION = {"to": "v1.21.14"}
WARNED = {**VERSION, "quota": "9"}
TEXT = {**VERSION, "script": "on"}
WHY = "a lab needs no third member"


@pytest.fixture
def person(client: Client, alice: User, cluster: Cluster) -> Client:
    Cluster.objects.filter(pk=cluster.pk).update(state="ready")
    client.force_login(alice)
    return client


def page(cluster: Cluster) -> str:
    return reverse("cluster-do", args=[cluster.pk, "lift"])


def page_text(answer: Response) -> str:
    return html.unescape(" ".join(answer.content.decode().split()))


def look(person: Client, cluster: Cluster, answers: dict[str, str]) -> str:
    answer = person.post(page(cluster), {**answers, "check": "yes"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return page_text(answer)


def part(text: str, id: str) -> str:
    return text.split(f'id="{id}"')[1]


def button(text: str) -> str:
    return part(text, "do-run").partition(">")[0]


def keys(text: str, weight: str) -> list[str]:
    group = text.partition(f'data-weight="{weight}"')[2].partition("</section>")[0]
    return re.findall(r'<li class="finding" data-key="([^"]*)"', group)


def digest(text: str) -> str:
    found = re.search(r'name="digest" value="(\w{64})"', text)
    assert found is not None
    return found[1]


def test_what_changes_is_shown_while_answers_are_typed(person: Client, cluster: Cluster) -> None:
    assert "as soon as the questions are answered" in page_text(person.get(page(cluster)))
    text = look(person, cluster, VERSION)
    row = re.search(r"kubernetes\.version</th>(.*?)</tr>", text)
    assert row is not None and re.findall(r">([^<>]+)</td>", row[1]) == ["v1.20.2", "v1.21.14"]
    assert "The change brings no new finding." in text and "disabled" not in button(text)
    assert not Run.objects.exists()
    cluster.refresh_from_db()
    assert services.document_of(cluster).kubernetes.version == "v1.20.2"


def test_an_answer_that_is_missing_is_said_at_its_field(person: Client, cluster: Cluster) -> None:
    text = look(person, cluster, {"to": ""})
    assert "An answer is required." in part(text, "problem-to").partition("</div>")[0]
    assert "What changes in the document" not in text


def test_a_new_error_is_shown_and_refuses_run_and_preview(person: Client, cluster: Cluster) -> None:
    wrong = {**VERSION, "pods": "10.0.0.0/33"}
    text = look(person, cluster, wrong)
    assert "Expected the pod network, found '10.0.0.0/33'." in part(text, "do-order")
    assert "disabled" in button(text) and "disabled" in part(text, "do-preview").partition(">")[0]
    assert keys(text, "error") == [""]  # nothing to waive
    for more in ({}, {"preview": "yes"}):
        answer = person.post(page(cluster), {**wrong, **more})
        assert answer.status_code == 422
        assert 'value="10.0.0.0/33"' in page_text(answer) and "blocking finding first" in page_text(answer)
    assert not Run.objects.exists()


def test_a_new_warning_is_acknowledged_here_and_goes_with_the_run(
    person: Client, cluster: Cluster, alice: User
) -> None:
    refused = person.post(page(cluster), WARNED)
    assert refused.status_code == 422
    text = page_text(refused)
    assert "Nothing was started. This warning has not been acknowledged yet: A database of 9663676416 bytes" in text
    assert "disabled" in button(text) and 'name="quota" value="9"' in text
    (key,) = keys(text, "warning")
    text = page_text(person.post(page(cluster), {**WARNED, "key": key, "given": "on"}, headers={"HX-Request": "true"}))
    assert "checked" in part(text, f"waive-{key}").partition(">")[0]
    assert "disabled" not in button(text)
    entry = AuditEntry.objects.get(deed="waiver.give")
    assert (entry.actor_name, entry.details["id"], entry.details["recipe"]) == ("alice", "etcd.quota_large", "lift")
    answer = person.post(page(cluster), WARNED)
    run = Run.objects.get()
    assert answer["Location"] == reverse("run", args=[run.pk])
    (record,) = run.acknowledged
    assert (record["key"], record["by"]) == (key, "alice") and record["at"]
    assert read_document(run.document).etcd.quota_backend_bytes == 9 << 30


def test_another_answer_needs_another_acknowledgement(person: Client, cluster: Cluster) -> None:
    (key,) = keys(look(person, cluster, WARNED), "warning")
    person.post(page(cluster), {**WARNED, "key": key, "given": "on"})
    other = {**WARNED, "quota": "10"}
    text = look(person, cluster, other)
    assert keys(text, "warning") != [key] and "disabled" in button(text)
    assert person.post(page(cluster), other).status_code == 422
    # One for answers that do not bring the finding is none.
    fresh = keys(text, "warning")[0]
    person.post(page(cluster), {**WARNED, "key": fresh, "given": "on"})
    assert "disabled" in button(look(person, cluster, other))
    assert not Run.objects.exists()


def test_an_acknowledgement_is_taken_back(person: Client, cluster: Cluster) -> None:
    (key,) = keys(look(person, cluster, WARNED), "warning")
    person.post(page(cluster), {**WARNED, "key": key, "given": "on"})
    assert "Taken back." in page_text(person.post(page(cluster), {**WARNED, "key": key}))
    assert AuditEntry.objects.get(deed="waiver.take_back").details["recipe"] == "lift"
    assert person.post(page(cluster), WARNED).status_code == 422


def test_a_new_error_that_may_be_waived_needs_a_reason(person: Client, cluster: Cluster) -> None:
    even = {**VERSION, "members": "node2"}
    (key,) = keys(look(person, cluster, even), "error")
    refused = person.post(page(cluster), {**even, "key": key, "given": "on", "reason": "no"})
    assert refused.status_code == 422 and "A reason is required" in page_text(refused)
    text = page_text(person.post(page(cluster), {**even, "key": key, "given": "on", "reason": WHY}))
    assert keys(text, "waived") == [key] and "disabled" not in button(text)
    person.post(page(cluster), even)
    assert [each["reason"] for each in Run.objects.get().acknowledged] == [WHY]


def test_a_new_text_that_runs_as_root_is_masked_and_read_after_the_password(
    person: Client, cluster: Cluster, alice: User
) -> None:
    grow_old(person, 3600)
    text = look(person, cluster, TEXT)
    texts = part(text, "root-texts")
    assert "curl -fsS -u fleet:" in texts
    assert SECRET not in text and "Testing123" not in text
    assert 'name="digest"' not in text and "disabled" in button(text)
    seal = services.order_findings(services.order_for(cluster, "lift", {"to": "v1.21.14", "script": True})).texts[0]
    again = person.post(page(cluster), {**TEXT, "digest": seal.digest})
    assert again["Location"].startswith(reverse("password-again"))
    next_page = re.search(r'name="next" value="([^"]*)"', person.get(again["Location"]).content.decode())
    assert next_page is not None
    back = html.unescape(next_page[1])
    assert back.startswith(page(cluster)) and "to=v1.21.14" in back and "script=on" in back
    person.post(reverse("password-again"), {"password": RIGHT, "next": back})
    text = page_text(person.get(back))
    assert SECRET in part(text, "root-texts") and digest(text) == seal.digest
    assert SECRET not in text.partition('id="root-texts"')[0]
    assert person.post(page(cluster), TEXT).status_code == 422
    text = page_text(person.post(page(cluster), {**TEXT, "digest": seal.digest}))
    assert "Acknowledged by alice" in text and "disabled" not in button(text)
    person.post(page(cluster), TEXT)
    (record,) = Run.objects.get().acknowledged_texts
    assert (record["by"], record["path"]) == ("alice", "spec.system.preInstall.0") and record["at"]
    entry = AuditEntry.objects.get(deed="text.acknowledge")
    assert entry.details["recipe"] == "lift" and "hmac" in entry.details
    assert SECRET not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_a_preview_needs_no_acknowledgement(person: Client, cluster: Cluster) -> None:
    answer = person.post(page(cluster), {**WARNED, **TEXT, "preview": "yes"})
    run = Run.objects.get()
    assert answer["Location"] == reverse("run-preview", args=[run.pk])
    assert run.acknowledged == run.acknowledged_texts == []


@pytest.mark.parametrize("more", [{}, {"preview": "yes"}])
def test_a_document_that_was_changed_meanwhile_starts_nothing(
    person: Client, cluster: Cluster, alice: User, more: dict[str, str]
) -> None:
    version = re.search(r'name="shown" value="(\d+)"', look(person, cluster, VERSION))
    assert version is not None
    cluster.refresh_from_db()
    other = services.document_of(cluster).model_copy(update={"name": "other"})
    services.draft_update(actor=alice, cluster=cluster, document=other, version=cluster.version)
    answer = person.post(page(cluster), {**VERSION, "shown": version[1], **more})
    text = page_text(answer)
    assert answer.status_code == 409
    assert "The document of other was changed since this page was opened. Nothing was started." in text
    assert 'name="to" value="v1.21.14"' in text
    assert not Run.objects.exists()
    newer = re.search(r'name="shown" value="(\d+)"', text)
    assert newer is not None and newer[1] != version[1]
    assert person.post(page(cluster), {**VERSION, "shown": newer[1], **more}).status_code == 302


def test_findings_of_the_cluster_s_own_document_lead_to_the_review_page(
    person: Client, cluster: Cluster, alice: User
) -> None:
    etcd = services.document_of(cluster).etcd.model_copy(update={"quota_backend_bytes": 20 << 30})
    own = services.document_of(cluster).model_copy(update={"etcd": etcd})
    services.draft_update(actor=alice, cluster=cluster, document=own, version=cluster.version)
    Cluster.objects.filter(pk=cluster.pk).update(state="ready")
    text = look(person, cluster, VERSION)
    assert "must be acknowledged or solved first" in text and "disabled" in button(text)
    assert keys(text, "warning") == []


def test_nobody_else_sees_or_acknowledges(client: Client, cluster: Cluster, alice: User, bob: User) -> None:
    order: dict[str, Any] = {"cluster": cluster, "recipe": "lift", "answers": {"to": "v1.21.14", "quota": 9}}
    key = services.waiver_key(services.order_findings(services.order_for(cluster, "lift", order["answers"])).fresh[0])
    client.force_login(bob)
    for sent in ({"check": "yes"}, {"key": key, "given": "on"}, {"digest": "0" * 64}, {}):
        assert client.post(page(cluster), {**WARNED, **sent}).status_code == 404
    with pytest.raises(PermissionDenied):
        services.waiver_set(actor=bob, key=key, given=True, **order)
    with pytest.raises(PermissionDenied):
        services.text_acknowledge(actor=bob, digest="0" * 64, **order)
    cluster.refresh_from_db()
    assert cluster.waivers == [] and not AuditEntry.objects.filter(deed="waiver.give").exists()


def test_another_attempt_leads_here_when_something_is_unread(
    person: Client, cluster: Cluster, alice: User, admin: User
) -> None:
    order: dict[str, Any] = {"cluster": cluster, "recipe": "lift", "answers": {"to": "v1.21.14", "script": True}}
    text = services.order_findings(services.order_for(cluster, "lift", order["answers"])).texts[0]
    Cluster.objects.filter(pk=cluster.pk).update(state="ready")
    services.text_acknowledge(actor=alice, digest=text.digest, **order)
    run = services.run_start(actor=alice, **order)
    Run.objects.filter(pk=run.pk).update(state="failed")
    person.force_login(admin)  # what somebody else has read, this person has not
    answer = person.post(reverse("run-retry", args=[run.pk]))
    assert answer["Location"] == f"{page(cluster)}?answered=yes&to=v1.21.14&script=on"
    assert digest(page_text(person.get(answer["Location"]))) == text.digest


def test_while_a_run_is_active_nothing_is_acknowledged(person: Client, cluster: Cluster, alice: User) -> None:
    (key,) = keys(look(person, cluster, WARNED), "warning")
    Run.objects.create(cluster=cluster, document=cluster.document, state="running")
    answer = person.post(page(cluster), {**WARNED, "key": key, "given": "on"})
    assert answer.status_code == 409 and "nothing in it can be changed now" in page_text(answer)
    cluster.refresh_from_db()
    assert cluster.waivers == []
