"""The checks of `manage.py check`: valid keys, existing files, usable addresses, private secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from clusters.addresses import host_of
from clusters.catalog.sources import NONE, read_mirrors, unprotected
from clusters.config.syntax import address_of
from clusters.errors import InstallerError, SourceError
from clusters.runs.access.targets import allowed_networks, webhook_networks
from clusters.runs.notify.syslog import place_of
from installer_site.private_files import is_private, make_private, sqlite_files

if TYPE_CHECKING:
    from collections.abc import Sequence


@register("slipway")
def keys_are_fernet_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without a valid key no encrypted value could be read."""
    found: list[CheckMessage] = []
    for place, key in enumerate(settings.SLIPWAY_SECRET_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            found.append(
                Error(
                    f"Key {place} of SLIPWAY_SECRET_KEYS is not a Fernet key.",
                    hint="Create one: python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'",
                    id="slipway.E001",
                )
            )
    if not settings.SLIPWAY_SECRET_KEYS:
        found.append(Error("SLIPWAY_SECRET_KEYS has no key.", id="slipway.E002"))
    return found


@register("slipway")
def named_places_exist(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Configured artifacts and practice machines should exist."""
    found: list[CheckMessage] = []
    for name in ("SLIPWAY_ARTIFACTS", "SLIPWAY_PRACTICE_FILE"):
        where = getattr(settings, name)
        if where and where.lower() != NONE and "://" not in where and not Path(where).exists():
            found.append(Warning(f"{name} names {where}, which does not exist.", id="slipway.W001"))
    return found


@register("slipway")
def mirrors_can_be_used(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """An invalid mirror should be reported before a run needs it, and so should one that can be tampered with."""
    try:
        pairs = read_mirrors(settings.SLIPWAY_ARTIFACTS_MIRRORS)
    except SourceError as error:
        return [Error(error.message, hint=error.hint, id="slipway.E003")]
    found = unprotected("", (instead for _, instead in pairs), "")
    return [
        _unprotected(f"SLIPWAY_ARTIFACTS_MIRRORS names {instead}, which is not https", "Use https.", "slipway.W002")
        for instead in found
    ]


@register("slipway")
def bundle_is_protected(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """An attacker who can change a bundle's index in transit controls what runs as root on every machine."""
    return [
        _unprotected(
            f"SLIPWAY_ARTIFACTS is {address}, which is not https",
            "Use https, or set SLIPWAY_ARTIFACTS_SHA256 to the index's SHA-256 (sha256sum bundle.yaml).",
            "slipway.W003",
        )
        for address in unprotected(settings.SLIPWAY_ARTIFACTS, (), settings.SLIPWAY_ARTIFACTS_SHA256)
    ]


@register("slipway")
def audit_can_be_forwarded(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """An unusable address would be noticed only when the audit is needed."""
    found: list[CheckMessage] = []
    if settings.SLIPWAY_AUDIT_SYSLOG:
        try:
            place_of(settings.SLIPWAY_AUDIT_SYSLOG)
        except ValueError as error:
            found.append(Error(str(error), id="slipway.E004"))
    address = settings.SLIPWAY_AUDIT_WEBHOOK_URL
    if address and not (address.startswith(("https://", "http://")) and host_of(address)):
        found.append(Error("SLIPWAY_AUDIT_WEBHOOK_URL is not an http(s) address.", id="slipway.E005"))
    if address and not settings.SLIPWAY_AUDIT_WEBHOOK_SECRET:
        hint = "Set SLIPWAY_AUDIT_WEBHOOK_SECRET, and make the receiver check the signature."
        found.append(Warning("Audit entries are posted without a signature.", hint=hint, id="slipway.W004"))
    return found


@receiver(connection_created)
def keep_private(sender: Any, connection: Any, **kwargs: Any) -> None:
    """Also make a SQLite file private that was put in place while Slipway runs, for example from a backup."""
    if connection.vendor == "sqlite":
        for path in sqlite_files(Path(connection.settings_dict["NAME"])):
            if path.is_file():
                make_private(path)


@register("slipway")
def secrets_are_private(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Settings have set mode 0600 for these files where that was possible."""
    files = [settings.SLIPWAY_DATA_DIR / name for name in ("fernet-keys", "secret-key")]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        files += sqlite_files(Path(settings.DATABASES["default"]["NAME"]))
    return [
        Error(
            f"Other users of this machine may read {path}, and Slipway cannot change that.",
            hint="Give it to Slipway's user, with mode 0600: chown, chmod 600. The file system must support owners.",
            id="slipway.E006",
        )
        for path in files
        if not is_private(path)
    ]


@register("slipway")
def proxy_is_named(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Behind a proxy that is not configured, all users have one address, and share its count of wrong passwords."""
    if not settings.SLIPWAY_HTTPS or settings.SLIPWAY_TRUSTED_PROXIES:
        return []
    return [
        Warning(
            "SLIPWAY_HTTPS is set for a proxy, but SLIPWAY_TRUSTED_PROXIES is empty: all wrong passwords"
            " are counted for the proxy's address.",
            hint="Set the proxy's address, such as SLIPWAY_TRUSTED_PROXIES=127.0.0.1.",
            id="slipway.W005",
        )
    ]


@register("slipway")
def networks_can_be_read(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """An invalid list of networks would refuse every machine; a webhook outside of its networks is never called."""
    try:
        allowed_networks()
        networks = webhook_networks()
    except InstallerError as error:
        return [Error(error.message, hint=error.hint, id="slipway.E007")]
    host = host_of(settings.SLIPWAY_WEBHOOK_URL)
    if settings.SLIPWAY_WEBHOOK_URL and not host:
        return [Error("SLIPWAY_WEBHOOK_URL is not the address of a server.", id="slipway.E008")]
    # Names are resolved when something is posted; a check sends no queries.
    reason = networks.refusal(host) if address_of(host) is not None else ""
    if not reason:
        return []
    hint = "SLIPWAY_WEBHOOK_NETWORKS lists the networks for webhooks; the default is SLIPWAY_ALLOWED_NETWORKS."
    return [Warning(f"SLIPWAY_WEBHOOK_URL is at {host}, which is {reason}; nothing is posted there.", hint=hint,
                    id="slipway.W006")]  # fmt: skip


def _unprotected(what: str, instead: str, id: str) -> CheckMessage:
    """A source that anyone on the network path can change: used if the settings allow it, else refused."""
    if settings.SLIPWAY_ARTIFACTS_ALLOW_HTTP:
        effect = "and SLIPWAY_ARTIFACTS_ALLOW_HTTP allows it: anyone on the network path can change files and checksums"
    else:
        effect = "so runs refuse it"
    return Warning(f"{what}, {effect}.", hint=f"{instead} SLIPWAY_ARTIFACTS_ALLOW_HTTP=1 is for labs.", id=id)
