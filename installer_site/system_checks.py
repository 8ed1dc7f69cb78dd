"""What `manage.py check` looks at: keys that are keys, and places that exist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from clusters.catalog.sources import NONE, read_mirrors, unprotected
from clusters.config.syntax import address_of
from clusters.errors import InstallerError, SourceError
from clusters.runs.targets import allowed_networks, webhook_networks

if TYPE_CHECKING:
    from collections.abc import Sequence


@register("slipway")
def keys_are_fernet_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without a usable key nothing that is encrypted could be read."""
    found: list[CheckMessage] = []
    for place, key in enumerate(settings.SLIPWAY_SECRET_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            found.append(
                Error(
                    f"Key {place} of SLIPWAY_SECRET_KEYS is not a Fernet key.",
                    hint="Make one: python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'",
                    id="slipway.E001",
                )
            )
    if not settings.SLIPWAY_SECRET_KEYS:
        found.append(Error("SLIPWAY_SECRET_KEYS holds no key.", id="slipway.E002"))
    return found


@register("slipway")
def named_places_exist(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Artifacts and practice machines that are named should be there."""
    found: list[CheckMessage] = []
    for name in ("SLIPWAY_ARTIFACTS", "SLIPWAY_PRACTICE_FILE"):
        where = getattr(settings, name)
        if where and where.lower() != NONE and "://" not in where and not Path(where).exists():
            found.append(Warning(f"{name} names {where}, which does not exist.", id="slipway.W001"))
    return found


@register("slipway")
def mirrors_can_be_used(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A mirror that nobody can read should be told before a run needs it, and one that anybody can change too."""
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
    """Whoever can change a bundle's index on the way decides what runs as root on every machine."""
    return [
        _unprotected(
            f"SLIPWAY_ARTIFACTS is {address}, which is not https",
            "Use https, or name the index's SHA-256 in SLIPWAY_ARTIFACTS_SHA256 (sha256sum bundle.yaml).",
            "slipway.W003",
        )
        for address in unprotected(settings.SLIPWAY_ARTIFACTS, (), settings.SLIPWAY_ARTIFACTS_SHA256)
    ]


@register("slipway")
def networks_can_be_read(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A list of networks that nobody can read would refuse every machine, and a webhook outside of its networks."""
    try:
        allowed_networks()
        networks = webhook_networks()
    except InstallerError as error:
        return [Error(error.message, hint=error.hint, id="slipway.E004")]
    host = urlsplit(settings.SLIPWAY_WEBHOOK_URL).hostname or ""
    # Names are resolved when something is posted; a check asks nobody.
    reason = networks.refusal(host) if address_of(host) is not None else ""
    if not reason:
        return []
    hint = "SLIPWAY_WEBHOOK_NETWORKS lists where webhooks may be; without it SLIPWAY_ALLOWED_NETWORKS counts."
    return [Warning(f"SLIPWAY_WEBHOOK_URL is at {host}, which is {reason}; nothing is posted there.", hint=hint,
                    id="slipway.W004")]  # fmt: skip


def _unprotected(what: str, instead: str, id: str) -> CheckMessage:
    """A source that anybody on the network path can change: used where the settings allow it, else refused."""
    if settings.SLIPWAY_ARTIFACTS_ALLOW_HTTP:
        effect = (
            "and SLIPWAY_ARTIFACTS_ALLOW_HTTP allows it: anybody on the network path can change files and checksums"
        )
    else:
        effect = "so runs refuse it"
    return Warning(f"{what}, {effect}.", hint=f"{instead} SLIPWAY_ARTIFACTS_ALLOW_HTTP=1 is for labs.", id=id)
