"""Typed readers of environment variables, whose errors name the variable, and of files with secrets."""

from __future__ import annotations

import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from django.core.exceptions import ImproperlyConfigured

from clusters.addresses import read_address
from installer_site.private_files import make_private, sqlite_files

if TYPE_CHECKING:
    from collections.abc import Callable

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off", "")


def text(name: str, default: str = "") -> str:
    """The variable as it is; `NAME_FILE` names a file that holds it instead."""
    where = os.environ.get(f"{name}_FILE", "")
    if not where:
        return os.environ.get(name, default)
    try:
        return Path(where).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {where}, which cannot be read: {error.strerror}.") from error


def directory(name: str, default: Path) -> Path:
    """A directory, created for Slipway's user alone when it does not exist."""
    path = Path(text(name) or default)
    try:
        path = path.expanduser().resolve()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user without a home directory
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImproperlyConfigured(f"{path} cannot be created: {reason}. Set {name} to another directory.") from error
    return path


def flag(name: str, *, default: bool = False) -> bool:
    """Yes or no, written as 1/0, true/false, yes/no or on/off."""
    found = os.environ.get(name)
    if found is None:
        return default
    if found.lower() not in TRUE + FALSE:
        raise ImproperlyConfigured(f"{name} is {found!r}; expected 1 or 0.")
    return found.lower() in TRUE


def number(name: str, default: float) -> float:
    """A number above zero, such as seconds."""
    found = os.environ.get(name, "")
    try:
        value = float(found) if found else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {found!r}; expected a number.") from error
    if value <= 0:
        raise ImproperlyConfigured(f"{name} is {found!r}; expected a number above zero.")
    return value


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A list, separated by commas or white space."""
    found = text(name)
    return found.replace(",", " ").split() if found else list(default)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks such as 10.0.0.0/8, or single addresses, separated by commas or white space."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}; expected networks such as 10.0.0.0/8, or addresses.") from error


def mail(name: str) -> tuple[str, int, str, str, bool]:
    """Host, port, user, password and "TLS from the start" of a mail server, from `smtp://user:password@host:port`."""
    url = text(name) or "smtp://localhost"
    parts = read_address(url)
    if parts is None or parts.scheme not in ("smtp", "smtps") or not parts.host:
        raise ImproperlyConfigured(f"{name} is not an smtp:// or smtps:// address of a server.")
    secure = parts.scheme == "smtps"
    user, password = unquote(parts.user), unquote(parts.password)
    return parts.host, parts.port or (465 if secure else 25), user, password, secure


def database(name: str, fallback: Path) -> dict[str, Any]:
    """The database at `postgres://user:password@host:port/name`, `sqlite:///path`, or in the file `fallback`."""
    url = text(name)
    if not url:
        return sqlite(fallback)
    parts = read_address(url)
    if parts is None:
        raise ImproperlyConfigured(f"{name} is not an address: its host or its port cannot be read.")
    if parts.scheme == "sqlite":
        return sqlite(Path(unquote(parts.path)))
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"{name} begins with {parts.scheme!r}; expected postgres:// or sqlite:///.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.user),
        "PASSWORD": unquote(parts.password),
        "HOST": parts.host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def sqlite(path: Path) -> dict[str, Any]:
    """SQLite settings that let web and worker share it: a write-ahead log, and writers that wait for each other.

    Only Slipway's user may read the file; SQLite creates its other files with the same mode.
    """
    make_private(path, create=path.parent.is_dir())
    for beside in sqlite_files(path)[1:]:
        make_private(beside)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            # With recursive triggers, rows that REPLACE removes also fire DELETE triggers.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA recursive_triggers=ON",
        },
        # A file in tests, too: threads and worker processes must see the same database.
        # A separate file for each process, so that parallel test runs do not collide.
        "TEST": {"NAME": path.with_name(f"test-{os.getpid()}.sqlite3")},
    }


def stored_secret(path: Path, make: Callable[[], str]) -> str:
    """The content of `path`; created by `make` and stored with mode 0600 when the file is missing.

    Two processes that start at the same moment get the same secret, that of the first one.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(make() + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    make_private(path)
    return path.read_text(encoding="utf-8").strip()
