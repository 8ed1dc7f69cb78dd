"""A document from a browser never opens a file of the server, whichever key contains its path."""

from __future__ import annotations

import ast
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters import catalog, services
from clusters.config.dialects.render import DIALECTS, render
from clusters.config.keys import keys_of
from clusters.config.rules import check
from clusters.config.schema import Host, JumpHost
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.errors import InstallerError
from clusters.models import Cluster, Inspection, Probe, Run
from clusters.runs.access.targets import target_for
from clusters.runs.jobs.inspections import inspect_row
from clusters.runs.jobs.probes import probe_row
from clusters.runs.supervise import supervise
from clusters.runs.worker import fresh_name
from clusters.wizard.core.flow import pages
from tests.config.documents import seed_document
from tests.remote.auth.test_keys import ED25519, OPENSSH, pem
from tests.runs.fakes import Ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.config.keys import Model
    from clusters.config.schema import Document
    from clusters.remote.target import Target
    from clusters.runs.task import Task

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-of-the-server"
LEFT_ALONE = {"hosts", "roleGroups", "jumpHost", "name", "credential", "agentKey", "version", "hops"}
"""Keys without which nothing would be tried, or that name something else than a file."""
SEEN: list[str] = []
_WATCHING: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _WATCHING and event in ("open", "os.listdir", "os.scandir") and CANARY in str(arguments[0]):
        SEEN.append(f"{event} {arguments[0]}")


sys.addaudithook(_hook)


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is opened, listed or asked after below the canary's folder meanwhile, by any thread."""
    SEEN.clear()
    with monkeypatch.context() as patch:
        for name in ("stat", "lstat", "readlink"):
            patch.setattr(os, name, _noting(name, getattr(os, name)))
        _WATCHING.append(True)
        try:
            yield SEEN
        finally:
            _WATCHING.clear()


def _noting(name: str, real: Any) -> Any:
    def noting(path: Any, *arguments: Any, **options: Any) -> Any:
        if CANARY in str(path):
            SEEN.append(f"{name} {path}")
        return real(path, *arguments, **options)

    return noting


def filled(section: Model, path: str) -> Any:
    """The section with this path in every empty text, including subsections."""
    update: dict[str, Any] = {}
    for key in keys_of(type(section)).values():
        value = getattr(section, key.attribute)
        if key.name in LEFT_ALONE:
            continue
        if key.kind == "text" and value == "":
            update[key.attribute] = path
        elif key.kind in ("names", "values") and not value:
            update[key.attribute] = (path,)
        elif key.kind == "model" and value is not None:
            update[key.attribute] = filled(value, path)
        elif key.kind == "models" and key.inner is not None:
            update[key.attribute] = tuple(filled(each, path) for each in value or (key.inner(),))
        elif key.kind == "table" and key.inner is not None:
            update[key.attribute] = {"a": filled(key.inner(), path)}
        elif key.kind == "labels":
            update[key.attribute] = {"a": path}
    return section.model_copy(update=update)


def hostile(path: str) -> Document:
    """A document whose every free text is the path of a key that the server could log in with."""
    document = seed_document()
    jump = JumpHost(hops="10.9.9.9", private_key_path=path)
    hosts = [Host(name=each.name, address=each.address, private_key_path=path) for each in document.hosts[:2]]
    hosts.append(Host(name="node3", address="10.9.9.3", jump_host=jump))
    found: Document = filled(document, path).model_copy(update={"hosts": tuple(hosts), "jump_host": jump})
    return found


def log_in(task: Task, sink: object, cancel: object) -> Ended:
    """Every login of a run, as far as it goes without a machine."""
    for host in task.document.hosts:
        target: Target | None = target_for(task.document, host)
        while target is not None:
            with suppress(InstallerError):
                target.key()
            target = target.via
    return Ended("succeeded")


def log_in_once(host: Host, known: object, tell: object) -> dict[str, Any]:
    """The login of a connection test."""
    document = seed_document(hosts=(host,), jump_host=host.jump_host)
    log_in(type("Task", (), {"document": document}), None, None)  # type: ignore[arg-type]  # read by log_in alone
    return {}


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A private key of the server, also as the default key of its user."""
    folder = tmp_path / CANARY
    (folder / ".ssh").mkdir(parents=True)
    for path in (folder / "id", folder / ".ssh" / "id_rsa"):
        path.write_text(pem(ED25519, OPENSSH))
    monkeypatch.setenv("HOME", str(folder))
    return str(folder / "id")


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("folder", ["", "elsewhere"])
def test_no_key_of_a_browsers_document_makes_the_server_open_or_look_for_a_file(
    folder: str, canary: str, client: Client, alice: User, settings: Settings,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    settings.SLIPWAY_KEY_DIR = str(tmp_path / folder) if folder else ""
    settings.SLIPWAY_RUN_ON_MACHINES = f"{__name__}.log_in"
    settings.SLIPWAY_PROBE = f"{__name__}.log_in_once"
    client.force_login(alice)
    text = render(hostile(canary), secrets="show")
    assert text.count(canary) > 90
    discover(catalog)
    with watched(monkeypatch) as seen:
        client.post("/clusters/import/", {"text": text})
        cluster = Cluster.objects.get()
        document = services.document_of(cluster)
        for page in pages():
            assert client.get(f"/clusters/{cluster.pk}/wizard/{page.slug}/").status_code == 200
        for address in ("login/?row=0:node1", "jump/", "add/"):
            assert client.get(f"/clusters/{cluster.pk}/wizard/machines/{address}").status_code == 200
        check(document)
        for dialect in DIALECTS:
            services.config_export(actor=alice, cluster=cluster, dialect=dialect, with_secrets=True)
        with suppress(InstallerError):
            make_plan(document, "create")
        with pytest.raises(services.RunRefused):
            services.run_start(actor=alice, cluster=cluster, acknowledge_all=True)
        carry_out(cluster, alice)
    assert seen == []


def carry_out(cluster: Cluster, actor: User) -> None:
    """What a worker does with the document, regardless of the rules' findings."""
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=actor)
    supervise(run.pk, worker_name=fresh_name())
    run.refresh_from_db()
    assert run.state == "succeeded"
    services.probes_start(actor=actor, cluster=cluster)
    for probe in Probe.objects.all():
        Probe.objects.filter(pk=probe.pk).update(state="running", worker="w")
        probe_row(probe.pk, "w")
    services.inspection_start(actor=actor, cluster=cluster, checks=["document.files"])
    row = Inspection.objects.get()
    Inspection.objects.filter(pk=row.pk).update(state="running", worker="w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "clusters.runs.jobs.inspections.execute_plan", lambda plan, **rest: log_in(_task(rest), None, None)
        )
        inspect_row(row.pk, "w")


def _task(rest: dict[str, Any]) -> Any:
    return type("Task", (), {"document": rest["document"]})


@pytest.mark.django_db
def test_the_machines_page_asks_for_the_key_that_lies_where_kk_ran(client: Client, alice: User) -> None:
    hosts = (*seed_document().hosts[:2], Host(name="node3", address="10.9.9.3", private_key_path="/root/.ssh/id_rsa"))
    jump = JumpHost(hops="10.9.9.9", private_key_path="/root/.ssh/bastion")
    text = render(seed_document(hosts=hosts, jump_host=jump), secrets="show")
    client.force_login(alice)
    client.post("/clusters/import/", {"text": text})
    cluster = Cluster.objects.get()
    page = client.get(f"/clusters/{cluster.pk}/wizard/machines/").content.decode()
    asked = "This path is on the computer where kk ran; upload the key."
    assert "The private key file /root/.ssh/id_rsa of node3 cannot be used." in page and asked in page
    assert "The private key file /root/.ssh/bastion of the jump host cannot be used." in page
    login = client.get(f"/clusters/{cluster.pk}/wizard/machines/login/?row=2:node3").content.decode()
    assert asked in login and 'type="file"' in login
    with pytest.raises(services.RunRefused, match="cannot be used"):
        services.run_start(actor=alice, cluster=cluster, acknowledge_all=True)


OPENS = {
    "clusters/catalog/networks/calico/__init__.py": "a manifest of the artifact source",
    "clusters/catalog/sources/download.py": "the cache of artifacts",
    "clusters/catalog/sources/index.py": "the index of the bundle that SLIPWAY_ARTIFACTS names",
    "clusters/catalog/sources/upstream.py": "a file of checksums in the cache",
    "clusters/catalog/prechecks/identity.py": "the identity of the server's machine, at constant paths",
    "clusters/config/carried_files.py": "files of a document, for `cluster create` alone",
    "clusters/engine/archives.py": "archives of the artifact source",
    "tests/fake_host.py": "content that tests give",
    "clusters/remote/session/files.py": "content of the artifact source",
    "clusters/runs/access/key_files.py": "key files below SLIPWAY_KEY_DIR, and of the user of `cluster create`",
    "clusters/services/connection_tests.py": "the file that SLIPWAY_PRACTICE_FILE names",
    "clusters/localfile.py": "the bounded readers themselves",
}
"""Modules that open files of the server, and which: none that a browser's document could name."""
OPENING = {"open", "read_text", "read_bytes", "read_regular", "read_start"}
NOT_FILES = {"clusters/services/bundles.py", "clusters/runs/notify/outbox.py", "clusters/catalog/sources/web.py"}
"""They open an archive in memory, and addresses."""


def test_only_these_modules_open_files_of_the_server() -> None:
    """A new one must be listed here with its files, which no document from a browser can name."""
    found = set()
    for path in sorted((ROOT / "clusters").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if "/management/" in name or "/migrations/" in name:
            continue
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        names = {getattr(each, "attr", getattr(each, "id", "")) for each in calls}
        if names & OPENING and not (names & OPENING == {"open"} and _opens_something_else(calls)):
            found.add(name)
    assert found - set(OPENS) - NOT_FILES == set()


def _opens_something_else(calls: list[Any]) -> bool:
    """Whether every `open` is of a machine, a connection or a row, and none of the server's files."""
    opens = [each for each in calls if getattr(each, "attr", getattr(each, "id", "")) == "open"]
    owners = [ast.unparse(each.value) if isinstance(each, ast.Attribute) else "" for each in opens]
    return not {"", "os", "io", "path"} & set(owners)
