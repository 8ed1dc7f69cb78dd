"""Host keys: fingerprints as ssh-keygen prints them, accepted for one address only."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.remote.auth.host_keys import HostKeyChanged, HostKeyUnknown, PinnedKey, check_key, key_of
from tests.known_keys import InMemoryKeys
from tests.sshd import generate_key

if TYPE_CHECKING:
    from pathlib import Path

ONE = key_of("ssh-ed25519", b"one")
TWO = key_of("ssh-ed25519", b"two")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path, kind: str) -> None:
    generate_key(tmp_path / "key", kind)
    key_type, text = (tmp_path / "key.pub").read_text().split()[:2]
    printed = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, check=True)

    key = key_of(key_type, base64.b64decode(text))

    assert key.fingerprint == printed.stdout.decode().split()[1]
    assert key.key == text


def test_a_key_is_known_for_its_address_and_port_only() -> None:
    known = InMemoryKeys()
    known.pin("192.0.2.1", 22, ONE)

    check_key(known, "192.0.2.1", 22, ONE)
    for address, port in (("192.0.2.1", 2222), ("192.0.2.2", 22)):
        with pytest.raises(HostKeyUnknown):
            check_key(known, address, port, ONE)


def test_a_changed_key_is_reported_with_both_fingerprints() -> None:
    known = InMemoryKeys()
    known.pin("192.0.2.1", 22, ONE)

    with pytest.raises(HostKeyChanged) as caught:
        check_key(known, "192.0.2.1", 22, TWO)

    assert ONE.fingerprint in str(caught.value)
    assert TWO.fingerprint in str(caught.value)
    assert not caught.value.retryable


def test_an_rsa_key_is_asked_for_without_sha1() -> None:
    assert PinnedKey("ssh-rsa", "", "").algorithms == ("rsa-sha2-512", "rsa-sha2-256")
    assert PinnedKey("ssh-ed25519", "", "").algorithms == ("ssh-ed25519",)
