"""The audit page: who may read it, its filters and pages, and its downloads."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clusters.models import AuditEntry, AuditForward
from clusters.models.audit_chain import FIELDS, digest_of
from clusters.services.audit import audited
from clusters.web.audit_words import ACTIONS
from tests.test_house_rules import mentioning, tree
from tests.web.test_runs import content_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

WRITERS = ("audited", "audited_once", "_queue")
PAGES = ("audit", "audit-csv", "audit-jsonl")


@pytest.fixture
def auditor(bob: User) -> Client:
    """Bob is an auditor, but not an administrator."""
    bob.groups.add(Group.objects.get(name="auditor"))
    return as_user(bob)


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rows(client: Client, **filters: Any) -> list[str]:
    """The objects of the entries in the JSON download, oldest first."""
    lines = content_of(client.get(reverse("audit-jsonl"), filters)).decode().splitlines()
    return [json.loads(line)["target"] for line in lines]


@pytest.mark.parametrize("page", PAGES)
def test_the_audit_is_for_administrators_and_auditors(page: str, alice: User, admin: User, auditor: Client) -> None:
    address = reverse(page)
    assert Client().get(address).status_code == 302
    assert as_user(alice).get(address).status_code == 404
    assert as_user(admin).get(address).status_code == 200
    assert auditor.get(address).status_code == 200


def test_auditors_see_the_audit_and_nothing_else_of_others(auditor: Client, cluster: Any, alice: User) -> None:
    assert reverse("audit") in auditor.get("/").content.decode()
    assert reverse("audit") not in as_user(alice).get("/").content.decode()
    assert auditor.get(reverse("cluster", args=[cluster.pk])).status_code == 404


def test_entries_are_found_by_person_object_action_outcome_and_days(alice: User, auditor: Client) -> None:
    audited(alice, "draft.create", "harbour")
    audited(alice, "draft.delete", "quay", outcome="failed")
    # Not the current day: midnight may have passed.
    today = AuditEntry.objects.get(deed="draft.create").at.date()
    assert rows(auditor, person="lic", action="draft.create") == ["harbour"]
    assert rows(auditor, person=str(alice.pk), object="QUA") == ["quay"]
    assert rows(auditor, outcome="failed") == ["quay"]
    assert "harbour" in rows(auditor, since=today.isoformat(), until=today.isoformat())
    assert rows(auditor, until=(today - timedelta(days=1)).isoformat()) == []
    assert rows(auditor, person="nobody") == []


def test_invalid_filters_are_marked_and_show_nothing(alice: User, auditor: Client) -> None:
    audited(alice, "draft.create", "harbour")
    page = auditor.get(reverse("audit"), {"since": "tomorrow", "object": "harbour"}).content.decode()
    assert "Enter a valid date." in page
    assert ">harbour<" not in page
    assert auditor.get(reverse("audit-csv"), {"since": "tomorrow"}).status_code == 400


def test_pages_lead_to_older_and_newer_entries_and_keep_the_filter(alice: User, auditor: Client) -> None:
    for number in range(120):
        audited(alice, "draft.update", f"cluster-{number}")

    def page(**filters: Any) -> Any:
        return auditor.get(reverse("audit"), {"action": "draft.update", **filters}).context

    first = page()
    assert [row.entry.target for row in first["rows"]] == [f"cluster-{n}" for n in range(119, 69, -1)]
    assert not first["newer"]
    second = page(before=first["older"])
    assert [row.entry.target for row in second["rows"]] == [f"cluster-{n}" for n in range(69, 19, -1)]
    third = page(before=second["older"])
    assert (len(third["rows"]), third["older"]) == (20, 0)
    assert [row.entry for row in page(after=third["newer"])["rows"]] == [row.entry for row in second["rows"]]
    text = auditor.get(reverse("audit"), {"action": "draft.update"}).content.decode()
    assert f"?action=draft.update&amp;before={first['older']}" in text


def test_what_is_downloaded_as_json_lines_can_be_verified_elsewhere(alice: User, auditor: Client) -> None:
    audited(alice, "draft.create", "häfen", seconds=300.0)
    lines = content_of(auditor.get(reverse("audit-jsonl"))).decode().splitlines()
    previous = "0" * 64
    for line in lines:
        entry = json.loads(line)
        assert entry["previous"] == previous
        assert digest_of({name: entry[name] for name in FIELDS}) == entry["hash"]
        previous = entry["hash"]
    assert len(lines) == AuditEntry.objects.count()


def test_formulas_in_cells_are_escaped_for_spreadsheets(alice: User, auditor: Client) -> None:
    audited(alice, "draft.create", '=HYPERLINK("https://evil.example")')
    filters = {"action": "draft.create"}
    head, row = csv.reader(io.StringIO(content_of(auditor.get(reverse("audit-csv"), filters)).decode()))
    assert head == [*FIELDS, "hash"]
    assert row[head.index("target")] == '\'=HYPERLINK("https://evil.example")'


def test_a_download_of_the_audit_is_in_the_audit(auditor: Client) -> None:
    auditor.get(reverse("audit-csv"), {"person": "alice", "since": "2026-01-02"})
    entry = AuditEntry.objects.get(deed="audit.download")
    assert entry.actor_name == "bob"
    assert entry.details == {"form": "csv", "filter": {"person": "alice", "since": "2026-01-02"}}


def test_what_others_wrote_is_shown_as_text(alice: User, auditor: Client) -> None:
    audited(alice, "draft.create", "<script>x</script>\u202eevil", text="<b>bold</b>")
    page = auditor.get(reverse("audit")).content.decode()
    assert "<script>x" not in page
    assert "<b>bold" not in page
    assert "\u202e" not in page


def test_the_page_shows_the_last_forwarding_and_retries_it(settings: Settings, admin: User, auditor: Client) -> None:
    assert "Forwarding" not in auditor.get(reverse("audit")).content.decode()
    settings.SLIPWAY_AUDIT_WEBHOOK_URL = "https://hooks.example/t0ken-in-the-path"
    page = auditor.get(reverse("audit")).content.decode()
    assert "hooks.example" in page
    assert "t0ken" not in page
    assert "Never" in page
    state = AuditForward.objects.create(
        way="webhook", tries=9, given_up=True, failed_at=timezone.now(), error="The receiver answered 500."
    )
    page = auditor.get(reverse("audit")).content.decode()
    assert "Given up" in page
    assert "The receiver answered 500." in page
    assert "Try again now" not in page, "auditors only read"
    assert auditor.post(reverse("audit-forwarding"), {"way": "webhook"}).status_code == 403
    assert as_user(admin).post(reverse("audit-forwarding"), {"way": "webhook"}).status_code == 302
    state.refresh_from_db()
    assert (state.given_up, state.tries) == (False, 0)
    assert AuditEntry.objects.get(deed="audit.forward").target == "webhook"


def test_every_action_has_a_label_on_the_page() -> None:
    found = set()
    for path in mentioning(*WRITERS):
        for call in ast.walk(tree(path)):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in WRITERS:
                texts = {each.value for each in call.args if isinstance(each, ast.Constant)}
                found |= {str(text) for text in texts if re.fullmatch(r"[a-z]+\.[a-z_]+|login|logout", str(text))}
    assert len(found) > 35
    assert found - set(ACTIONS) == set()
