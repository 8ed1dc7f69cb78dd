"""Kernel settings and modules: as required now, and after a reboot, whatever other files set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.engine.wants import FileWant, Sight, Wanted, file
from clusters.numbers import whole_number
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clusters.engine.machine import Machine

SYSCTL_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
MODULE_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d")
"""By precedence: of files with the same name only the first counts. Source: sysctl.d(5), modprobe.d(5)."""

LARGEST_FILE = 65_536
MARK = "== "
_NAMES_MODULE = re.compile(r"^(?:blacklist|install)\s+\S")


def sysctls(path: str, values: Mapping[str, str], at_least: Mapping[str, int] | None = None) -> Wanted:
    """Kernel settings, now and after a reboot (stored in `path`); a file that is read after it and sets another value
    is named. A setting of `at_least` keeps a higher value, and is left out where the machine may not change it."""

    def wanted(machine: Machine) -> dict[str, str]:
        return {**values, **_raised(machine, at_least or {})}

    def stored(required: Mapping[str, str]) -> FileWant:
        text = "# Written by Slipway.\n" + "".join(f"{key} = {value}\n" for key, value in required.items())
        return file(path, text)

    def look(machine: Machine) -> Sight:
        required = wanted(machine)
        sight = stored(required).seen(machine)
        if not sight.so:
            return sight
        answer = machine.ask(sh("sysctl -n -e {}", words(required)))
        now = dict(zip(required, (" ".join(line.split()) for line in answer.stdout.splitlines()), strict=False))
        wrong = [f"{key} is {now.get(key, 'unknown')}" for key, value in required.items() if now.get(key) != value]
        return Sight(False, ", ".join(wrong)) if wrong else _of(overridden_settings(machine, path, values, at_least))

    def act(machine: Machine) -> None:
        stored(wanted(machine)).reach(machine)
        machine.do(sh("sysctl -q -p {}", path), shared=True)

    count = len(values) + len(at_least or {})
    return Wanted(f"{count} kernel settings are active, also after a reboot", look, act, (path,))


def modules_at_boot(path: str, names: Iterable[str]) -> Wanted:
    """Kernel modules that are loaded at boot (listed in `path`); a file that prevents this is named."""
    listed = tuple(names)
    stored = file(path, "# Written by Slipway.\n" + "".join(f"{name}\n" for name in listed))

    def look(machine: Machine) -> Sight:
        sight = stored.seen(machine)
        return _of(prevented_modules(machine, listed)) if sight.so else sight

    return Wanted(f"{path} lists the modules, and nothing prevents loading them", look, stored.reach, (path,))


def _of(wrong: list[str]) -> Sight:
    return Sight(not wrong, "; ".join(wrong))


def _raised(machine: Machine, at_least: Mapping[str, int]) -> dict[str, str]:
    """The settings of `at_least` with the values they get."""
    if not at_least:
        return {}
    paths = [f"/proc/sys/{key.replace('.', '/')}" for key in at_least]
    ask = sh('for f in {}; do [ -w "$f" ] && w=yes || w=no; echo "$w $(cat "$f")"; done 2>/dev/null', words(paths))
    lines = machine.ask(ask).stdout.splitlines()
    found: dict[str, str] = {}
    for number, (key, least) in enumerate(at_least.items()):
        writable, _, text = (lines[number] if number < len(lines) else "yes").partition(" ")
        now = whole_number(text.strip(), 18) or 0
        if writable == "yes":
            found[key] = str(max(now, least))
    return found


def overridden_settings(
    machine: Machine, path: str, values: Mapping[str, str], at_least: Mapping[str, int] | None = None
) -> list[str]:
    """What other files set at the next boot, after `path`, instead of these values: a sentence for each."""
    own = path.rpartition("/")[2]
    required = {**values, **{key: str(least) for key, least in (at_least or {}).items()}}
    last: dict[str, tuple[str, str]] = {}
    for name, (place, lines) in sorted(_files(machine, SYSCTL_FOLDERS).items()):
        if name > own:
            last |= {key: (place, value) for key, value in map(_setting, lines) if key in required}
    return [
        f"after a reboot {key} is {value}, which {place} sets after {path}; required: {required[key]}"
        for key, (place, value) in last.items()
        if value != required[key] and (whole_number(value, 18) or 0) < (at_least or {}).get(key, 10**18)
    ]


def _setting(line: str) -> tuple[str, str]:
    """Key and value of a line; both are empty for a comment. Source: sysctl.d(5)."""
    name, found, value = line.strip().partition("=")
    if not found or line.lstrip().startswith(("#", ";")):
        return "", ""
    key = name.strip().removeprefix("-")
    if "/" in key and "." not in key.partition("/")[0]:
        key = key.replace(".", "\0").replace("/", ".").replace("\0", "/")
    return key, " ".join(value.split())


def prevented_modules(machine: Machine, names: Iterable[str]) -> list[str]:
    """Which of these modules are not loaded at the next boot, and the file that prevents it: a sentence for each."""
    wrong = []
    wanted = {name.replace("-", "_") for name in names}
    for place, lines in _files(machine, MODULE_FOLDERS, only="^[[:space:]]*(blacklist|install)[[:space:]]").values():
        for line in lines:
            words_of = line.split()
            module = words_of[1].replace("-", "_") if _NAMES_MODULE.match(line.strip()) else ""
            if module in wanted and not (words_of[0] == "install" and "modprobe" in line):
                wrong.append(f"the module {module} is not loaded at boot: {place} has {' '.join(words_of)!r}")
    return wrong


def _files(machine: Machine, folders: Iterable[str], only: str = "") -> dict[str, tuple[str, list[str]]]:
    """Name -> path and lines of the configuration files that count: of each name the one in the first folder."""
    patterns = words(folders)
    script = (
        'for d in {0}; do for f in "$d"/*.conf; do [ -e "$f" ] || continue; echo "{1}$f"; '
        'head -c {2} "$f" | grep -E {3}; done; done 2>/dev/null; exit 0'
    )
    found: dict[str, tuple[str, list[str]]] = {}
    lines: list[str] = []
    answer = machine.ask(sh(script, patterns, sh(MARK), LARGEST_FILE, only or "^[^#;]"))
    for line in answer.stdout.splitlines():
        if line.startswith(f"{MARK}/"):
            path = line.removeprefix(MARK)
            lines = []
            found.setdefault(path.rpartition("/")[2], (path, lines))
        else:
            lines.append(line)
    return found
