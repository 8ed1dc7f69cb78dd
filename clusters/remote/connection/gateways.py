"""Gateways: the connections to jump hosts, one for each login, shared by all machines behind them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from clusters.errors import RemoteError
from clusters.remote.auth.host_keys import HostKeyChanged, HostKeyUnknown, check_key
from clusters.remote.errors import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.connection.link import Link
    from clusters.remote.target import Target

# Seconds in which a refused login is not tried again: the jump host may lock out repeated failures (fail2ban).
REFUSED_FOR = 5.0


class _Shared:
    """An open connection and the number of its users; the last one closes it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._users = 1
        self._lock = threading.Lock()

    def join(self) -> bool:
        """Add a user, unless the connection is closed or broken; returns whether that worked."""
        with self._lock:
            if not self._users or not self.link.alive:
                return False
            self._users += 1
            return True

    def leave(self) -> None:
        """Remove a user."""
        with self._lock:
            self._users -= 1
            last = not self._users
        if last:
            self.link.close()


class Lease:
    """The right to use a connection to a jump host until `release`, which may be called twice."""

    def __init__(self, hop: Target, shared: _Shared) -> None:
        self.hop = hop
        self._shared = shared
        self._over = threading.Lock()

    @property
    def link(self) -> Link:
        """The connection."""
        return self._shared.link

    def release(self) -> None:
        """Stop using the connection."""
        if self._over.acquire(blocking=False):
            self._shared.leave()


class _Place:
    """One jump host with one login: its connection, and what went wrong when it was last tried."""

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self.shared: _Shared | None = None
        self._failed: tuple[float, RemoteError] | None = None

    @property
    def idle(self) -> bool:
        """Whether it can be removed without losing anything."""
        recent = self._failed is not None and time.monotonic() - self._failed[0] < REFUSED_FOR
        alive = self.shared is not None and self.shared.link.alive
        return not (self.opening.locked() or alive or recent)

    def join(self, requested_at: float, open_link: Callable[[], Link]) -> _Shared:
        """The connection, opened if necessary. Callers that waited for a failed attempt get the same error."""
        with self.opening:
            if self.shared is not None and self.shared.join():
                return self.shared
            self._raise_recent_failure(requested_at)
            try:
                self.shared = _Shared(open_link())
            except RemoteError as error:
                self._failed = (time.monotonic(), error)
                raise
            self._failed = None
            return self.shared

    def _raise_recent_failure(self, requested_at: float) -> None:
        if self._failed is None or isinstance(self._failed[1], HostKeyUnknown | HostKeyChanged):
            return  # each cluster has its own accepted keys
        when, error = self._failed
        if when >= requested_at or (isinstance(error, LoginRefused) and time.monotonic() - when < REFUSED_FOR):
            raise error.with_traceback(None)


class Gateways:
    """All connections to jump hosts. May be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[Target, _Place] = {}

    def lease(self, hop: Target, known: KnownKeys, open_link: Callable[[], Link]) -> Lease:
        """A connection to a jump host, opened by `open_link` if there is none yet.

        Raises what that raises, and HostKeyUnknown or HostKeyChanged when it was opened for another cluster and
        `known` does not have the keys of all jump hosts on the route.
        """
        requested_at = time.monotonic()
        lease = Lease(hop, self._place(hop).join(requested_at, open_link))
        try:
            _check_keys(lease, known)
        except BaseException:
            lease.release()
            raise
        return lease

    def _place(self, hop: Target) -> _Place:
        with self._lock:
            for other in [each for each, place in self._places.items() if each != hop and place.idle]:
                del self._places[other]
            return self._places.setdefault(hop, _Place())


def _check_keys(lease: Lease, known: KnownKeys) -> None:
    """Check the outermost of several jump hosts first, as when connecting."""
    if lease.link.through is not None:
        _check_keys(lease.link.through, known)
    hop = lease.hop
    check_key(known, hop.address, hop.port, lease.link.host_key, hop.where)


SHARED = Gateways()
"""The gateways of this process: a run and the connection tests beside it share one login."""
