"""Accounts, logins, permissions and downloads are in the audit, and accounts are not deleted."""

from __future__ import annotations

import hashlib
import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from clusters import services
from clusters.models import AuditEntry, Cluster, PasswordLimit
from clusters.selectors import verify_audit
from clusters.services.accounts import AccountRefused
from clusters.services.audit import audited
from clusters.services.logins import known_name
from clusters.services.password_limits import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.models import Run

pytestmark = pytest.mark.django_db

PASSWORD = "alice-likes-ships"
OTHER = "a-quiet-harbour-17"


def found(deed: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(deed=deed).order_by("number"))


def log_in(client: Client, name: str = "alice", password: str = PASSWORD) -> Any:
    return client.post(reverse("login"), {"username": name, "password": password}, REMOTE_ADDR="192.0.2.7")


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_entry_names_its_author_without_needing_the_account(alice: User) -> None:
    audited(alice, "draft.create", "harbour")
    entry = AuditEntry.objects.get(deed="draft.create")
    assert (entry.actor_name, entry.actor_id) == ("alice", str(alice.pk))
    assert not [field.name for field in AuditEntry._meta.fields if field.is_relation]


def test_a_login_and_a_logout_are_written_with_address_and_hashed_session(client: Client, alice: User) -> None:
    log_in(client)
    key = client.cookies["sessionid"].value
    client.post(reverse("logout"), REMOTE_ADDR="192.0.2.7")
    for deed in ("login", "logout"):
        (entry,) = found(deed)
        assert (entry.actor_name, entry.target, entry.outcome, entry.address) == ("alice", "alice", "done", "192.0.2.7")
        assert entry.session == hashlib.sha256(key.encode()).hexdigest()
    assert key not in json.dumps([entry.as_json() for entry in AuditEntry.objects.all()])


def test_a_failed_login_is_recorded_with_the_name_only_if_it_exists(client: Client, alice: User) -> None:
    log_in(client, "alice", "wrong-wrong-wrong")
    log_in(client, "my-secret-passw0rd", "alice")
    entries = found("login")
    assert [entry.target for entry in entries] == ["alice", "(unknown name)"]
    assert {(entry.outcome, entry.actor_name, entry.address) for entry in entries} == {("failed", "", "192.0.2.7")}
    written = json.dumps([entry.as_json() for entry in AuditEntry.objects.all()])
    assert not [each for each in ("wrong-wrong-wrong", "passw0rd") if each in written]
    for typed in ("Alice", "my\0secret", "x" * 5000, "", None):
        assert known_name({"username": typed}) == "(unknown name)"


def test_a_lockout_is_recorded_once_however_long_it_lasts(client: Client, alice: User) -> None:
    free = RULES[PasswordLimit.Kind.BOTH].free
    for _ in range(free + 6):
        log_in(client, "alice", "wrong-wrong-wrong")
    assert len(found("login")) == free
    (entry,) = found("login.lockout")
    assert (entry.target, entry.outcome) == ("alice", "refused")


def test_passwords_are_in_the_audit_wherever_they_are_changed(client: Client, alice: User, admin: User) -> None:
    client.force_login(alice)
    given = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert client.post(reverse("password_change"), given).status_code == 302
    by_admin = {"usable_password": "true", "password1": OTHER + "b", "password2": OTHER + "b"}
    assert as_user(admin).post(f"/admin/auth/user/{alice.pk}/password/", by_admin).status_code == 302
    alice.refresh_from_db()
    alice.set_password(OTHER + "c")
    alice.save()
    entries = found("account.password")
    assert [(entry.actor_name, entry.target) for entry in entries] == [
        ("alice", "alice"),
        ("root", "alice"),
        ("", "alice"),
    ]
    assert entries[-1].address.startswith("terminal (")
    written = json.dumps([entry.as_json() for entry in AuditEntry.objects.all()])
    assert OTHER not in written
    assert alice.password not in written


def test_a_hash_that_django_renews_at_a_login_is_not_a_change_of_password(client: Client, alice: User) -> None:
    from django.contrib.auth.hashers import make_password

    type(alice).objects.filter(pk=alice.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    assert log_in(client).status_code == 302
    assert (len(found("account.rehash")), len(found("account.password"))) == (1, 0)


def test_accounts_made_renamed_and_deactivated_are_in_the_audit(admin: User, django_user_model: type[User]) -> None:
    browser = as_user(admin)
    fields = {"username": "carol", "usable_password": "true", "password1": OTHER, "password2": OTHER}
    assert browser.post("/admin/auth/user/add/", fields).status_code == 302
    carol = django_user_model.objects.get(username="carol")
    carol.username = "caroline"
    carol.is_staff = True
    carol.is_active = False
    carol.save()
    assert [(entry.actor_name, entry.target) for entry in found("account.create")][-1] == ("root", "carol")
    assert found("account.rename")[0].details == {"account": carol.pk, "before": "carol"}
    assert found("account.rights")[0].details == {"account": carol.pk, "is_staff": True}
    assert [entry.target for entry in found("account.deactivate")] == ["caroline"]


def test_permissions_granted_and_revoked_are_in_the_audit(alice: User) -> None:
    group = Group.objects.create(name="crew")
    permission = Permission.objects.filter(codename="view_auditentry").get()
    steps: list[tuple[Callable[[], object], str, dict[str, Any]]] = [
        (lambda: alice.groups.add(group), "account.rights", {"account": alice.pk, "added": ["crew"]}),
        (lambda: group.user_set.remove(alice), "account.rights", {"account": alice.pk, "removed": ["crew"]}),
        (lambda: group.user_set.add(alice), "account.rights", {"account": alice.pk, "added": ["crew"]}),
        (lambda: alice.groups.clear(), "account.rights", {"account": alice.pk, "removed": ["crew"]}),
        (
            lambda: alice.user_permissions.set([permission]),
            "account.rights",
            {"account": alice.pk, "added": [str(permission)]},
        ),
        (lambda: group.permissions.add(permission), "group.rights", {"group": group.pk, "added": [str(permission)]}),
        (lambda: permission.group_set.clear(), "group.rights", {"group": group.pk, "removed": [str(permission)]}),
    ]
    for change, deed, details in steps:
        change()
        # The group of auditors lost the permission in the last step, too.
        assert details in [entry.details for entry in found(deed)], (deed, details)
    alice.groups.add(group)
    pk = group.pk
    group.delete()
    assert found("group.delete")[0].details == {"group": pk, "members": ["alice"]}


def test_accounts_are_deactivated_and_not_deleted(alice: User, admin: User, cluster: Cluster) -> None:
    with pytest.raises(AccountRefused), transaction.atomic():
        alice.delete()
    with pytest.raises(AccountRefused), transaction.atomic():
        type(alice).objects.filter(pk=alice.pk).delete()
    browser = as_user(admin)
    assert browser.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    page = browser.get("/admin/auth/user/").content.decode()
    assert "delete_selected" not in page
    assert "Deactivate the selected accounts" in page
    signed_in = as_user(alice)
    chosen = {"action": "deactivate", "_selected_action": [alice.pk]}
    assert browser.post("/admin/auth/user/", chosen).status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active
    assert signed_in.get("/").status_code == 302
    cluster.refresh_from_db()
    assert cluster.owner == alice
    assert [(entry.actor_name, entry.target) for entry in found("account.deactivate")] == [("root", "alice")]


def test_users_cannot_deactivate_themselves(alice: User, admin: User) -> None:
    chosen = {"action": "deactivate", "_selected_action": [alice.pk, admin.pk]}
    answer = as_user(admin).post("/admin/auth/user/", chosen, follow=True)
    assert "You cannot deactivate your own account." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.is_active


@pytest.mark.parametrize(
    ("name", "deed"), [("run-log-text", "run.log"), ("run-log-events", "run.events"), ("run-bundle", "run.bundle")]
)
def test_downloads_of_a_run_are_in_the_audit_before_anything_is_sent(
    name: str, deed: str, alice: User, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    assert as_user(alice).get(reverse(name, args=[run.pk])).status_code == 200
    (entry,) = found(deed)  # its content was not read yet
    assert (entry.actor_name, entry.target, entry.details) == ("alice", "sample", {"run": run.pk})
    browser = as_user(alice)
    monkeypatch.setattr(AuditEntry, "save", fail)
    browser.raise_request_exception = False
    assert browser.get(reverse(name, args=[run.pk])).status_code == 500


def fail(*args: Any, **options: Any) -> None:
    """In the place of what writes an entry."""
    raise DatabaseError("The disk is full.")


def test_opening_another_owners_cluster_is_one_entry_for_each_session(
    alice: User, admin: User, cluster: Cluster
) -> None:
    as_user(alice).get(f"/clusters/{cluster.pk}/")
    assert found("cluster.open") == []
    for _session in range(2):
        browser = as_user(admin)
        for _ in range(3):
            assert browser.get(f"/clusters/{cluster.pk}/").status_code == 200
    details = {"cluster": cluster.pk, "owner": "alice"}
    written = [(entry.actor_name, entry.target, entry.details) for entry in found("cluster.open")]
    assert written == [("root", "sample", details)] * 2


def test_what_is_done_in_the_browser_has_its_address_and_session(alice: User) -> None:
    browser = as_user(alice)
    browser.post(reverse("cluster-new"), {"name": "harbour"}, REMOTE_ADDR="192.0.2.9")
    (entry,) = found("draft.create")
    assert entry.address == "192.0.2.9"
    assert entry.session == hashlib.sha256(browser.cookies["sessionid"].value.encode()).hexdigest()


def test_commands_that_an_administrator_gives_are_in_the_audit(cluster: Cluster) -> None:
    call_command("rotate_keys", stdout=StringIO())
    call_command("retention", "--apply", stdout=StringIO())
    assert len(found("keys.rotate")) == len(found("logs.delete")) == 1


def test_an_action_whose_entry_cannot_be_written_does_not_happen(
    alice: User, admin: User, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, django_user_model: type[User]
) -> None:
    browser = as_user(alice)
    monkeypatch.setattr(AuditEntry, "save", fail)
    actions: list[Callable[[], object]] = [
        lambda: services.draft_create(actor=alice, name="never"),
        lambda: services.draft_delete(actor=alice, cluster=Cluster.objects.get(pk=cluster.pk)),
        lambda: services.config_export(actor=alice, cluster=cluster),
        lambda: services.accounts_deactivate(actor=admin, users=[alice]),
        lambda: django_user_model.objects.create_user("never", password=OTHER),
        lambda: log_in(Client()),
        lambda: browser.post(reverse("logout")),
        lambda: as_user(admin).get(f"/clusters/{cluster.pk}/"),
    ]
    for action in actions:
        with pytest.raises(DatabaseError):
            action()
    assert list(Cluster.objects.values_list("name", flat=True)) == ["sample"]
    assert not django_user_model.objects.filter(username="never").exists()
    assert django_user_model.objects.get(pk=alice.pk).is_active
    assert browser.get("/").status_code == 200, "still logged in"


def test_a_login_fails_as_usual_when_its_failure_cannot_be_written(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(AuditEntry, "save", fail)
    answer = log_in(client, "alice", "wrong-wrong-wrong")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert "Cannot write the audit entry of login (failed)" in caplog.text


def test_the_chain_of_all_this_is_unbroken(client: Client, alice: User) -> None:
    log_in(client)
    client.post(reverse("cluster-new"), {"name": "harbour"})
    client.post(reverse("logout"))
    assert not verify_audit().broken
