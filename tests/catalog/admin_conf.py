"""An administrator's kubeconfig as kubeadm writes it, including an authority and a certificate."""

from __future__ import annotations

import base64
import datetime as dt
from functools import cache
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@cache
def pair(name: str = "kubernetes-admin") -> tuple[str, str]:
    """A certificate and its key in PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), pem.decode()


def coded(text: str) -> str:
    """In Base64."""
    return base64.b64encode(text.encode()).decode()


def admin_conf(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any) -> bytes:
    """The file; the arguments are added to its cluster, its user and its top level, or replace their values."""
    authority, _ = pair("kubernetes")
    certificate, key = pair()
    there = {"certificate-authority-data": coded(authority), "server": "https://lb.kubesphere.local:6443"}
    login = {"client-certificate-data": coded(certificate), "client-key-data": coded(key)}
    context = {"cluster": "cluster.local", "user": "kubernetes-admin"}
    whole = {
        "apiVersion": "v1",
        "clusters": [{"cluster": {**there, **(cluster or {})}, "name": "cluster.local"}],
        "contexts": [{"context": context, "name": "kubernetes-admin@cluster.local"}],
        "current-context": "kubernetes-admin@cluster.local",
        "kind": "Config",
        "preferences": {},
        "users": [{"name": "kubernetes-admin", "user": {**login, **(user or {})}}],
    }
    return yaml.safe_dump({**whole, **top}).encode()
