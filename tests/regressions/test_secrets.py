"""4, 5, 6: places where passwords and keys must not appear: pages, files, logs, dumps, disks."""

from __future__ import annotations

import base64
import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from clusters.models import Run
from clusters.runs.supervise import supervise
from tests.processes import wait_for
from tests.regressions.addresses import addresses, content_of
from tests.runs.fakes import KEY_DATA, forms_of
from tests.runs.scenes import cluster_of, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from tests.sshd import Sshd

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = ("Qcloud@123", "Testing123", "abcdef.0123456789abcdef", KEY_DATA)
# A piece of base64 that is long enough to hide a secret.
CODED = re.compile(rb"[A-Za-z0-9+/]{16,}")


@pytest.fixture
def leaked(make_run: Callable[..., Run], settings: Settings) -> Run:
    """A run in which programs printed every secret they know in every form."""
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.leaky"
    run = make_run()
    supervise(run.pk, worker_name="leaky")
    return Run.objects.get(pk=run.pk)


@pytest.mark.thorough
def test_04_no_page_file_log_or_bundle_holds_a_secret_in_any_form(leaked: Run, alice: User, admin: User) -> None:
    kept = {"cluster-kubeconfig": "hands out what it is for"}
    seen = []
    for person in (alice, admin):
        client = Client()
        client.force_login(person)
        more = {
            "list": "/",
            "admin": "/admin/clusters/run/",
            "admin-run": f"/admin/clusters/run/{leaked.pk}/change/",
            "admin-cluster": f"/admin/clusters/cluster/{leaked.cluster_id}/change/",
            "admin-audit": "/admin/clusters/auditentry/",
        }
        for name, address in {**addresses(leaked), **more}.items():
            answer = client.get(address)
            if answer.status_code != 200 or name in kept:
                continue
            text = content_of(answer)
            assert [form for secret in SECRETS for form in forms_of(secret) if form in text] == [], name
            seen.append(name)
    assert {"run", "run-header", "run-log", "run-log-text", "run-log-events", "run-bundle", "run-summary"} <= set(seen)
    assert {"cluster", "cluster-config", "wizard:machines", "wizard-checks", "admin-run"} <= set(seen)


def dump() -> bytes:
    """The database as a thief sees it: its raw files, and all its rows."""
    place = Path(connection.settings_dict["NAME"])
    raw = b"".join(path.read_bytes() for path in sorted(place.parent.glob(place.name + "*")))
    return raw + "\n".join(connection.connection.iterdump()).encode()


def decoded_pieces(found: bytes) -> bytes:
    """The decoded base64 in it, at any offset."""
    plain = found.replace(b"-", b"+").replace(b"_", b"/")
    pieces = (coded[first:][: (len(coded) - first) // 4 * 4] for coded in CODED.findall(plain) for first in range(4))
    return b"\n".join(base64.b64decode(piece) for piece in pieces)


def test_05_what_is_called_encrypted_cannot_be_read_from_a_dump(leaked: Run, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    found = dump()
    # Not only in plain: signing, or base64, would leave it readable after decoding.
    decoded = decoded_pieces(found)
    assert b"node1" in found
    assert b"hidden in base64" in decoded_pieces(b'x="' + base64.b64encode(b"it is hidden in base64, too") + b'"')
    for secret in (*SECRETS, "kind: Config"):
        assert secret.encode() not in found
        assert secret.encode() not in decoded
    for key in django_settings.SLIPWAY_SECRET_KEYS:
        assert str(key).encode() not in found
    # It is there, for a client with the key.
    assert "Qcloud@123" in leaked.document
    assert KEY_DATA in leaked.cluster.kubeconfig


def files_below(*places: Path) -> Iterator[Path]:
    for place in places:
        for folder, _, names in os.walk(place):
            yield from (Path(folder, name) for name in names)


def holds(path: Path, needle: bytes) -> bool:
    """Whether a file contains it. A file of another process may vanish during the check."""
    with suppress(FileNotFoundError):
        return path.is_file() and not path.is_symlink() and needle in path.read_bytes()
    return False


@pytest.mark.sshd
def test_06_no_key_is_left_on_disk_neither_after_a_run_nor_after_a_crash(
    alice: User, sshd: Sshd, tmp_path: Path
) -> None:
    cluster = cluster_of(alice, sshd, "node1")
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    home, scene = tmp_path / "home", tmp_path / "scene"
    home.mkdir()
    scene.mkdir()
    lines = sshd.client_key.reveal().splitlines()
    needle = lines[len(lines) // 2].encode()
    database = Path(connection.settings_dict["NAME"])
    lives = {"HOME": str(home), "TMPDIR": str(home), "SLIPWAY_DATA_DIR": str(home), "SLIPWAY_LEASE_SECONDS": "2"}

    def holding_the_key() -> list[Path]:
        # Only this test's database: parallel tests have theirs in the same folder.
        own = database.parent.glob(f"{database.name}*")
        return [path for path in (*own, *files_below(tmp_path, Path("/dev/shm"))) if holds(path, needle)]

    with worker("ticking", scene, SCENE_SECONDS="60", **lives) as first:
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 5, what="the first lines")
        assert holding_the_key() == []
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert holding_the_key() == []
    with worker("ticking", scene, SCENE_SECONDS="4", **lives):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    assert Run.objects.get(pk=run.pk).state == "succeeded"
    assert holding_the_key() == []
    # Proof that the search works: it finds sshd's own files.
    assert any(holds(path, needle) for path in files_below(sshd.directory))
