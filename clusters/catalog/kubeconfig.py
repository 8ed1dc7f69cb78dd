"""The administrator's kubeconfig, rebuilt from parts of a machine's: its certificates and key, with our own address.

A kubeconfig is more than data: a program to run (`exec`), a proxy, or a request not to check certificates would reach
the kubectl of everybody who downloads it. So the file is not copied: this module extracts the required parts, checks
them, and writes a new file.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from clusters.config.secret import Secret
from clusters.config.yaml.tree import Mapping, Node, Refused, Scalar, Sequence, read
from clusters.engine.wants import NotReached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

LARGEST = 256 * 1024
"""Limit in bytes of a kubeconfig; kubeadm's has 6 KB."""

MOST_CERTIFICATES = 20
USER = "kubernetes-admin"
_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----")


class _Unfit(Exception):
    """Why a kubeconfig cannot be used, as the end of a sentence."""


def rebuild_kubeconfig(content: bytes, *, server: str, cluster: str, where: str) -> Secret:
    """A kubeconfig for `server` with the authority, certificate and key of another one. Raises NotReached."""
    try:
        there, user = _current(content)
        authority = _certificates(there, "certificate-authority-data")
        certificates = _certificates(user, "client-certificate-data")
        key = _key(user, certificates[0])
    except (_Unfit, Refused, UnicodeDecodeError) as error:
        raise NotReached(
            f"{where} is not the kubeconfig of an administrator with a certificate: {str(error).rstrip('.')}.",
            hint="kubeadm writes an authority, a client certificate and its key into it. Did somebody change the file?",
        ) from error
    return Secret(_written(server, cluster, _pem(authority), _pem(certificates), key))


def _written(server: str, cluster: str, authority: str, certificates: str, key: str) -> str:
    context = f"{USER}@{cluster}"
    coded = {"certificate-authority-data": _coded(authority), "server": server}
    login = {"client-certificate-data": _coded(certificates), "client-key-data": _coded(key)}
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": coded}],
        "users": [{"name": USER, "user": login}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": USER}}],
        "current-context": context,
    }
    text: str = yaml.safe_dump(whole, sort_keys=False)
    return text


def _current(content: bytes) -> tuple[Mapping, Mapping]:
    """Cluster and user of the current context."""
    trees = read(content.decode("utf-8"))
    if len(trees) != 1 or not isinstance(trees[0], Mapping):
        raise _Unfit("it should be a mapping of keys to values")
    top = trees[0]
    context = _named(top, "contexts", "context", _text(top, "current-context"))
    return (
        _named(top, "clusters", "cluster", _text(context, "cluster")),
        _named(top, "users", "user", _text(context, "user")),
    )


def _named(top: Mapping, many: str, one: str, name: str) -> Mapping:
    listed = _value(top, many)
    for each in listed.items if isinstance(listed, Sequence) else ():
        if (
            isinstance(each, Mapping)
            and isinstance(found := _value(each, one), Mapping)
            and _text(each, "name") == name
        ):
            return found
    raise _Unfit(f"its {many} do not contain the one that its context names")


def _value(node: Mapping, key: str) -> Node | None:
    pair = node.pairs.get(key)
    return None if pair is None else pair[1]


def _text(node: Mapping, key: str) -> str:
    found = _value(node, key)
    if not isinstance(found, Scalar) or not found.text:
        raise _Unfit(f"it has no {key}")
    return found.text


def _blocks(node: Mapping, key: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each block of PEM that the value holds in Base64; the text in lines of the usual length."""
    try:
        pem = base64.b64decode("".join(_text(node, key).split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _Unfit(f"its {key} is not PEM in Base64") from error
    for match in _BLOCK.finditer(pem):
        body = "".join(match[2].split())
        lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
        yield match[1], f"-----BEGIN {match[1]}-----\n{lines}\n-----END {match[1]}-----\n"


def _certificates(node: Mapping, key: str) -> list[x509.Certificate]:
    blocks = [text for kind, text in _blocks(node, key) if kind == "CERTIFICATE"]
    if not 1 <= len(blocks) <= MOST_CERTIFICATES:
        raise _Unfit(f"its {key} has {len(blocks)} certificates")
    try:
        return [x509.load_pem_x509_certificate(text.encode()) for text in blocks]
    except ValueError as error:
        raise _Unfit(f"its {key} has a certificate that cannot be read") from error


def _key(node: Mapping, certificate: x509.Certificate) -> str:
    blocks = [text for kind, text in _blocks(node, "client-key-data") if kind in _KEYS]
    if len(blocks) != 1:
        raise _Unfit(f"its client-key-data has {len(blocks)} private keys")
    try:
        key = load_pem_private_key(blocks[0].encode(), None)
        fits = _public(key.public_key()) == _public(certificate.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _Unfit("its client-key-data has a key that cannot be read") from error
    if not fits:
        raise _Unfit("its key does not belong to its certificate")
    return blocks[0]


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(certificates: list[x509.Certificate]) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def _coded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
