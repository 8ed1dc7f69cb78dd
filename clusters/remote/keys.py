"""Private keys: text or file to something paramiko can sign with, and a sentence for each way it cannot."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from clusters.config.secret import Secret
from clusters.errors import RemoteError
from clusters.localfile import read_regular
from clusters.remote.algorithms import check_login_key
from clusters.remote.errors import KeyEncrypted, KeyNotUnderstood, KeyUnreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

log = logging.getLogger(__name__)

# How large a private key file may sensibly be, in bytes: an RSA key of 16384 bits has 12 KB.
LARGEST_KEY = 64 * 1024


def key_from_file(path: str) -> paramiko.PKey:
    """The private key in a file on this server; `~` is this server's home. Raises KeyUnreadable.

    Whoever writes a document chooses the path, so the error is the same for every file that is no key: it does not say
    whether there is one, nor what it is. The log of the worker says it to the administrator.
    """
    try:
        content = read_regular(Path(path).expanduser(), LARGEST_KEY)
        return parse_key(Secret(content.decode("utf-8", "replace")), "It")
    except (OSError, RuntimeError, ValueError, RemoteError) as error:
        why = getattr(error, "strerror", None) or str(error)
        log.warning("The private key file %s cannot be used: %s", path, why)
        raise KeyUnreadable(
            f"The private key file {path} cannot be used.",
            hint="It has to be on the machine where Slipway runs, not on yours: a regular file of at most 64 KB that"
            " Slipway may read, with a private key that has no passphrase. The log of Slipway's worker says what is"
            " wrong with it. Or paste the key.",
        ) from None


def parse_key(secret: Secret, where: str = "the private key") -> paramiko.PKey:
    """Read an RSA, ECDSA or Ed25519 key in PEM (PKCS#1, PKCS#8, SEC1) or OpenSSH form.

    Raises KeyEncrypted for a key with a passphrase, KeyTooShort for RSA below 2,048 bits, KeyNotUnderstood for
    anything else.
    """
    text = secret.reveal().strip().replace("\r\n", "\n") + "\n"
    if "PRIVATE KEY-----" not in text:
        raise KeyNotUnderstood(_what_it_is_instead(text, where), hint="Give the whole file, from BEGIN to END.")
    try:
        key = _as_paramiko(_load(text.encode(), where))
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise KeyNotUnderstood(
            f"{where} is not a complete private key of type RSA, ECDSA or Ed25519.",
            hint="Give the whole file, from BEGIN to END; `ssh-keygen -y -f FILE` must print its public half.",
        ) from error
    check_login_key(key, where)
    return key


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
