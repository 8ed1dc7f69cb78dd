"""`cluster create`: the same run as the browser's, reported in a terminal."""

from __future__ import annotations

import io
import re
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from clusters.catalog.recipes import recipes_by_name
from clusters.config.carried_files import carry, unpacked
from clusters.config.dialects.render import files
from clusters.config.load import load
from clusters.config.root_texts import root_texts
from clusters.engine.recipe import RECIPES
from clusters.errors import InstallerError
from clusters.models import AuditEntry, Cluster, HostKey, Run
from clusters.runs.access.targets import target_for
from clusters.runs.supervise import supervise
from clusters.services import document_of
from tests.processes import manage_and_read, wait_for
from tests.remote.auth.test_keys import ECDSA, ED25519, OPENSSH, PKCS1, PKCS8, RSA, pem
from tests.runs.fakes import Ended

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.config.schema import Document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _pretended(settings: Settings) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.quick"
    settings.SLIPWAY_PROBE = "tests.runs.fakes.gentle_probe"


@pytest.fixture
def file(tmp_path: Path, seed: str) -> Path:
    path = tmp_path / "config-sample.yaml"
    path.write_text(seed)
    return path


def create(file: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("cluster", "create", "-f", str(file), *options, stdout=out, stderr=out)
    return out.getvalue()


def test_a_cluster_is_created_from_a_file_and_reported_step_by_step(file: Path, admin: User) -> None:
    said = create(file, "--accept-host-keys", "--yes")
    run = Run.objects.get()
    assert (run.state, run.cluster.name, run.cluster.owner) == ("succeeded", "sample", admin)
    assert "3 steps on 3 machines" in said
    assert said.count("✔ changed") == 9
    assert re.search(r"sample: succeeded in \d+ s: 9 wanted states changed, 18 same\.", said)
    assert HostKey.objects.count() == 3
    assert "SHA256:node2" in said
    assert "Testing123" not in said


def test_a_cluster_is_created_from_the_two_files_of_kubekey_4(file: Path, seed: str, admin: User) -> None:
    document = load(seed).document
    assert document is not None
    inventory, config = file.with_name("inventory.yaml"), file.with_name("config.yaml")
    texts = files(document, dialect="v4", secrets="show")
    inventory.write_text(texts["inventory.yaml"])
    config.write_text(texts["config.yaml"].replace("v1.20.2", "v1.36.3").replace("max_pods: 110", "max_pods: 900"))
    with pytest.raises(CommandError, match="Fix the errors first"):
        create(inventory, "-f", str(config))
    config.write_text(texts["config.yaml"])
    shown = create(inventory, "-f", str(config), "--accept-host-keys", "--yes")
    assert "3 steps on 3 machines" in shown
    assert document_of(Cluster.objects.get()).kubernetes.version == "v1.20.2"


def test_a_second_time_uses_the_same_cluster(file: Path, seed: str, admin: User) -> None:
    create(file, "--accept-host-keys", "--yes")
    file.write_text(seed.replace("port: 6443", "port: 8443"))
    create(file, "--yes")
    assert Cluster.objects.get().version == 2
    assert Run.objects.count() == 2


BOTH = ("--waive", "etcd.even_count", "--waive", "hw.ram_role@node1")
WHY = ("--reason", "a lab needs no more")


def acknowledged(file: Path) -> list[str]:
    """Options that acknowledge each text of this file that runs as root."""
    document = load(file.read_text()).document
    assert document is not None
    texts = root_texts(carry(document, file.parent))
    return [word for text in texts for word in ("--acknowledge", text.digest[:12])]


def test_files_that_the_document_names_are_read_here_and_stored_with_it(file: Path, seed: str, admin: User) -> None:
    (file.parent / "tool.sh").write_text("echo hello")
    file.write_text(f"{seed}  system:\n    preInstall:\n    - {{bash: ./tool.sh, materials: [tool.sh]}}\n")
    create(file, "--accept-host-keys", "--yes", *acknowledged(file))
    material = document_of(Cluster.objects.get()).system.pre_install[0].materials[0]
    assert unpacked(material) == ("tool.sh", b"echo hello")
    again = acknowledged(file)
    (file.parent / "tool.sh").unlink()
    with pytest.raises(CommandError, match=r"Cannot read .*tool\.sh from the document"):
        create(file, "--yes", *again)


def test_an_error_of_the_document_is_waived_by_its_id(file: Path, seed: str, admin: User) -> None:
    file.write_text(seed.replace("etcd: [node1]", "etcd: [node1, node2]"))
    with pytest.raises(CommandError, match="Fix the errors first"):
        create(file, "--accept-host-keys", "--yes", "--waive", "hw.ram_role", *WHY)
    said = create(file, "--accept-host-keys", "--yes", *BOTH, *WHY)
    assert "waived: " in said and "has no effect" not in said
    assert Run.objects.get().waivers == ["etcd.even_count", "hw.ram_role@node1"]
    assert "has no effect" in create(file, "--yes", "--waive", "etcd.even_count", "--waive", "x.y", *WHY)


def test_a_failure_is_reported_as_a_card_and_by_the_exit_code(
    file: Path, admin: User, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.fails"
    with pytest.raises(SystemExit) as ended:
        call_command("cluster", "create", "-f", str(file), "--accept-host-keys", "--yes")
    said = capsys.readouterr().out
    assert ended.value.code == 1
    assert "✘ os/prepare on node1" in said
    assert "expected: 2 GB free" in said
    assert "try:      Make room." in said


def test_without_a_terminal_nothing_is_accepted(file: Path, admin: User) -> None:
    with pytest.raises(CommandError, match="--accept-host-keys"):
        create(file, "--yes")
    assert not HostKey.objects.exists()
    assert not Run.objects.exists()


def test_host_keys_that_are_accepted_in_the_terminal_are_in_the_audit(file: Path, admin: User) -> None:
    create(file, "--accept-host-keys", "--yes")
    entries = AuditEntry.objects.filter(deed="hostkey.accept").order_by("target")
    assert [entry.target for entry in entries] == [f"10.99.0.{n}:22" for n in (1, 2, 3)]
    assert {entry.actor_name for entry in entries} == {admin.get_username()}
    assert all(entry.address.startswith("terminal (") for entry in entries)
    assert entries[0].details["fingerprint"] == HostKey.objects.get(address="10.99.0.1").fingerprint


def test_a_jump_hosts_key_is_asked_about_once_and_before_those_behind_it(file: Path, seed: str, admin: User) -> None:
    file.write_text(f"{seed}  jumpHost: {{hops: 'ops@bastion.example:2222', password: own}}\n")
    said = create(file, "--accept-host-keys", "--yes")
    assert said.count("The jump host bastion.example:2222 presents the new key SHA256:bastion.example") == 1
    assert said.index("bastion.example") < said.index("SHA256:node1")
    keys = set(HostKey.objects.values_list("address", "port"))
    assert keys == {("bastion.example", 2222), *((f"10.99.0.{n}", 22) for n in (1, 2, 3))}


def test_errors_in_the_file_stop_everything(file: Path, admin: User) -> None:
    file.write_text("kind: Cluster\nspec:\n  hosts: 3\n")
    with pytest.raises(CommandError):
        create(file, "--yes")
    assert not Cluster.objects.exists()


def test_an_active_run_is_not_disturbed(file: Path, admin: User) -> None:
    create(file, "--accept-host-keys", "--yes")
    Run.objects.update(state="running", worker="somebody")
    with pytest.raises(CommandError, match="still active"):
        create(file, "--yes")


@pytest.mark.thorough
def test_ctrl_c_cancels_with_a_message(file: Path, admin: User) -> None:
    arguments = ("cluster", "create", "-f", str(file), "--accept-host-keys", "--yes")
    lives = {"PYTHONUNBUFFERED": "1", "SLIPWAY_RUN_ON_MACHINES": "tests.runs.fakes.endless"}
    with manage_and_read(*arguments, **lives) as process:
        wait_for(lambda: Run.objects.filter(last_line__gt=3).exists(), what="the first lines")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=90)
        assert process.returncode == 1
    assert Run.objects.get().state == "cancelled"
    assert "Cancelling" in out
    assert "sample: cancelled in" in out


def logged_in_with(task: Any, sink: object, cancel: object) -> Ended:
    """A run that records each machine's key, or why it has none."""
    for host in task.document.hosts:
        try:
            target = target_for(task.document, host)
            key = target.key() or (target.via.key() if target.via else None)
            KEYS[host.name] = key.get_name() if key else ""
        except InstallerError as error:
            KEYS[host.name] = error.message
    return Ended("succeeded")


KEYS: dict[str, str] = {}


def test_key_files_are_read_as_the_commands_user_and_stored_nowhere(
    file: Path, admin: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = f"{__name__}.logged_in_with"
    home = file.parent / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (home / "named").write_text(pem(ECDSA, PKCS8))
    (home / ".ssh" / "id_rsa").write_text(pem(RSA, PKCS1))
    (file.parent / "beside").write_text(pem(ED25519, OPENSSH))
    text = file.read_text()
    for old, new in (
        ('password: "Qcloud@123"', "privateKeyPath: ~/named"),
        ('user: ubuntu, password: "Testing123"}\n  - {name: node3', "privateKeyPath: beside}\n  - {name: node3"),
        (', user: ubuntu, password: "Testing123"', ""),
    ):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    KEYS.clear()
    create(file, "--accept-host-keys", "--yes")
    assert KEYS == {"node1": "ecdsa-sha2-nistp256", "node2": "ssh-ed25519", "node3": "ssh-rsa"}
    run = Run.objects.get()
    for stored in (run.document, run.cluster.document):
        assert "PRIVATE KEY" not in stored and "privateKeyPath: beside" in stored
    # Another worker that continues the run has no terminal.
    Run.objects.filter(pk=run.pk).update(state="queued", finished_at=None)
    supervise(run.pk, worker_name="another")
    assert KEYS["node1"] == "The private key file ~/named cannot be used." and KEYS["node3"] == ""


def moved(document: Document, _answers: object) -> Document:
    """The document with node1 at another address."""
    first, *others = document.hosts
    return document.model_copy(update={"hosts": (first.model_copy(update={"address": "10.99.0.9"}), *others)})


def test_keys_are_asked_of_the_machines_of_the_order_and_no_others(
    file: Path, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(recipes_by_name()["create"], machines=lambda document, answers: ("node1", "node3"), prepare=moved)
    monkeypatch.setitem(RECIPES, "create", own)
    create(file, "--accept-host-keys", "--yes")
    assert {key.address for key in HostKey.objects.all()} == {"10.99.0.9", "10.99.0.3"}
