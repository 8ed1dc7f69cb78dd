"""Identity: what distinguishes a cluster from every other one, whatever their names are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A cluster's UUID, and the hash of its certificate authority; each is empty where it is not known (yet)."""

    id: str = ""
    authority: str = ""


UNKNOWN = Identity()
