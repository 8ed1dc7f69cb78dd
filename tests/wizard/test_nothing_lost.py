"""Input that cannot be saved stays on the page; secrets, which are not shown, must be typed again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clusters.config.secret import Secret
from clusters.services import document_of, draft_update
from tests.wizard.machines.test_logins import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.models import Run
    from tests.wizard.visitor import Visitor

STILL_HERE = "What you typed is still here."
TYPE_AGAIN = "Type it again: it was not saved"


def theirs(visitor: Visitor, **hosts: Any) -> None:
    """Somebody else saves the draft meanwhile: the first machine gets these values."""
    document = document_of(visitor.cluster)
    first = document.hosts[0].model_copy(update=hosts or {"user": "theirs"})
    fresh = document.model_copy(update={"hosts": (first, *document.hosts[1:])})
    draft_update(actor=visitor.cluster.owner, cluster=visitor.cluster, document=fresh, version=visitor.cluster.version)


def conflict_in(text: str) -> str:
    return text.split('id="conflict"')[1].split('id="follow"')[0].split('id="side-form"')[0]


def test_next_on_a_page_that_is_out_of_date_shows_what_was_typed(visitor: Visitor) -> None:
    theirs(visitor)
    typed = {"kind": "none", "domain": "mine.example", "port": "7443", "action": "next"}
    answer = visitor.post("endpoint", typed, version=1)
    text = answer.content.decode()
    assert answer.status_code == 409
    form = text.split('id="wizard-form"')[1].split("</form>")[0]
    assert 'value="mine.example"' in form and 'value="7443"' in form
    assert re.search(r'name="draft_version"\s+value="1"', form), "a save without another look meets the same conflict"
    assert "mine.example" in conflict_in(text) and STILL_HERE in conflict_in(text)
    assert visitor.post("endpoint", typed, version=1).status_code == 409
    assert visitor.post("endpoint", typed | {"instead_of": "2"}, version=1).status_code == 302
    stored = visitor.document()
    assert (stored.control_plane_endpoint.domain, stored.hosts[0].user) == ("mine.example", "theirs")


def test_typed_rows_stay_and_their_passwords_must_be_typed_again(visitor: Visitor) -> None:
    data = visitor.machines(h1_address="10.99.0.77", h1_password="Typed-secret-1") | visitor.row(
        7, None, name="fresh", address="10.99.0.88", password="Typed-secret-2"
    )
    theirs(visitor)
    answer = visitor.post("machines", data | {"action": "next"}, version=1)
    text = answer.content.decode()
    assert answer.status_code == 409
    rows = text.split('id="machines"')[1].split("</ul>")[0]
    assert 'value="10.99.0.77"' in rows and 'value="fresh"' in rows and 'value="10.99.0.88"' in rows
    assert rows.count(TYPE_AGAIN) == 2
    assert "Typed-secret" not in text
    assert 'data-unsaved="host-0,host-1,host-2,host-7"' in text, "the scripts know that these rows are not saved"


def test_machines_added_by_another_user_are_also_shown(visitor: Visitor) -> None:
    data = visitor.machines(h1_address="10.99.0.77")
    document = document_of(visitor.cluster)
    added = document.hosts[0].model_copy(update={"name": "theirs", "address": "10.99.0.66"})
    fresh = document.model_copy(update={"hosts": (*document.hosts, added)})
    draft_update(actor=visitor.cluster.owner, cluster=visitor.cluster, document=fresh, version=1)
    text = visitor.post("machines", data | {"action": "next"}, version=1).content.decode()
    rows = text.split('id="machines"')[1].split("</ul>")[0]
    assert 'id="row-host-3"' in rows and 'value="10.99.0.66"' in rows and 'value="10.99.0.77"' in rows
    assert "Not saved" in text.split('id="saved"')[1].split("</span>")[0]


def test_a_removed_machine_reports_that_its_password_was_not_saved(visitor: Visitor) -> None:
    gone = visitor.row(0, None, name="node9", password="Typed-secret-1") | {"host-0-row": "9:node9"}
    text = visitor.post("machines", gone | {"action": "next"}).content.decode()
    assert "no longer in the document" in text and TYPE_AGAIN in text and "Typed-secret" not in text


def test_a_run_that_was_started_meanwhile_does_not_take_away_what_was_typed(
    visitor: Visitor, make_run: Callable[..., Run]
) -> None:
    make_run(state="running")
    typed = {"kind": "none", "domain": "mine.example", "port": "6443", "action": "next"}
    answer = visitor.post("endpoint", typed)
    assert answer.status_code == 409
    assert 'value="mine.example"' in answer.content.decode() and STILL_HERE in answer.content.decode()


def test_a_text_that_met_another_edit_stays_in_the_editor(visitor: Visitor) -> None:
    text = visitor.get("roles").content.decode().split('name="text"')[1].split(">", 1)[1].split("</textarea>")[0]
    typed = text.replace("lb.kubesphere.local", "mine.example").replace("&quot;", '"')
    theirs(visitor)
    sent = {"draft_version": 1, "page": "roles", "text": typed.lstrip("\n")}
    address = reverse("wizard-document", args=[visitor.cluster.pk])
    answer = visitor.client.post(address, sent)
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "mine.example" in shown.split('name="text"')[1].split("</textarea>")[0]
    assert 'form="yaml-form" name="instead_of" value="2"' in shown
    assert visitor.client.post(address, {**sent, "instead_of": "2"}).status_code == 302
    assert visitor.document().control_plane_endpoint.domain == "mine.example"


def test_a_login_that_met_another_edit_is_shown_again_on_its_own_page(visitor: Visitor) -> None:
    sent = {
        "row": ["0:node1", "1:node2"], "kind": "key", "user": "mine", "password": "Typed-secret-1",
        "private_key": KEY.replace("x", "typed"), "draft_version": 1,
        "jump-way": "own", "jump-hops": "me@bastion.example", "jump-kind": "password",
        "jump-password": "Typed-secret-2",
    }  # fmt: skip
    theirs(visitor)
    address = reverse("wizard-login", args=[visitor.cluster.pk])
    answer = visitor.client.post(address, sent)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert 'value="mine"' in text and 'value="me@bastion.example"' in text and STILL_HERE in text
    assert text.count(TYPE_AGAIN) == 3
    assert "Typed-secret" not in text and "BEGIN OPENSSH" not in text
    assert "hosts.node1.user" in conflict_in(text)
    assert visitor.client.post(address, sent | {"draft_version": 2}).status_code == 302
    assert visitor.document().hosts[1].user == "mine"


@pytest.mark.parametrize(
    ("tail", "sent", "expected"),
    [
        ("jump", {"jump-hops": "me@bastion.example", "jump-kind": "same"}, 'value="me@bastion.example"'),
        ("rename", {"row": "0:node1", "pattern": "rack-{nn}", "start": "7", "action": "take"}, 'value="rack-{nn}"'),
        ("add", {"text": "extra 10.99.0.50\nother 10.99.0.51", "action": "take", "leave": "other"}, "extra 10.99.0.50"),
    ],
)
def test_other_pages_beside_the_machines_keep_what_was_typed_too(
    visitor: Visitor, tail: str, sent: dict[str, str], expected: str
) -> None:
    theirs(visitor)
    address = reverse(f"wizard-{tail}", args=[visitor.cluster.pk])
    answer = visitor.client.post(address, {"draft_version": 1, **sent})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert expected in text and STILL_HERE in text and 'name="draft_version" value="2"' in text
    if tail == "add":
        assert text.count("checked") == 1, "a line that was left out stays out"
    assert visitor.client.post(address, {"draft_version": 2, **sent}).status_code == 302


def test_a_refused_page_lists_the_secrets_to_type_again(visitor: Visitor) -> None:
    wrong = {"row": "0:node1", "kind": "password", "port": "no number", "password": "Typed-secret-1"}
    upload = SimpleUploadedFile("id", KEY.encode())
    answer = visitor.many("login/", {**wrong, "private_key": KEY, "key_file": upload, "jump-way": "keep"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert text.count(TYPE_AGAIN) == 2 and "Choose the file again" in text
    assert "Typed-secret" not in text and "BEGIN OPENSSH" not in text
    assert TYPE_AGAIN not in visitor.many("login/?row=0:node1").content.decode()


def test_a_list_preview_reports_that_its_password_must_be_typed_again(visitor: Visitor) -> None:
    sent = {"text": "extra 10.99.0.50", "password": "Typed-secret-1", "action": "preview"}
    assert TYPE_AGAIN in visitor.many("add/", sent).content.decode()
    assert TYPE_AGAIN not in visitor.many("add/", {**sent, "password": ""}).content.decode()


def test_all_differences_are_counted_and_can_be_opened(visitor: Visitor) -> None:
    document = document_of(visitor.cluster)
    many = tuple(document.hosts[0].model_copy(update={"name": f"n{each}"}) for each in range(70))
    fresh = document.model_copy(update={"hosts": (*document.hosts, *many)})
    draft_update(actor=visitor.cluster.owner, cluster=visitor.cluster, document=fresh, version=1)
    visitor.cluster.refresh_from_db()
    typed = {f"host-{3 + each}-row": f"{3 + each}:n{each}" for each in range(70)}
    typed |= {f"host-{3 + each}-name": f"n{each}" for each in range(70)}
    typed |= {f"host-{3 + each}-address": f"10.8.0.{each}" for each in range(70)}
    theirs(visitor, password=Secret("theirs"))
    text = conflict_in(visitor.post("machines", typed, htmx=True, version=2).content.decode())
    assert text.count("10.8.0.") == 70
    summary = text.split("<summary>")[1].split("</summary>")[0]
    shown, rest = (part.count('<th scope="row"') for part in text.split("<details"))
    assert shown == 50 and rest >= 20
    assert f"and {rest} more differences" in " ".join(summary.split())


def test_a_refusal_leaves_the_part_of_the_page_that_asked_as_it_is(
    visitor: Visitor, make_run: Callable[..., Run]
) -> None:
    make_run(state="running")
    for slug, key in (("prechecks", "precheck:hw.ram_role:error"), ("review", "any")):
        address = visitor.address(slug) + "waive/"
        answer = visitor.client.post(address, {"key": key, "given": "on"}, headers={"HX-Request": "true"})
        assert answer.status_code == 409
        assert answer.headers["HX-Reswap"] == "none", "else the sentence would replace the table of checks"
        assert "nothing in it can be changed now" in answer.content.decode()


def test_a_changed_text_is_not_acknowledged_and_the_page_reports_it(visitor: Visitor) -> None:
    review = visitor.get("review").content.decode()
    assert 'id="messages"' in review, "there is a place for the sentence before there is one"
    address = reverse("wizard-acknowledge", args=[visitor.cluster.pk])
    answer = visitor.client.post(address, {"digest": "0" * 64}, headers={"HX-Request": "true"}, follow=True)
    place = answer.content.decode().split('id="messages"')[1].split("</div>")[0]
    assert "The text has changed since this page was opened" in place
