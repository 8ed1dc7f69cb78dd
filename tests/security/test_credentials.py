"""Users with the permission can use a credential without reading it, for as long as they have the permission."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from clusters import services
from clusters.config.load import load
from clusters.config.schema import Host, JumpHost
from clusters.config.secret import Secret
from clusters.engine import events
from clusters.models import AuditEntry, Cluster, Credential, Event, Probe, Run
from clusters.remote.errors import CredentialRefused
from clusters.runs.access.logins import fits, logins_for
from clusters.runs.access.targets import target_for
from clusters.runs.jobs.probes import probe_row
from clusters.runs.supervise import supervise
from clusters.runs.worker import fresh_name
from clusters.selectors import probes_of
from clusters.wizard.core.flow import pages
from tests.remote.auth.test_keys import OPENSSH, RSA, pem
from tests.runs.fakes import Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.engine.events import Sink
    from clusters.runs.task import Task

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct-horse-7431"
PASSPHRASE = "battery-staple-9925"
SEEN: list[tuple[str | None, str]] = []
REFUSED = "The credential prod cannot be used."


@dataclass
class Scene:
    """Bob owns the credential; alice owns the cluster whose first two machines name it."""

    credential: Credential
    cluster: Cluster
    owner: User

    def share(self, *users: User) -> None:
        """Set who may use it, besides bob."""
        names = [user.get_username() for user in users]
        services.credential_share(actor=self.owner, credential=self.credential, users=names)

    def queue(self, actor: User) -> Run:
        """Press Install."""
        return services.run_start(actor=actor, cluster=self.cluster, acknowledge_all=True)

    def carry_out(self, run: Run) -> Run:
        """What a worker does."""
        done = supervise(run.pk, worker_name=fresh_name())
        assert done is not None
        return done


@pytest.fixture
def scene(cluster: Cluster, bob: User, settings: Settings) -> Scene:
    """Nothing is shared yet."""
    settings.SLIPWAY_RUN_ON_MACHINES = f"{__name__}.prints_all_it_gets"
    settings.SLIPWAY_PROBE = f"{__name__}.looks"
    given = services.Given(login="deploy", password=PASSWORD, private_key=KEY, passphrase=PASSPHRASE)
    credential = services.credential_create(actor=bob, name="prod", given=given)
    document = services.document_of(cluster)
    login = {"password": None, "credential": "prod"}
    hosts = (*(host.model_copy(update=login) for host in document.hosts[:2]), document.hosts[2])
    cluster = services.draft_update(
        actor=cluster.owner,
        cluster=cluster,
        version=cluster.version,
        document=document.model_copy(update={"hosts": hosts}),
    )
    SEEN.clear()
    return Scene(credential, cluster, bob)


KEY = pem(RSA, OPENSSH, PASSPHRASE)


def prints_all_it_gets(task: Task, sink: Sink, cancel: object) -> Ended:
    """A machine that echoes everything it receives."""
    for host in task.document.hosts:
        target = target_for(task.document, host)
        target.key()
        SEEN.append((target.password.reveal() if target.password else None, target.user))
        for secret in (target.password, target.private_key):
            if secret:
                sink.emit(events.Output(stream="out", text=secret.reveal()))
        sink.emit(events.Output(stream="out", text=f"{PASSPHRASE} {KEY}"))
    return Ended("succeeded")


def looks(host: Host, known: object, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A connection test that reveals its login."""
    target_for(services.document_of(Cluster.objects.get()).model_copy(update={"hosts": (host,)}), host).key()
    SEEN.append((host.password.reveal() if host.password else None, host.user))
    for stage in ("reach", "hostkey", "login", "sudo", "facts"):
        message = f"sent {host.password.reveal()}" if host.password else ""
        tell({"name": stage, "state": "ok", "message": message, "hint": ""})
    return {}


def try_login(scene: Scene, actor: User) -> dict[str, Any]:
    """The first stage that ended otherwise than well at a test of node1, or {}."""
    services.probes_start(actor=actor, cluster=scene.cluster, hosts=["node1"])
    probe = Probe.objects.get(host="node1")
    Probe.objects.filter(pk=probe.pk).update(state="running", worker="w")
    probe_row(probe.pk, "w")
    probe.refresh_from_db()
    return next((stage for stage in probe.stages if stage["state"] == "failed"), {})


@pytest.mark.thorough
def test_who_may_use_a_credential_gets_to_see_nothing_of_it(scene: Scene, client: Client, alice: User) -> None:
    scene.share(alice)
    run = scene.carry_out(scene.queue(alice))
    assert run.state == "succeeded"
    assert SEEN == [(PASSWORD, "deploy"), (PASSWORD, "deploy"), ("Testing123", "ubuntu")]
    assert try_login(scene, alice) == {}
    client.force_login(alice)
    everything = json.dumps(list(Event.objects.values_list("data", flat=True))) + json.dumps(Probe.objects.get().stages)
    for page in pages():
        everything += client.get(reverse("wizard", args=[scene.cluster.pk, page.slug])).content.decode()
    for address in (reverse("credentials"), reverse("run", args=[run.pk])):
        everything += client.get(address).content.decode()
    everything += "".join((*services.text_pages(run), *services.event_pages(run)))
    for dialect in ("v1alpha1", "v1alpha2", "v4"):
        for secrets in (False, True):
            everything += services.config_export(
                actor=alice, cluster=scene.cluster, dialect=dialect, with_secrets=secrets
            )
    bundle = io.BytesIO()
    services.run_bundle(actor=alice, run=run)(bundle)
    with zipfile.ZipFile(bundle) as opened:
        everything += "".join(opened.read(name).decode() for name in opened.namelist())
    everything += json.dumps(list(AuditEntry.objects.values_list("details", flat=True)))
    assert len(everything) > 100_000 and "•••" in everything
    for line in (PASSWORD, PASSPHRASE, *KEY.splitlines()[1:-1]):
        assert line not in everything
    assert client.get(reverse("credential", args=[scene.credential.pk])).status_code == 404


def test_neither_the_owner_nor_an_administrator_gets_to_see_it_again(scene: Scene, client: Client, admin: User) -> None:
    for person in (scene.owner, admin):
        client.force_login(person)
        page = client.get(reverse("credential", args=[scene.credential.pk])).content.decode()
        assert "•••••• stored" in page
        assert not any(line in page for line in (PASSWORD, PASSPHRASE, *KEY.splitlines()[1:-1]))


def test_it_lies_encrypted_in_the_database(scene: Scene) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM clusters_credential")
        (row,) = cursor.fetchall()
    assert not any(secret in str(row) for secret in (PASSWORD, PASSPHRASE, KEY.splitlines()[1]))


def test_without_permission_nothing_starts_and_no_answer_reveals_existence(scene: Scene, alice: User) -> None:
    refusals = []
    for name in ("prod", "no-such"):
        rename(scene, name)
        with pytest.raises(services.RunRefused) as caught:
            scene.queue(alice)
        (first, *_others) = caught.value.findings
        stage = try_login(scene, alice)
        refusals.append(json.dumps([str(caught.value), first.hint, stage["message"], stage["hint"]]).replace(name, "X"))
    assert refusals[0] == refusals[1]
    assert "The credential X cannot be used." in refusals[0]
    assert SEEN == [] and not Run.objects.exists()


def rename(scene: Scene, name: str) -> None:
    """The same document with another credential."""
    document = services.document_of(scene.cluster)
    hosts = tuple(host.model_copy(update={"credential": name if host.credential else ""}) for host in document.hosts)
    scene.cluster = services.draft_update(
        actor=scene.cluster.owner, cluster=scene.cluster, version=scene.cluster.version,
        document=document.model_copy(update={"hosts": hosts}),
    )  # fmt: skip


def withdraw(scene: Scene, user: User) -> None:
    scene.share()


def deactivate(scene: Scene, user: User) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


def remove(scene: Scene, user: User) -> None:
    services.credential_delete(actor=scene.owner, credential=scene.credential)


@pytest.mark.parametrize("end", [withdraw, remove])
def test_a_run_that_waits_does_not_begin_once_its_right_is_gone(
    end: Callable[[Scene, User], None], scene: Scene, alice: User
) -> None:
    scene.share(alice)
    run = scene.queue(alice)
    assert AuditEntry.objects.filter(deed="run.start", details__credentials=["prod"]).exists()
    end(scene, alice)
    done = scene.carry_out(run)
    assert (done.state, done.message) == ("failed", REFUSED)
    assert SEEN == []
    assert "Ask its owner to share it" in json.dumps(done.failures)


def test_a_waiting_run_does_not_start_for_a_deactivated_user(scene: Scene, alice: User) -> None:
    scene.share(alice)
    run = scene.queue(alice)
    deactivate(scene, alice)
    done = scene.carry_out(run)
    assert (done.state, done.message) == ("failed", "alice, who requested this run, was deactivated before it started.")
    assert SEEN == []


def test_a_started_run_continues_after_its_user_is_deactivated(scene: Scene, alice: User) -> None:
    scene.share(alice)
    run = scene.queue(alice)
    past = timezone.now() - timedelta(seconds=1)
    Run.objects.filter(pk=run.pk).update(state="running", worker="dead", started_at=past, lease_until=past)
    deactivate(scene, alice)
    assert scene.carry_out(run).state == "succeeded"
    assert SEEN[0] == (PASSWORD, "deploy")


def test_a_run_that_is_half_done_does_not_go_on_with_a_credential_that_was_withdrawn(scene: Scene, alice: User) -> None:
    scene.share(alice)
    run = scene.queue(alice)
    past = timezone.now() - timedelta(seconds=1)
    Run.objects.filter(pk=run.pk).update(state="running", worker="dead", started_at=past, lease_until=past)
    withdraw(scene, alice)
    done = scene.carry_out(run)
    assert (done.state, done.message) == ("failed", REFUSED)
    assert SEEN == []


def test_a_machine_test_that_waits_logs_in_nowhere_once_who_asked_was_deactivated(scene: Scene, alice: User) -> None:
    document = services.document_of(scene.cluster)
    scene.cluster = services.draft_update(
        actor=alice, cluster=scene.cluster, version=scene.cluster.version,
        document=document.model_copy(update={"hosts": document.hosts[2:]}),
    )  # fmt: skip
    (host,) = services.document_of(scene.cluster).hosts
    services.probes_start(actor=alice, cluster=scene.cluster, hosts=[host.name])
    Probe.objects.update(state="running", worker="w")
    deactivate(scene, alice)
    probe_row(Probe.objects.get().pk, "w")
    probe = Probe.objects.get()
    assert probe.state == "failed"
    assert "alice, who requested this machine test, was deactivated" in json.dumps(probe.stages)
    assert SEEN == []


def test_an_administrator_who_presses_the_button_lends_the_owner_no_right(scene: Scene, admin: User) -> None:
    """Who wrote the document chose the machine to which the password would go."""
    with pytest.raises(services.RunRefused, match=r"The credential prod cannot be used\."):
        scene.queue(admin)
    assert try_login(scene, admin)["message"] == REFUSED
    assert SEEN == []


def test_who_presses_needs_the_right_too(scene: Scene, alice: User, bob: User) -> None:
    scene.share(alice)
    document = services.document_of(scene.cluster)
    assert logins_for(document, scene.cluster, alice).refused == ()
    for nobody in (None, get_user_model()(username="new"), get_user_model().objects.create_user("carol")):
        assert logins_for(document, scene.cluster, nobody).refused == ("prod",)
    assert logins_for(document, scene.cluster, bob).refused == ()


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("address", "hops", "used"),
    [
        ("10.0.0.5", "", True),
        ("10.0.1.5", "", False),
        ("192.0.2.7", "", True),
        ("prod.example.com", "", False),
        ("10.0.0.5", "ops@10.0.0.9:2222", True),
        ("10.0.0.5", "203.0.113.1", False),
        ("10.0.0.5", "10.0.0.9,203.0.113.1", False),
        ("10.0.0.5", "a b", False),
        ("::ffff:10.0.0.5", "", False),
    ],
)
def test_a_credential_for_some_addresses_goes_nowhere_else(
    address: str, hops: str, used: bool, scene: Scene, alice: User
) -> None:
    scene.share(alice)
    given = services.Given(networks="10.0.0.0/24, 192.0.2.7")
    services.credential_change(actor=scene.owner, credential=scene.credential, given=given)
    host = Host(name="node1", address=address, credential="prod", jump_host=JumpHost(hops=hops, password=Secret("x")))
    document = services.document_of(scene.cluster).model_copy(update={"hosts": (host,)})
    found = logins_for(document, scene.cluster, alice)
    assert bool(found.document.hosts[0].password) is used
    assert found.refused == (() if used else ("prod",))
    with pytest.raises(CredentialRefused) if not used else _nothing():
        found.require_all()


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_addresses_of_ipv6_are_compared_as_such() -> None:
    credential = Credential(networks="2001:db8::/32")
    assert fits(credential, ["2001:DB8::1"]) and not fits(credential, ["10.0.0.1"])


def test_a_rotation_counts_for_the_next_run_and_makes_tests_stale(scene: Scene, alice: User) -> None:
    scene.share(alice)
    assert try_login(scene, alice) == {}
    assert not probes_of(scene.cluster)[0].stale
    given = services.Given(password="rotated-8841", private_key="")
    services.credential_change(actor=scene.owner, credential=scene.credential, given=given)
    assert probes_of(scene.cluster)[0].stale
    SEEN.clear()
    scene.carry_out(scene.queue(alice))
    assert SEEN[0] == ("rotated-8841", "deploy")


def test_others_can_neither_change_share_nor_remove_it(scene: Scene, alice: User) -> None:
    scene.share(alice)
    for deed in (
        lambda: services.credential_change(actor=alice, credential=scene.credential, given=services.Given(login="x")),
        lambda: services.credential_share(actor=alice, credential=scene.credential, users=["alice"]),
        lambda: services.credential_delete(actor=alice, credential=scene.credential),
    ):
        with pytest.raises(PermissionDenied):
            deed()


def test_an_exported_file_names_what_kubekey_has_to_be_given_and_loads(scene: Scene, alice: User) -> None:
    scene.share(alice)
    for dialect in ("v1alpha1", "v1alpha2", "v4"):
        text = services.config_export(actor=alice, cluster=scene.cluster, dialect=dialect, with_secrets=True)
        assert text.startswith("# node1, node2: the login is Slipway's credential prod, which is not in this file.")
        found = load(text).document
        assert found is not None
        assert [host.user for host in found.hosts] == ["deploy", "deploy", "ubuntu"]
        kept = ["prod", "prod", ""] if dialect == "v1alpha2" else ["", "", ""]
        assert [host.credential for host in found.hosts] == kept
    again, _findings = services.draft_import(actor=alice, text=text if dialect == "v1alpha2" else _own(scene, alice))
    assert again is not None
    assert _own(scene, alice, again).count("Slipway's credential prod") == 1


def _own(scene: Scene, actor: User, cluster: Cluster | None = None) -> str:
    return services.config_export(actor=actor, cluster=cluster or scene.cluster, with_secrets=True)
