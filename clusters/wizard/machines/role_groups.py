"""Updates role groups when machines are renamed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.topology import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import RoleGroups

_GROUPS = ("etcd", "master", "worker", "control_plane")


def follow(groups: RoleGroups, moved: Mapping[str, str]) -> RoleGroups:
    """The groups after machines were renamed; an empty new name means removed.

    A range is expanded only when one of its machines was renamed or removed.
    """
    if not moved:
        return groups
    return groups.model_copy(update={name: _followed(getattr(groups, name), moved) for name in _GROUPS})


def _followed(items: tuple[str, ...], moved: Mapping[str, str]) -> tuple[str, ...]:
    found: list[str] = []
    for item in items:
        names = expand(item).names
        if any(name in moved for name in names):
            found += [moved.get(name, name) for name in names]
        else:
            found.append(item)
    return tuple(dict.fromkeys(name for name in found if name))
