"""Private keys: from text to something paramiko can sign with, and a message for each reason why that fails."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from clusters.config.secret import Secret
from clusters.remote.auth.algorithms import check_login_key
from clusters.remote.errors import KeyEncrypted, KeyNotUnderstood

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

LARGEST_KEY = 64 * 1024
"""Bytes of a private key file: an RSA key of 16384 bits has 12 KB."""


def decrypt_key(secret: Secret, passphrase: Secret | None, where: str = "the private key") -> Secret:
    """The text of a private key without its passphrase, in OpenSSH form; for logins, never to be stored.

    Raises KeyEncrypted when the passphrase is missing or wrong, KeyNotUnderstood for anything else.
    """
    _key, text = _parse(secret, where, passphrase)
    return Secret(text)


def parse_key(secret: Secret, where: str = "the private key", passphrase: Secret | None = None) -> paramiko.PKey:
    """Read an RSA, ECDSA or Ed25519 key in PEM (PKCS#1, PKCS#8, SEC1) or OpenSSH form.

    Raises KeyEncrypted for a key that the passphrase does not unlock, KeyTooShort for RSA below 2,048 bits,
    KeyNotUnderstood for anything else.
    """
    key, _text = _parse(secret, where, passphrase)
    return key


def _parse(secret: Secret, where: str, passphrase: Secret | None) -> tuple[paramiko.PKey, str]:
    """The key, and its text in OpenSSH form without a passphrase."""
    text = secret.reveal().strip().replace("\r\n", "\n") + "\n"
    if "PRIVATE KEY-----" not in text:
        raise KeyNotUnderstood(_what_it_is_instead(text, where), hint="Enter the whole file, from BEGIN to END.")
    try:
        reader, text = _as_openssh(_load(text.encode(), where, passphrase))
        key = reader.from_private_key(io.StringIO(text))
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise KeyNotUnderstood(
            f"{where} is not a complete private key of type RSA, ECDSA or Ed25519.",
            hint="Enter the whole file, from BEGIN to END; `ssh-keygen -y -f FILE` must print its public half.",
        ) from error
    check_login_key(key, where)
    return key, text


def _load(data: bytes, where: str, passphrase: Secret | None) -> PrivateKeyTypes:
    read = serialization.load_ssh_private_key if b"OPENSSH" in data else serialization.load_pem_private_key
    try:
        return read(data, None)
    except (TypeError, ValueError) as error:
        # The library reports "a password is needed" as a TypeError.
        if not isinstance(error, TypeError) and b"ENCRYPTED" not in data:
            raise
        if not passphrase:
            raise KeyEncrypted(
                f"{where} is protected by a passphrase, which nobody can type during an installation.",
                hint="Create a credential, which stores the passphrase, or use a copy without one"
                " (`ssh-keygen -p -N '' -f COPY`).",
            ) from error
    try:
        return read(data, passphrase.reveal().encode())
    except ValueError as error:
        raise KeyEncrypted(f"The passphrase does not unlock {where}.", hint="Check the passphrase.") from error


def _as_openssh(key: PrivateKeyTypes) -> tuple[type[paramiko.PKey], str]:
    kinds: tuple[tuple[type, type[paramiko.PKey]], ...] = (
        (rsa.RSAPrivateKey, paramiko.RSAKey),
        (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
        (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
    )
    for kind, reader in kinds:
        if isinstance(key, kind):
            text = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
            return reader, text.decode()
    raise ValueError("neither RSA nor ECDSA nor Ed25519")


def _what_it_is_instead(text: str, where: str) -> str:
    first = text.split(None, 1)[0] if text.strip() else ""
    if first.startswith(("ssh-", "ecdsa-", "sk-")):
        return f"{where} is a public key ({first}); the private key is required."
    if "PuTTY-User-Key-File" in text:
        return f"{where} is in PuTTY's format; export it as an OpenSSH key in PuTTYgen."
    if "CERTIFICATE" in text:
        return f"{where} is a certificate, not a private key."
    return f"{where} is not a private key: it has no `-----BEGIN … PRIVATE KEY-----` line."
