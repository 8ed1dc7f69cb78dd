"""Private keys: every common kind, and a message for each that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from clusters.config.secret import Secret
from clusters.remote.auth.keys import decrypt_key, parse_key
from clusters.remote.errors import KeyEncrypted, KeyNotUnderstood

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8
OPENSSH = serialization.PrivateFormat.OpenSSH
RSA = rsa.generate_private_key(65537, 2048)
ECDSA = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: PrivateKeyTypes, form: serialization.PrivateFormat, passphrase: str = "") -> str:
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase and form is OPENSSH:
        # One round instead of sixteen, which take a quarter of a second each time.
        lock = OPENSSH.encryption_builder().kdf_rounds(1).build(passphrase.encode())
    elif passphrase:
        lock = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, form, lock).decode()


@pytest.mark.parametrize(
    ("key", "form", "name"),
    [
        (RSA, PKCS1, "ssh-rsa"),
        (RSA, PKCS8, "ssh-rsa"),
        (RSA, OPENSSH, "ssh-rsa"),
        (ECDSA, PKCS1, "ecdsa-sha2-nistp256"),
        (ECDSA, PKCS8, "ecdsa-sha2-nistp256"),
        (ECDSA, OPENSSH, "ecdsa-sha2-nistp256"),
        (ED25519, PKCS8, "ssh-ed25519"),
        (ED25519, OPENSSH, "ssh-ed25519"),
    ],
)
def test_keys_of_all_types_and_forms_are_read(
    key: PrivateKeyTypes, form: serialization.PrivateFormat, name: str
) -> None:
    read = parse_key(Secret(pem(key, form)))

    assert read.get_name() == name
    assert read.can_sign()


def test_line_ends_and_blanks_of_a_browser_do_no_harm() -> None:
    text = "  \r\n" + pem(RSA, OPENSSH).replace("\n", "\r\n").rstrip()

    assert isinstance(parse_key(Secret(text)), paramiko.RSAKey)


@pytest.mark.parametrize(("key", "form"), [(RSA, PKCS1), (RSA, PKCS8), (RSA, OPENSSH), (ED25519, OPENSSH)])
def test_a_key_with_a_passphrase_has_its_own_error(key: PrivateKeyTypes, form: serialization.PrivateFormat) -> None:
    with pytest.raises(KeyEncrypted, match="passphrase") as caught:
        parse_key(Secret(pem(key, form, "open sesame")))

    assert "ssh-keygen -p" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no `-----BEGIN"),
        ("ssh-ed25519 AAAAC3Nza me@here", "public key"),
        ("PuTTY-User-Key-File-3: ssh-rsa", "PuTTY"),
        ("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----", "certificate"),
        ("-----BEGIN RSA PRIVATE KEY-----\nnot base64!\n-----END RSA PRIVATE KEY-----", "not a complete"),
        (pem(RSA, OPENSSH)[:300], "not a complete"),
        (pem(RSA, PKCS1).replace("M", "N"), "not a complete"),
        (pem(dsa.generate_private_key(1024), PKCS8), "RSA, ECDSA or Ed25519"),
    ],
)
def test_an_unusable_private_key_is_described(text: str, reason: str) -> None:
    with pytest.raises(KeyNotUnderstood, match=reason) as caught:
        parse_key(Secret(text))

    assert not caught.value.retryable
    assert caught.value.hint


def test_the_error_never_shows_the_key() -> None:
    text = pem(RSA, PKCS1).replace("M", "N")

    with pytest.raises(KeyNotUnderstood) as caught:
        parse_key(Secret(text))

    assert text.splitlines()[3] not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(("key", "form"), [(RSA, PKCS1), (RSA, PKCS8), (RSA, OPENSSH), (ED25519, OPENSSH)])
def test_the_passphrase_unlocks_a_key_and_a_wrong_one_is_reported(
    key: PrivateKeyTypes, form: serialization.PrivateFormat
) -> None:
    locked = Secret(pem(key, form, "open sesame"))
    text = decrypt_key(locked, Secret("open sesame"))
    assert parse_key(text) == parse_key(locked, passphrase=Secret("open sesame"))
    with pytest.raises(KeyEncrypted, match="passphrase does not unlock"):
        decrypt_key(locked, Secret("open barley"))


def test_a_passphrase_that_is_not_needed_does_no_harm() -> None:
    assert parse_key(decrypt_key(Secret(pem(RSA, OPENSSH)), Secret("x"))) == parse_key(Secret(pem(RSA, OPENSSH)))
