"""Only Slipway's user can read database and keys, whatever the mode of their folder and the umask."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db.utils import ConnectionHandler

from installer_site import env, system_checks
from installer_site.private_files import is_private, make_private, sqlite_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may read, and a umask that takes nothing away."""
    tmp_path.chmod(0o777)
    before = os.umask(0)
    yield tmp_path
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir() if path.is_file()}


def test_a_new_database_is_private_with_all_that_sqlite_writes_beside_it(folder: Path) -> None:
    path = folder / "slipway.sqlite3"
    env.sqlite(path)
    opened = sqlite3.connect(path)
    opened.execute("PRAGMA journal_mode=WAL")
    opened.execute("CREATE TABLE secrets (word)")
    opened.commit()
    assert modes(folder) == dict.fromkeys(("slipway.sqlite3", "slipway.sqlite3-wal", "slipway.sqlite3-shm"), "0o600")
    opened.close()


def test_files_that_others_could_read_until_now_are_private_at_the_next_start(folder: Path) -> None:
    for path in sqlite_files(folder / "slipway.sqlite3"):
        path.touch(0o666)
    (folder / "secret-key").write_text("old secret\n")
    env.sqlite(folder / "slipway.sqlite3")
    assert env.stored_secret(folder / "secret-key", lambda: "new") == "old secret"
    assert set(modes(folder).values()) == {"0o600"}


@pytest.mark.django_db
def test_every_database_that_is_opened_is_private(folder: Path) -> None:
    path = folder / "from-a-backup.sqlite3"
    path.touch(0o644)
    path.chmod(0o644)
    another = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path}})["default"]
    with closing(another):
        another.ensure_connection()
        assert is_private(path)


def test_a_new_key_is_private(folder: Path) -> None:
    env.stored_secret(folder / "fernet-keys", lambda: "secret")
    assert modes(folder) == {"fernet-keys": "0o600"}


@pytest.mark.processes
def test_whatever_a_first_start_writes_into_the_data_directory_is_private(folder: Path) -> None:
    environment = {**os.environ, "SLIPWAY_DATA_DIR": str(folder), "SLIPWAY_DATABASE": "", "SLIPWAY_SECRET_KEYS": ""}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    found = modes(folder)
    assert {"slipway.sqlite3", "fernet-keys", "secret-key"} <= set(found)
    assert set(found.values()) == {"0o600"}


def test_what_cannot_be_made_private_is_an_error_of_the_check(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SLIPWAY_DATA_DIR = folder
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", folder / "slipway.sqlite3")
    key = folder / "secret-key"
    key.write_text("secret")
    assert [each.id for each in system_checks.secrets_are_private(None)] == ["slipway.E006"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", lambda *_args, **_more: (_ for _ in ()).throw(PermissionError))
        make_private(key)
    assert not is_private(key)
    assert [each.id for each in system_checks.secrets_are_private(None)] == ["slipway.E006"]
    make_private(key)
    assert [each.id for each in system_checks.secrets_are_private(None)] == []


def test_a_proxy_that_is_not_named_is_a_warning_of_the_check(settings: Settings) -> None:
    settings.SLIPWAY_HTTPS = True
    assert [each.id for each in system_checks.proxy_is_named(None)] == ["slipway.W005"]
    settings.SLIPWAY_TRUSTED_PROXIES = [object()]
    assert system_checks.proxy_is_named(None) == []
