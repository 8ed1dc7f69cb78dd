"""Private keys: text or file to something paramiko can sign with, and a sentence for each way it cannot."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from clusters.config.secret import Secret
from clusters.remote.errors import KeyEncrypted, KeyNotUnderstood, KeyUnreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# How large a private key file may sensibly be, in bytes: an RSA key of 16384 bits has 12 KB.
LARGEST_KEY = 64 * 1024


def key_from_file(path: str) -> Secret:
    """The text of a private key file on this server; `~` is this server's home. Raises KeyUnreadable."""
    try:
        place = Path(path).expanduser()
        if place.stat().st_size > LARGEST_KEY:
            raise KeyNotUnderstood(
                f"The private key file {path} is larger than any key.", hint="Name the private key, not a bundle."
            )
        return Secret(place.read_bytes().decode("utf-8", "replace"))
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise KeyUnreadable(
            f"The private key file {path} cannot be read on this server: {why}.",
            hint="The path is on the machine where Slipway runs, not on yours. Correct it, or paste the key.",
        ) from error


def parse_key(secret: Secret, where: str = "the private key") -> paramiko.PKey:
    """Read an RSA, ECDSA or Ed25519 key in PEM (PKCS#1, PKCS#8, SEC1) or OpenSSH form.

    Raises KeyEncrypted for a key with a passphrase, KeyNotUnderstood for anything else.
    """
    text = secret.reveal().strip().replace("\r\n", "\n") + "\n"
    if "PRIVATE KEY-----" not in text:
        raise KeyNotUnderstood(_what_it_is_instead(text, where), hint="Give the whole file, from BEGIN to END.")
    try:
        return _as_paramiko(_load(text.encode(), where))
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise KeyNotUnderstood(
            f"{where} is not a complete private key of type RSA, ECDSA or Ed25519.",
            hint="Give the whole file, from BEGIN to END; `ssh-keygen -y -f FILE` must print its public half.",
        ) from error


def _load(data: bytes, where: str) -> PrivateKeyTypes:
    read = serialization.load_ssh_private_key if b"OPENSSH" in data else serialization.load_pem_private_key
    try:
        return read(data, None)
    except (TypeError, ValueError) as error:
        # The library says "a password is needed" by a TypeError.
        if isinstance(error, TypeError) or b"ENCRYPTED" in data:
            raise KeyEncrypted(
                f"{where} is protected by a passphrase, and nobody is there to type it during an install.",
                hint="Make a copy without passphrase (`ssh-keygen -p -N '' -f COPY`) or a key of its own for this.",
            ) from error
        raise


def _as_paramiko(key: PrivateKeyTypes) -> paramiko.PKey:
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
            return reader.from_private_key(io.StringIO(text.decode()))
    raise ValueError("neither RSA nor ECDSA nor Ed25519")


def _what_it_is_instead(text: str, where: str) -> str:
    first = text.split(None, 1)[0] if text.strip() else ""
    if first.startswith(("ssh-", "ecdsa-", "sk-")):
        return f"{where} is a public key ({first}); the private one is needed."
    if "PuTTY-User-Key-File" in text:
        return f"{where} is in PuTTY's format; export it as an OpenSSH key in PuTTYgen."
    if "CERTIFICATE" in text:
        return f"{where} is a certificate, not a private key."
    return f"{where} is not a private key: there is no `-----BEGIN … PRIVATE KEY-----` in it."
