"""What others have added to a container runtime's configuration, such as the runtime of a GPU: a run keeps it."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.engine.wants import Sight, Wanted
from clusters.errors import InstallerError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clusters.engine.machine import Machine

LARGEST = 256 * 1024
DEEPEST = 12
COPY = ".before-slipway"

CRI = ("io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri")
"""containerd's plugin that starts containers, in versions 3 and 2 of its configuration."""

SETTINGS = ("enable_cdi", "cdi_spec_dirs")
"""Of that plugin, how devices reach containers. Source: containerd's docs/cri/config.md."""

TOP_TABLES = ("proxy_plugins", "stream_processors")


@dataclass(frozen=True, slots=True)
class Foreign:
    """The parts of containerd's configuration that Slipway does not set itself."""

    imports: tuple[str, ...] = ()
    runtimes: Mapping[str, Any] = field(default_factory=dict)
    default_runtime: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)


def foreign_in(machine: Machine, path: str, own: str = "runc") -> Foreign:
    """What the machine's current configuration has beside Slipway's settings; `own` is Slipway's runtime."""
    data = _read(machine, path, tomllib.loads)
    plugins = _table(data, "plugins")
    found = next((table for name in CRI if (table := _table(plugins, name))), {})
    starts = _table(found, "containerd")
    runtimes = {name: table for name, table in _table(starts, "runtimes").items() if name != own}
    default = starts.get("default_runtime_name", "")
    imports = data.get("imports", [])
    return Foreign(
        imports=tuple(each for each in imports if isinstance(each, str)) if isinstance(imports, list) else (),
        runtimes=runtimes,
        default_runtime=default if isinstance(default, str) and default in runtimes else "",
        settings={key: found[key] for key in SETTINGS if key in found},
        tables={key: table for key in TOP_TABLES if (table := _table(data, key))},
    )


def daemon_settings(machine: Machine, path: str) -> dict[str, Any]:
    """The same for Docker's daemon.json: runtimes, the default one, and features of devices."""
    data = _read(machine, path, json.loads)
    runtimes = {name: each for name, each in _table(data, "runtimes").items() if name != "gentle"}
    found: dict[str, Any] = {"runtimes": runtimes} if runtimes else {}
    if data.get("default-runtime") in runtimes:
        found["default-runtime"] = data["default-runtime"]
    if features := _table(data, "features"):
        found["features"] = features
    return found


def with_foreign(foreign: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Docker's settings: ours, and the foreign ones beside them."""
    runtimes = {**foreign.get("runtimes", {}), **ours.get("runtimes", {})}
    return {**foreign, **ours, **({"runtimes": runtimes} if runtimes else {})}


def copied(path: str, unit: str) -> Wanted:
    """Before Slipway first writes a configuration, it copies that of somebody else. `unit`: the file of the service,
    which Slipway writes afterwards."""
    copy = f"{path}{COPY}"
    ask = sh("test ! -s {} || test -e {} || grep -q '^# Written by Slipway' {} 2>/dev/null", path, copy, unit)

    def look(machine: Machine) -> Sight:
        return Sight(machine.ask(ask).ok, f"{path} is not Slipway's, and has no copy")

    def act(machine: Machine) -> None:
        machine.do(sh("cp -p {} {}", path, copy), shared=True)

    return Wanted(f"{path} of somebody else has a copy", look, act)


def lines_of(table: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """A table as TOML; values that are neither text, numbers, lists nor tables are left out."""
    inner = {key: each for key, each in table.items() if isinstance(each, dict)}
    values = {key: text for key, each in table.items() if key not in inner and (text := _value(each)) is not None}
    if name and (values or not inner):
        yield f"\n[{name}]\n"
    for key, text in values.items():
        yield f"  {_key(key)} = {text}\n"
    for key, each in inner.items():
        yield from lines_of(each, f"{name}.{_key(key)}" if name else _key(key))


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)


def _value(each: Any) -> str | None:
    if isinstance(each, bool | str | int | float):
        # Escapes, numbers and true are the same in JSON.
        return None if each in (math.inf, -math.inf) or each != each else json.dumps(each, ensure_ascii=False)
    if isinstance(each, list):
        parts = [_value(part) for part in each]
        return None if None in parts else f"[{', '.join(part for part in parts if part is not None)}]"
    return None


def _table(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _read(machine: Machine, path: str, parse: Any) -> dict[str, Any]:
    """The parsed file; empty if there is none, or if it cannot be read: then the runtime could not read it either."""
    try:
        content = machine.read(path, most=LARGEST)
        data = parse((content or b"").decode()) if content else {}
    except (ValueError, RecursionError) as error:
        machine.note(f"{path} cannot be read, so nothing of it is kept: {type(error).__name__}")
        return {}
    except InstallerError as error:
        if error.retryable:
            raise
        machine.note(f"{path} cannot be read, so nothing of it is kept: {error.message}")
        return {}
    if not isinstance(data, dict) or _depth(data) > DEEPEST:
        machine.note(f"{path} is not a configuration, so nothing of it is kept")
        return {}
    return data


def _depth(data: Any, level: int = 0) -> int:
    if level > DEEPEST or not isinstance(data, dict | list):
        return level
    return max((_depth(each, level + 1) for each in (data.values() if isinstance(data, dict) else data)), default=level)
