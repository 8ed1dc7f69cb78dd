"""Certificates: an authority, certificates it signs, and whether an existing one is still valid."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clusters.config.secret import Secret
from clusters.errors import InstallerError

if TYPE_CHECKING:
    from collections.abc import Iterable

YEARS = 10
"""Lifetime, the same as that of kubeadm's authorities."""

RENEW_WITHIN = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate in PEM and its key."""

    certificate: bytes
    key: Secret


def pem_text(content: bytes, where: str) -> Secret:
    """A certificate or a key as text. Raises InstallerError for a file, named by `where`, that is not PEM."""
    try:
        return Secret(content.decode())
    except UnicodeDecodeError as error:
        raise InstallerError(
            f"{where} is not PEM: its byte {error.start + 1} is not text.",
            hint="Is the file damaged? Restore it from a backup or from another machine.",
        ) from None


def make_authority(name: str) -> KeyPair:
    """A new self-signed authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def sign(authority: KeyPair, name: str, names: Iterable[str]) -> KeyPair:
    """A new certificate for a server that is a client too (etcd members are both), valid for names and addresses."""
    ca = x509.load_pem_x509_certificate(authority.certificate)
    ca_key = serialization.load_pem_private_key(authority.key.reveal().encode(), None)
    if not isinstance(ca_key, rsa.RSAPrivateKey):
        raise TypeError("The authority's key is not RSA.")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, ca.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def why_unfit(certificate: bytes, authority: bytes, names: Iterable[str]) -> str:
    """Why a certificate cannot be used (any more); empty when it can."""
    try:
        ours = x509.load_pem_x509_certificate(certificate)
        ca = x509.load_pem_x509_certificate(authority)
    except ValueError:
        return "it is not a certificate"
    try:
        ours.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return "another authority signed it"
    if ours.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW_WITHIN:
        return f"it expires on {ours.not_valid_after_utc:%Y-%m-%d}"
    try:
        held = set(ours.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        held = set()
    missing = [name for name in names if _general(name) not in held]
    return f"it is not valid for {', '.join(missing)}" if missing else ""


def names_of(certificate: bytes) -> frozenset[str]:
    """The names and addresses a certificate is valid for; none when it is not a certificate."""
    try:
        held = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        return frozenset()
    return frozenset(str(each.value) for each in held.value)


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A day back, so that machines whose clock is a little behind accept it.
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365 * YEARS))
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not sign_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: rsa.RSAPrivateKey) -> Secret:
    return Secret(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode()
    )
