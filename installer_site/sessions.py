"""The session engine: Django's database engine, which finds a row by the hash of the key and ends idle sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Session


class SessionStore(DatabaseStore):
    """A session. `session_key` is the cookie's key, which is stored nowhere; `row_key` is its hash.

    `seen_at` and `address` are those of the row when it was read.
    """

    seen_at: datetime | None = None
    address = ""

    # The database store's versions write rows by the plain key. These call the methods below in a thread.
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    asave = SessionBase.asave
    adelete = SessionBase.adelete
    aload = SessionBase.aload

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Imported here, because settings name this module before models are loaded."""
        from clusters.models import Session

        return Session

    @property
    def row_key(self) -> str:
        """The key of the row; empty for a session that was never saved."""
        return _hashed(self.session_key) if self.session_key else ""

    def _get_session_from_db(self) -> Session | None:
        found = self.get_model_class().objects.alive().filter(session_key=self.row_key).first()
        if found is None:
            self._session_key = None
            return None
        self.seen_at, self.address = found.seen_at, found.address
        return found

    def exists(self, session_key: str) -> bool:
        """Whether a row exists for a key."""
        return bool(super().exists(_hashed(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row for this data, with its user."""
        row = cast("Session", super().create_model_instance(data))
        row.session_key = _hashed(row.session_key)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete this session, or that of another key."""
        if key := session_key or self.session_key:
            super().delete(_hashed(key))

    @classmethod
    def clear_expired(cls) -> None:
        """Delete expired sessions."""
        cls.get_model_class().objects.over().delete()


def _hashed(key: str) -> str:
    from clusters.models.session import hashed

    return hashed(key)
