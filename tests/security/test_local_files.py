"""A readable key file does not block, does not fill memory, and reveals nothing about other files."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.config.carried_files import packed
from clusters.errors import ConfigError
from clusters.localfile import read_regular
from clusters.remote.errors import KeyUnreadable
from clusters.runs.access.key_files import OfferedKeys, TerminalKeys
from tests.remote.auth.test_keys import ED25519, OPENSSH, PKCS1, RSA, pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from clusters.runs.access.key_files import KeyFiles

    FilesOf = Callable[[Settings, Path], KeyFiles]

MAKES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a directory": Path.mkdir,
    "a fifo": os.mkfifo,
    "a device without an end": lambda path: path.symlink_to("/dev/zero"),
    "a terminal": lambda path: path.symlink_to("/dev/tty"),
    "the kernel's log": lambda path: path.symlink_to("/proc/kmsg"),
    "an environment": lambda path: path.symlink_to("/proc/self/environ"),
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "a large file": lambda path: path.write_text(pem(ED25519, OPENSSH) + "x" * 70_000),
    "a sparse file": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 40),
    "an empty file": lambda path: path.write_text(""),
    "passwords": lambda path: path.write_text("root:$y$j9T$x:19000:0:99999:7:::\n"),
    "a public key": lambda path: path.write_text("ssh-ed25519 AAAAC3Nza me@here\n"),
    "a certificate": lambda path: path.write_text("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"),
    "PuTTY's": lambda path: path.write_text("PuTTY-User-Key-File-3: ssh-rsa\n"),
    "a broken key": lambda path: path.write_text(pem(RSA, PKCS1)[:300]),
    "a locked key": lambda path: path.write_text(pem(RSA, PKCS1, "open sesame")),
}


def offered(settings: Settings, folder: Path) -> KeyFiles:
    """The files of SLIPWAY_KEY_DIR."""
    settings.SLIPWAY_KEY_DIR = str(folder)
    return OfferedKeys()


def of_the_terminal(settings: Settings, folder: Path) -> KeyFiles:
    """The files of the user who runs a command."""
    return TerminalKeys(folder)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("files", [offered, of_the_terminal])
@pytest.mark.parametrize("kind", MAKES)
def test_every_file_that_is_not_a_key_is_refused_with_the_same_message(
    kind: str, files: FilesOf, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "id"
    MAKES[kind](path)
    began = time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(KeyUnreadable) as caught:
        files(settings, tmp_path).read(str(path))
    assert time.monotonic() - began < 20
    assert caught.value.message == f"The private key file {path} cannot be used."
    assert caught.value.hint == "This path is on the computer where kk ran; upload the key."
    assert caught.value.__cause__ is None
    # The user who runs Slipway gets the reason, and nothing else about the file.
    (told,) = caplog.messages
    assert len(told) < 500 and "$y$" not in told and "AAAA" not in told


@pytest.mark.parametrize("files", [offered, of_the_terminal])
def test_a_key_that_is_one_is_used(files: FilesOf, settings: Settings, tmp_path: Path) -> None:
    text = pem(ED25519, OPENSSH)  # has a number made by chance in it
    (tmp_path / "real").write_text(text)
    (tmp_path / "id").symlink_to(tmp_path / "real")
    assert files(settings, tmp_path).read("id").reveal() == text


def test_a_missing_home_directory_gives_the_same_message(tmp_path: Path) -> None:
    with pytest.raises(KeyUnreadable, match=r"^The private key file ~nobody-of-that-name/id cannot be used\.$"):
        TerminalKeys(tmp_path).read("~nobody-of-that-name/id")


OUTSIDE = ("../outside", "/etc/ssh/ssh_host_ed25519_key", "out", "folder/../../outside", "~/.ssh/id_rsa", ".", "", "\0")


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_offered_folder_is_used_or_distinguished(
    path: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "keys"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / ".ssh").mkdir()
    for each in (tmp_path / "outside", tmp_path / ".ssh" / "id_rsa"):
        each.write_text(pem(ED25519, OPENSSH))
    (folder / "out").symlink_to(tmp_path / "outside")
    monkeypatch.setenv("HOME", str(tmp_path))
    for files in (offered(settings, folder), offered(settings, Path())):
        with pytest.raises(KeyUnreadable) as caught:
            files.read(path)
        assert caught.value.hint == "This path is on the computer where kk ran; upload the key."
        assert files.default() is None
    settings.SLIPWAY_KEY_DIR = ""
    with pytest.raises(KeyUnreadable):
        OfferedKeys().read(str(tmp_path / "outside"))


def test_the_offered_folder_lists_its_files_and_no_links_out_of_it(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    for name in ("team/ops", "team/ops.pub", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / "inner").symlink_to("team/ops")
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    settings.SLIPWAY_KEY_DIR = str(tmp_path)
    assert OfferedKeys().names() == ["inner", "team/ops"]


def test_a_file_that_grows_while_it_is_read_is_read_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size that was asked for before is a promise that nobody keeps."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 11)
    assert read_regular(path, 11) == b"x" * 11
    with pytest.raises(OSError, match="it has more than 10 bytes"):
        read_regular(path, 10)


@pytest.mark.parametrize("kind", ["a fifo", "a device without an end", "a directory"])
def test_a_file_that_a_document_carries_is_a_regular_one(kind: str, tmp_path: Path) -> None:
    MAKES[kind](tmp_path / "id")
    with pytest.raises(ConfigError, match=r"Cannot read .* from the document"):
        packed(tmp_path / "id")


@pytest.mark.thorough
def test_a_document_without_an_end_is_read_to_its_limit(tmp_path: Path) -> None:
    """In a separate process with limited memory; it prints what is wrong with the document."""
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -v 1500000; exec "$0" manage.py config check /dev/zero', sys.executable],
        cwd=root,
        env={**os.environ, "SLIPWAY_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1 and "is larger than 1,000,000 bytes" in done.stdout
