"""Storage provisioners in the document: one file with a record for each; found by walking the package."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.config.keys import Model
    from clusters.config.rules.registry import Rule


@dataclass(frozen=True, slots=True)
class StorageProvisioner:
    """The properties of a storage provisioner.

    `name` is its key in `spec.storage`, `place` its position in lists (in tens, so that there is room between two).
    `section` is the type of that key: the model of its options, with their paths in KubeKey 4's Config. `help` is the
    key's description. `rules` check the options. The options of a provisioner that is not `built` are stored, but
    have no effect; `instead` is what a user may do.
    """

    name: str
    place: int
    section: type[Model]
    help: str
    rules: tuple[Rule, ...] = ()
    built: bool = True
    instead: str = ""

    @property
    def attribute(self) -> str:
        """Its name as Python writes it: that of its file, and of its field in `Storage`."""
        return self.name.replace("-", "_")


@cache
def provisioners() -> tuple[StorageProvisioner, ...]:
    """All provisioners, in display order."""
    found = [importlib.import_module(f"{__name__}.{each.name}").PROVISIONER for each in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda each: each.place))


def any_is_built() -> bool:
    """Whether Slipway installs one of them, so that `spec.storage` has an effect."""
    return any(each.built for each in provisioners())


def instead() -> str:
    """What users may do in place of the provisioners that Slipway does not install."""
    return " ".join(each.instead for each in provisioners() if each.instead and not each.built)
