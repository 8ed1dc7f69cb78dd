"""Reads lists of machines (tables, CSV, TSV, plain words, inventories, YAML) into rows for a preview."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from clusters.config.jump_hosts import reached
from clusters.config.load import load
from clusters.config.schema import Host, JumpHost
from clusters.config.secret import Secret
from clusters.config.syntax import address_of
from clusters.config.yaml.tree import Limits, Refused
from clusters.config.yaml.values import read_value
from clusters.numbers import whole_number
from clusters.wizard.machines.list_columns import ARCH, HEADER, ROLES, VARIABLES, normal

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINES = 1000
MOST_CHARACTERS = 1_000_000
LONGEST_LINE = 4_000
"""Characters; the line of a machine with a password and a key file has about a hundred."""
OF_HOSTS = Limits(characters=MOST_CHARACTERS, depth=20, values=100_000, aliases=1_000)
"""For a YAML text that is only a list of hosts."""
_THEN = "→"
"""Stands between jump hosts while a line is split into cells."""
# Possessive quantifiers (`*+`) prevent backtracking: each line is read once, however many blanks it has.
_DOCUMENT = re.compile(r"^[ \t]*+(?:-[ \t]*+)?+(?:apiVersion|kind|spec|hosts|\{?[ \t]*+name)[ \t]*+:", re.MULTILINE)
_RULE = re.compile(r"[\s|+:=-]+")
_LOGIN = re.compile(r"([\w.-]+)@([\w.:-]+?)(?::(\d{1,5}))?")
_PLACE = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})")
_ARGUMENTS = re.compile(r"ansible_ssh_(?:common|extra)_args=(?:'([^']*+)'|\"([^\"]*+)\")(?=\s|$)")
_JUMP = re.compile(r"""(?:-J\s*|ProxyJump[ =]\s*)["']?([^\s"']+)""", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class ListedMachine:
    """One machine of a list: its line number and its values; `roles` are role groups of the document."""

    line: int
    host: Host
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """The contents of a text. `columns` are the fields of a header, if there is one; `problems` have line numbers."""

    machines: tuple[ListedMachine, ...] = ()
    columns: tuple[str, ...] = ()
    problems: tuple[tuple[int, str], ...] = ()


@dataclass
class _Cells:
    """The values recognized in a line so far."""

    found: dict[str, str] = field(default_factory=dict, repr=False)

    def put(self, name: str, text: str) -> bool:
        """Store a value; False if it is empty or the field already has one."""
        if name in self.found or not text:
            return False
        self.found[name] = text
        return True


def read_list(text: str) -> Listing:
    """The machines of a text. Never raises: input that is not understood becomes a problem with its line number."""
    if len(text) > MOST_CHARACTERS:
        return Listing(problems=((1, _("More than %(most)s characters.") % {"most": f"{MOST_CHARACTERS:,}"}),))
    if _DOCUMENT.search(text):
        return _from_yaml(text)
    too_long = [line for line, written in enumerate(text.splitlines(), start=1) if len(written) > LONGEST_LINE]
    if too_long:
        why = _("More than %(most)s characters in one line.") % {"most": f"{LONGEST_LINE:,}"}
        return Listing(problems=tuple((line, why) for line in too_long))
    rows = list(islice(_rows(text), MOST_LINES + 1))
    if len(rows) > MOST_LINES:
        return Listing(problems=((MOST_LINES + 1, _("More than %(most)s lines.") % {"most": MOST_LINES}),))
    columns = _header(rows[0][1]) if rows else ()
    machines, problems = [], []
    for line, cells in rows[1:] if columns else rows:
        found = _by_columns(columns, cells) if columns else _by_looks(cells)
        if "name" in found or "address" in found:
            machines.append(_listed(line, found))
        else:
            problems.append((line, _("No name and no address was recognized.")))
    return Listing(tuple(machines), columns, tuple(problems))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line with content."""
    plain = [_ARGUMENTS.sub(_proxy_jump, line) for line in text.splitlines()]
    split = _splitter([line for line in plain if line.strip()])
    for number, line in enumerate(plain, start=1):
        bare = line.strip()
        if not bare or bare.startswith(("#", "//", ";", "[")) or _RULE.fullmatch(bare):
            continue
        cells = [cell.strip() for cell in split(line)]
        if any(cells):
            yield number, cells


def _proxy_jump(match: re.Match[str]) -> str:
    """Reduce the ssh arguments of an inventory, which contain blanks, to their jump hosts as one word."""
    jump = _JUMP.search(match[1] or match[2] or "")
    return f"proxy_jump={jump[1].replace(',', _THEN)}" if jump else ""


def _splitter(lines: list[str]) -> Any:
    """A function that splits a line at the separator of this text: bars, tabs, semicolons, commas, or blanks."""
    half = max(1, len(lines) // 2)
    if sum(line.count("|") >= 1 for line in lines) >= half and lines:
        return lambda line: line.strip().strip("|").split("|")
    for mark in ("\t", ";", ","):
        if sum(mark in line for line in lines) >= half and lines:
            return lambda line, mark=mark: next(csv.reader(io.StringIO(line), delimiter=mark, skipinitialspace=True))
    return str.split


def _header(cells: list[str]) -> tuple[str, ...]:
    """The fields that the cells of a header name; empty when the line is not a header."""
    known = [HEADER.get(normal(cell), "") for cell in cells]
    enough = sum(bool(name) for name in known) >= min(2, len(cells))
    if not enough or any(address_of(cell) is not None for cell in cells):
        return ()
    return tuple(known)


def _by_columns(columns: tuple[str, ...], cells: list[str]) -> dict[str, str]:
    found = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}
    return found


def _by_looks(cells: list[str]) -> dict[str, str]:
    """Without a header: addresses, ports and architectures by their form, then name, user, password in order."""
    seen = _Cells()
    words = []
    for cell in cells:
        if not _is_plain(seen, cell):
            words.append(cell)
    for word in words:
        if _WORD.fullmatch(word) and seen.put("name", word):
            continue
        if "address" not in seen.found and "." in word and _WORD.fullmatch(word):
            seen.put("address", word)
        elif word.startswith(("/", "~/")):
            seen.put("private_key_path", word)
        elif not seen.put("user", word):
            seen.put("password", word)
    return seen.found


def _is_plain(seen: _Cells, cell: str) -> bool:
    """Store a cell whose form shows its meaning; returns whether it was one."""
    key, equals, value = cell.partition("=")
    if equals and normal(key) in VARIABLES:
        return seen.put(VARIABLES[normal(key)], value.strip("'\"")) or True
    if match := _LOGIN.fullmatch(cell):
        seen.put("user", match[1])
        seen.put("port", match[3] or "")
        return seen.put("address", match[2])
    if match := _PLACE.fullmatch(cell):
        return seen.put("address", match[1]) and seen.put("port", match[2])
    if address_of(cell) is not None:
        return seen.put("address", cell) or seen.put("internal_address", cell)
    if cell.casefold() in ARCH:
        return seen.put("arch", ARCH[cell.casefold()])
    return 0 < (whole_number(cell) or 0) < 65536 and seen.put("port", cell)


def _listed(line: int, found: dict[str, str]) -> ListedMachine:
    values: dict[str, Any] = {
        key: found[key] for key in ("name", "address", "internal_address", "user", "private_key_path") if key in found
    }
    port = whole_number(found.get("port", ""), 5)
    if port is not None:
        values["port"] = port
    if found.get("jump_host"):
        values["jump_host"] = JumpHost(hops=found["jump_host"].replace(_THEN, ","))
    if found.get("password"):
        values["password"] = Secret(found["password"])
    if found.get("arch"):
        values["arch"] = ARCH.get(found["arch"].casefold(), found["arch"])
    named = re.split(r"[\s,/+;]+", found.get("roles", "").casefold())
    roles = tuple(dict.fromkeys(ROLES[word] for word in named if word in ROLES))
    return ListedMachine(line, Host(**values), roles)


def _from_yaml(text: str) -> Listing:
    """A document, or only its list of hosts."""
    loaded = load(text)
    if loaded.document is not None and loaded.document.hosts:
        lines = [loaded.positions.get(f"spec.hosts.{place}", (0, 0))[0] for place in range(len(loaded.document.hosts))]
        # Machines inherit the document's jump host unless they have their own.
        hosts = [host if host.jump_host.hops else reached(loaded.document, host) for host in loaded.document.hosts]
        return Listing(tuple(ListedMachine(line, host) for line, host in zip(lines, hosts, strict=True)))
    try:
        data = read_value(text, "", OF_HOSTS)
    except Refused as refused:
        why = refused.with_hint
        return Listing(problems=((refused.finding.line or 1, why),))
    rows = data.get("hosts") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        return Listing(problems=((1, _("Expected a list of hosts.")),))
    machines, problems = [], []
    for place, row in enumerate(rows[:MOST_LINES], start=1):
        try:
            machines.append(ListedMachine(place, Host.model_validate(row)))
        except ValidationError:
            problems.append((place, _("Entry %(place)s of the list is not a machine.") % {"place": place}))
    return Listing(tuple(machines), (), tuple(problems))
