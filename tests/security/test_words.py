"""Output of machines reaches a terminal, a log or an error as plain text, without terminal control codes."""

from __future__ import annotations

import asyncio
import io
import logging
import logging.config
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from clusters.engine import events
from clusters.errors import InstallerError
from clusters.management.commands.cluster import Command
from clusters.plaintext import plain_block, plain_text
from clusters.remote import scan
from clusters.remote.facts import parse_facts
from clusters.runs.events.log_masks import Masks
from clusters.runs.events.terminal import TerminalProgress
from clusters.runs.jobs.inspections import _Notes

if TYPE_CHECKING:
    from collections.abc import Callable

CLIPBOARD = "\x1b]52;c;cm0gLXJmIH4=\x07"
EVIL = f"{CLIPBOARD}\x1b[2J\x1b]0;title\x1b\\\x9b31m\x90q\x9c\x1b[20t\r\x08\x7f\u202edeen\u2066\u2028"
FORGED = "\n12:00:00  node1     ✔ changed     0.1 s  all is well"
OBEYED = [*map(chr, range(9)), *map(chr, range(11, 32)), *map(chr, range(127, 160)), *"\u202e\u2066\u2028\u200f"]


def obeyed(text: str) -> list[str]:
    return [char for char in OBEYED if char in text]


KINDS: list[type[events.Event]] = [
    events.StepChanged, events.WantSeen, events.Output, events.CheckFound, events.Failed, events.RunChanged,
    events.Uncut, events.Extended,
]  # fmt: skip


def evil_of(kind: type[events.Event], words: str) -> events.Event:
    """An event in which every text that a machine can influence is hostile."""
    given: dict[str, Any] = {"host": "" if kind is events.Output else f"node1{words}", "step": f"os/names{words}"}
    for each in fields(kind):
        if each.name in ("message", "text", "fix", "expected", "found", "hint", "what", "diff", "by"):
            given[each.name] = words
    if kind is events.StepChanged:
        given["state"] = events.State.FAILED
    elif kind is events.CheckFound:
        given["severity"] = "error"
    elif kind is events.Output:
        given["stream"] = "note"
    elif kind is events.Failed:
        given["lines"] = [words, words]
    return kind(**given)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_event_of_a_run_brings_a_code_to_the_terminal(kind: type[events.Event]) -> None:
    written: list[str] = []
    progress = TerminalProgress(written.append)
    step = {"path": "os/names", "title": f"Name it{EVIL}", "hosts": [f"node1{EVIL}"]}
    progress.emit(events.PlanMade(steps=[step]))
    progress.emit(evil_of(kind, EVIL))
    assert obeyed("\n".join(written)) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_event_of_a_run_brings_a_line_that_looks_like_one_of_ours(kind: type[events.Event]) -> None:
    written: list[str] = []
    TerminalProgress(written.append).emit(evil_of(kind, f"words{FORGED}"))
    assert not [line for line in "\n".join(written).split("\n") if line.startswith("12:00:00")]


@pytest.mark.parametrize("write", [Command._line, Command._warn])
def test_the_command_prints_no_code(write: Callable[[Command, str], None]) -> None:
    out = io.StringIO()
    write(Command(stdout=out, stderr=out, no_color=True), f"node1: {EVIL}{FORGED}")
    assert obeyed(out.getvalue()) == []
    assert "\n    12:00:00" in out.getvalue()


def test_the_log_of_a_process_has_no_codes_and_no_forged_lines() -> None:
    logging_settings: dict[str, Any] = settings.LOGGING
    form = logging_settings["formatters"]["line"]
    configurator = logging.config.DictConfigurator({"version": 1})
    formatter = configurator.configure_formatter(dict(form))
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.Logger("paramiko")
    logger.addHandler(handler)
    logger.warning("Banner: %s", f"{EVIL}{FORGED}")
    try:
        raise ValueError(f"{EVIL}{FORGED}")
    except ValueError:
        logger.exception("It broke", stack_info=True)
    assert obeyed(out.getvalue()) == []
    starts = [line for line in out.getvalue().splitlines() if not line.startswith(" ")]
    assert [" paramiko: " in line or line.startswith(("Stack (", "Traceback")) for line in starts] == [True] * len(
        starts
    )
    assert not [line for line in starts if line.startswith("12:00:00")]
    assert all(each["formatter"] == "line" for each in logging_settings["handlers"].values())


def test_an_error_quotes_a_machine_without_its_codes() -> None:
    error = InstallerError(f"It printed {EVIL}.", hint=EVIL)
    assert obeyed(f"{error} {error.message} {error.hint} {error.args}") == []


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts_in(each)]
    return [text for each in value for text in texts_in(each)] if isinstance(value, list) else [str(value)]


class _Plan:
    steps = ()


def test_findings_of_prechecks_are_stored_without_codes() -> None:
    notes = _Notes(_Plan(), Masks())  # type: ignore[arg-type]  # as much of a plan as is read
    row: dict[str, Any] = {"found": [], "state": "waiting"}
    notes._rows["precheck/x", "node1"] = row
    for event in (
        events.CheckFound(host="node1", step="precheck/x", severity="error", message=EVIL, fix=EVIL),
        events.Observed(host="node1", step="precheck/x", topic="reachability", values={EVIL: [EVIL]}),
        events.StepChanged(host="node1", step="precheck/x", state=events.State.RUNNING, message=EVIL),
    ):
        notes.emit(event)
    assert row["seen"] and row["found"]
    assert obeyed("".join(texts_in(row))) == []


def test_facts_and_greetings_hold_no_codes() -> None:
    facts = parse_facts(f"kernel=6.1{EVIL}\nos_name=Debian{CLIPBOARD}\n", here=0.0)
    assert (obeyed(facts.kernel), facts.os_name) == ([], "Debian")

    async def greeted() -> str:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(f"SSH-2.0-x{CLIPBOARD}\x00\r\n".encode())
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        async with server:
            answer = await scan._greeting("127.0.0.1", server.sockets[0].getsockname()[1])
        return answer.banner if answer else ""

    assert asyncio.run(greeted()) == "SSH-2.0-x"


@pytest.mark.parametrize("char", OBEYED)
def test_plain_text_holds_nothing_that_is_obeyed(char: str) -> None:
    assert obeyed(plain_text(f"a{char}b{char}")) == []
    assert plain_block(f"a{char}\nb") == "a\n    b"
