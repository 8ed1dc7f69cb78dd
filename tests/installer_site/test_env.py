"""Settings come from the environment, and errors name the wrong one."""

from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from installer_site import env, system_checks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.setenv("SLIPWAY_X_FILE", str(tmp_path / "key"))
    assert env.text("SLIPWAY_X") == "from the file"
    monkeypatch.setenv("SLIPWAY_X_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match="SLIPWAY_X_FILE"):
        env.text("SLIPWAY_X")


@pytest.mark.parametrize(("read", "value"), [(env.flag, "maybe"), (lambda name: env.number(name, 1), "-3")])
def test_an_error_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], object], value: str
) -> None:
    monkeypatch.setenv("SLIPWAY_X", value)
    with pytest.raises(ImproperlyConfigured, match=f"SLIPWAY_X is '{value}'"):
        read("SLIPWAY_X")


def test_a_database_is_named_by_its_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLIPWAY_DATABASE", "postgres://me:p%40ss@db.example:5433/slipway?sslmode=require")
    found = env.database("SLIPWAY_DATABASE", tmp_path)
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("me", "p@ss", "db.example", "5433")
    assert found["OPTIONS"] == {"sslmode": "require"}
    for wrong in ("mysql://x", "postgres://[::1", "postgres://db:99999/x"):
        monkeypatch.setenv("SLIPWAY_DATABASE", wrong)
        with pytest.raises(ImproperlyConfigured, match="SLIPWAY_DATABASE"):
            env.database("SLIPWAY_DATABASE", tmp_path)


def test_a_secret_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret"
    start = threading.Barrier(8)
    got: set[str] = set()

    def ask(number: int) -> None:
        start.wait()
        got.add(env.stored_secret(path.with_name("secret"), lambda: f"secret {number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_the_check_finds_an_invalid_key(settings: Settings, tmp_path: Path) -> None:
    settings.SLIPWAY_SECRET_KEYS = ["short"]
    settings.SLIPWAY_ARTIFACTS = str(tmp_path / "nowhere")
    assert [found.id for found in system_checks.keys_are_fernet_keys(None)] == ["slipway.E001"]
    assert [found.id for found in system_checks.named_places_exist(None)] == ["slipway.W001"]


def test_the_setting_for_no_artifacts_is_not_a_missing_directory(settings: Settings) -> None:
    settings.SLIPWAY_ARTIFACTS, settings.SLIPWAY_PRACTICE_FILE = "none", ""
    assert system_checks.named_places_exist(None) == []


@pytest.mark.parametrize(
    ("mirrors", "found"),
    [
        ([], []),
        (["https://dl.k8s.io/=https://mirror.example/k8s/"], []),
        (["https://dl.k8s.io/=http://mirror.example/k8s/"], ["slipway.W002"]),
        (["mirror.example"], ["slipway.E003"]),
    ],
)
def test_mirrors_are_checked_before_a_run_needs_them(settings: Settings, mirrors: list[str], found: list[str]) -> None:
    settings.SLIPWAY_ARTIFACTS_MIRRORS = mirrors
    assert [each.id for each in system_checks.mirrors_can_be_used(None)] == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", ("localhost", 25, "", "", False)),
        ("smtp://mail.example:587", ("mail.example", 587, "", "", False)),
        ("smtps://me%40here:p%3Aw@mail.example", ("mail.example", 465, "me@here", "p:w", True)),
    ],
)
def test_a_mail_server_is_read_from_its_address(monkeypatch: pytest.MonkeyPatch, url: str, found: object) -> None:
    monkeypatch.setenv("SLIPWAY_SMTP", url)
    assert env.mail("SLIPWAY_SMTP") == found


@pytest.mark.parametrize("url", ["mail.example:25", "smtp://[::1", "smtp://mail.example:99999"])
def test_an_invalid_mail_server_is_refused_with_its_setting(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SLIPWAY_SMTP", url)
    with pytest.raises(ImproperlyConfigured, match="SLIPWAY_SMTP"):
        env.mail("SLIPWAY_SMTP")


def test_an_error_names_the_setting_of_a_directory_that_cannot_be_created(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert stat.S_IMODE(env.directory("SLIPWAY_X", tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SLIPWAY_X", str(tmp_path / "file" / "below"))
    with pytest.raises(ImproperlyConfigured, match=r"below cannot be created: Not a directory\. Set SLIPWAY_X"):
        env.directory("SLIPWAY_X", tmp_path)
