"""A user accepts exactly the host key whose fingerprint was shown, and not one that replaced it."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from clusters import services
from clusters.config.schema import Document, Host
from clusters.models import AuditEntry, HostKey, Probe, Run
from clusters.remote.auth.host_keys import PinnedKey
from clusters.runs.access.pinned_host_keys import OtherKey, pin, pin_first
from clusters.runs.jobs.host_key_scan import ShownKey, one_key_per_place
from clusters.runs.jobs.probes import probe_row
from tests.sshd import sshd
from tests.wizard.conftest import visitor

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.models import Cluster
    from tests.sshd import Sshd
    from tests.wizard.visitor import Visitor

__all__ = ["sshd", "visitor"]

pytestmark = pytest.mark.django_db


def tested(cluster: Cluster, **fingerprints: str) -> None:
    """The last test of these machines was shown these keys."""
    services.probes_start(actor=cluster.owner, cluster=cluster, hosts=list(fingerprints))
    stages = [{"name": "reach", "state": "ok"}, {"name": "hostkey", "state": "ask", "message": "A new key."}]
    for host, fingerprint in fingerprints.items():
        offered = {"key_type": "ssh-ed25519", "key": fingerprint[-1] * 4, "fingerprint": fingerprint}
        Probe.objects.filter(host=host).update(state="ask", offered=offered, stages=stages)


def forms(text: str) -> list[dict[str, list[str]]]:
    """What the forms that accept keys would send."""
    found = []
    for form in re.findall(r"<form[^>]*connection/accept/.*?</form>", text, re.DOTALL):
        sent: dict[str, list[str]] = {}
        for name, value in re.findall(r'<input type="hidden" name="(host|fingerprint)" value="([^"]*)"', form):
            sent.setdefault(name, []).append(value)
        found.append(sent)
    return found


def accept(visitor: Visitor, sent: dict[str, Any], *, htmx: bool = True) -> Any:
    headers = {"HX-Request": "true"} if htmx else {}
    return visitor.client.post(f"{visitor.address('connection')}accept/", sent, headers=headers)


def test_every_form_that_accepts_keys_names_the_fingerprints_that_it_shows(visitor: Visitor) -> None:
    tested(visitor.cluster, node1="SHA256:a", node2="SHA256:b")
    together, *alone = forms(visitor.get("connection").content.decode())
    assert together == {"host": ["node1", "node2"], "fingerprint": ["SHA256:a", "SHA256:b"]}
    assert alone == [{"host": [f"node{n}"], "fingerprint": [f"SHA256:{key}"]} for n, key in ((1, "a"), (2, "b"))]
    assert accept(visitor, together).status_code == 200
    assert set(HostKey.objects.values_list("address", "fingerprint")) == {
        ("10.99.0.1", "SHA256:a"), ("10.99.0.2", "SHA256:b"),
    }  # fmt: skip


@pytest.mark.parametrize("htmx", [True, False])
def test_a_key_that_changed_after_the_page_was_shown_is_not_accepted(visitor: Visitor, htmx: bool) -> None:
    tested(visitor.cluster, node1="SHA256:a", node2="SHA256:b")
    together = forms(visitor.get("connection").content.decode())[0]
    tested(visitor.cluster, node2="SHA256:evil")
    answer = accept(visitor, together, htmx=htmx)
    if not htmx:
        answer = visitor.get("connection")
    text = answer.content.decode()
    assert "No key was accepted" in text
    assert "You accept SHA256:b for node2 (10.99.0.2:22), but the key there is now SHA256:evil" in text
    assert answer.status_code == (409 if htmx else 200)
    assert not HostKey.objects.exists()
    assert not AuditEntry.objects.filter(deed="hostkey.accept").exists()
    assert set(Probe.objects.values_list("state", flat=True)) == {"ask"}


@pytest.mark.parametrize("fingerprint", [None, "", "SHA256:", "sha256:a", "SHA256:a "])
def test_a_confirmation_without_the_whole_fingerprint_is_refused(visitor: Visitor, fingerprint: str | None) -> None:
    tested(visitor.cluster, node1="SHA256:a")
    answer = accept(visitor, {"host": "node1"} | ({} if fingerprint is None else {"fingerprint": fingerprint}))
    assert (answer.status_code, HostKey.objects.count()) == (409, 0)


def test_a_poll_keeps_the_key_message_and_the_next_confirmation_removes_it(visitor: Visitor) -> None:
    tested(visitor.cluster, node1="SHA256:a")
    assert 'id="key-refused" hx-swap-oob="true"' in accept(visitor, {"host": "node1"}).content.decode()
    assert "key-refused" not in visitor.client.get(f"{visitor.address('connection')}table/").content.decode()
    text = accept(visitor, {"host": "node1", "fingerprint": "SHA256:a"}).content.decode()
    assert 'id="key-refused" hx-swap-oob="true"' in text and "No key was accepted" not in text


@pytest.mark.sshd
@pytest.mark.django_db(transaction=True)
def test_the_password_goes_to_no_machine_whose_key_came_in_between(alice: User, sshd: Sshd) -> None:
    host = Host(name="node1", address="127.0.0.1", port=sshd.port, user=sshd.user, password=sshd.password)
    cluster = services.draft_create(actor=alice, name="real", document=Document(hosts=(host,)))
    tested(cluster, node1="SHA256:the-key-that-the-page-shows")
    Probe.objects.update(state="running", worker="token")
    probe_row(Probe.objects.get().pk, "token")
    with pytest.raises(OtherKey, match=r"now SHA256:\S{43}"):
        services.host_keys_accept(actor=alice, cluster=cluster, seen={"node1": "SHA256:the-key-that-the-page-shows"})
    Probe.objects.update(state="running", worker="token")
    probe_row(Probe.objects.get().pk, "token")
    row = Probe.objects.get()
    assert row.state == "ask"
    assert [stage["state"] for stage in row.stages] == ["ok", "ask", "skipped", "skipped", "skipped"]


@pytest.fixture
def file(tmp_path: Path, seed: str, settings: Settings) -> Path:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.quick"
    settings.SLIPWAY_PROBE = "tests.runs.fakes.gentle_probe"
    path = tmp_path / "config-sample.yaml"
    path.write_text(seed)
    return path


def create(file: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("cluster", "create", "-f", str(file), "--yes", *options, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_at_the_terminal_only_keys_that_are_named_are_accepted(file: Path, admin: User) -> None:
    named = [f"--host-key=SHA256:node{number}" for number in (1, 2)]
    with pytest.raises(Exception, match=r"SHA256:node1 or SHA256:node2 .* now SHA256:node3"):
        create(file, *named)
    assert not HostKey.objects.exists() and not Run.objects.exists()
    create(file, *named, "--host-key=SHA256:node3")
    assert set(HostKey.objects.values_list("fingerprint", flat=True)) == {f"SHA256:node{n}" for n in (1, 2, 3)}


@pytest.mark.django_db(transaction=True)
def test_a_key_pinned_during_the_terminal_prompt_is_not_replaced(
    file: Path, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Thinking(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, *_: Any) -> str:  # type: ignore[override]  # only called without a size
            cluster = admin.clusters.get()
            pin(cluster.pk, "10.99.0.2", 22, PinnedKey("ssh-ed25519", "EVIL", "SHA256:evil"), by=None)
            return "yes\n"

    monkeypatch.setattr(sys, "stdin", Thinking())
    with pytest.raises(Exception, match=r"You accept SHA256:node2 .* SHA256:evil"):
        create(file)
    assert list(HostKey.objects.values_list("fingerprint", flat=True)) == ["SHA256:evil"]
    assert not Run.objects.exists()


def test_a_jump_host_that_shows_two_keys_is_asked_about_with_neither() -> None:
    host = Host(name="node1", address="10.0.0.1")
    seen = [ShownKey(host, PinnedKey("ssh-rsa", key, f"SHA256:{key}"), address="bastion") for key in "ab"]
    with pytest.raises(OtherKey, match=r"SHA256:a .* SHA256:b"):
        one_key_per_place(seen)
    assert len(one_key_per_place(seen[:1] * 2)) == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_terminal_no_key_is_accepted_and_the_option_is_named(file: Path, admin: User) -> None:
    with pytest.raises(CommandError, match="--host-key FINGERPRINT"):
        create(file)
    assert not HostKey.objects.exists()


def test_a_key_accepted_at_the_same_time_is_not_replaced(
    cluster: Cluster, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (PinnedKey("ssh-ed25519", name * 4, f"SHA256:{name}") for name in "ab")
    look = type(HostKey.objects.all()).get

    def look_and_be_slow(rows: Any, *args: Any, **kwargs: Any) -> Any:
        """Nobody has accepted a key when the terminal looks; when it writes, somebody in a browser has."""
        try:
            return look(rows, *args, **kwargs)
        except HostKey.DoesNotExist:
            monkeypatch.undo()
            pin(cluster.pk, "10.99.0.1", 22, first, by=bob)
            raise

    monkeypatch.setattr(type(HostKey.objects.all()), "get", look_and_be_slow)
    with pytest.raises(OtherKey, match=r"SHA256:b .* SHA256:a, which somebody has accepted"):
        pin_first(cluster.pk, "10.99.0.1", 22, second, by=alice)
    assert HostKey.objects.get().fingerprint == "SHA256:a"
