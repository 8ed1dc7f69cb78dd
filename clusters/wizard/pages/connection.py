"""The connection page: what the worker observed on each machine, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from clusters.remote.probe import JUMP
from clusters.selectors import probes_of, probes_place
from clusters.wizard.connection.architectures import architectures
from clusters.wizard.connection.jump_routes import jump_routes, stopped_there
from clusters.wizard.core.page import NothingToFill, Page

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host
    from clusters.models import Cluster
    from clusters.selectors import ProbeView
    from clusters.wizard.core.page import PageForm

WORDS: dict[str, _StrPromise] = {
    "jump": _("Jump host"),
    "reach": _("Reach"),
    "hostkey": _("Host key"),
    "login": _("Login"),
    "sudo": _("Root"),
    "facts": _("Facts"),
}


# Polling interval in milliseconds while tests run; longer for a long table.
POLL_MS, POLL_MS_MANY, MANY = 700, 2000, 60

CAUSES: dict[str, _StrPromise] = {
    "NameNotResolved": _("Name not found"),
    "AddressRefused": _("Address not allowed"),
    "ConnectionRefused": _("Refused"),
    "NetworkUnreachable": _("Unreachable"),
    "ConnectTimedOut": _("No answer"),
    "HandshakeFailed": _("No SSH there"),
    "HostKeyChanged": _("Key changed"),
    "LoginRefused": _("Login refused"),
    "AgentUnavailable": _("No key of the agent"),
    "JumpRefused": _("Forwarding refused"),
    "KeyUnreadable": _("Key file unreadable"),
    "KeyEncrypted": _("Key has a passphrase"),
    "KeyNotUnderstood": _("Not a private key"),
    "KeyTooShort": _("Key too short"),
    "ShellUnusable": _("Shell unusable"),
    "SudoPasswordNeeded": _("sudo needs a password"),
    "SudoPasswordWrong": _("Wrong sudo password"),
    "SudoNotAllowed": _("sudo not allowed"),
    "SudoSilent": _("sudo does not answer"),
    "ConnectionLost": _("Connection lost"),
}
"""Error of `clusters.remote` -> its short label; message and hint come from the error."""


@dataclass(frozen=True, slots=True)
class Row:
    """A machine in the table; `stage` is the stage whose message to show, `changed`: its key is not the accepted one.

    `cause` is a short label for the failure, `noisy`: the login shell prints unexpected text, `at_jump`: the test
    ended at a jump host, and the message is shown with the route.
    """

    probe: ProbeView
    address: str
    state: str
    stages: list[tuple[_StrPromise | str, dict[str, Any]]]
    stage: dict[str, Any]
    changed: bool
    cause: _StrPromise | str = ""
    noisy: bool = False
    at_jump: bool = False

    @property
    def acceptable(self) -> bool:
        """Whether a new key waits for confirmation and can be accepted together with others."""
        return self.state == "ask" and bool(self.probe.offered) and not self.changed and not self.at_jump

    @property
    def untested(self) -> bool:
        """Whether no test covers the machine's current settings; its stages then have no color."""
        return self.probe.stale or self.state == "untested"


def rows(cluster: Cluster, document: Document) -> list[Row]:
    """One row per machine, in the document's order."""
    hosts = {host.name: host for host in reversed(document.hosts)}
    return [_row(probe, hosts.get(probe.host)) for probe in probes_of(cluster, document)]


def _row(probe: ProbeView, host: Host | None) -> Row:
    stages = [(WORDS.get(stage["name"], stage["name"]), stage) for stage in probe.stages]
    stopped = [stage for stage in probe.stages if stage["state"] in ("failed", "ask")]
    passed = [stage for stage in probe.stages if stage["state"] == "ok" and stage.get("message")]
    key = next((stage for stage in probe.stages if stage["name"] == "hostkey"), {})
    changed = bool(probe.offered) and key.get("state") == "failed"
    stage_shown = (stopped or passed[-1:] or [{}])[0]
    at_jump = stopped_there(probe)
    state = "untested" if probe.stale and probe.over else probe.state
    address = f"{host.ssh_address}:{host.port}" if host else ""
    cause = CAUSES.get(stage_shown.get("cause", ""), "") if stage_shown.get("state") == "failed" else ""
    noisy = any(stage.get("cause") == "ShellNoise" for stage in probe.stages)
    if at_jump:
        cause, stage_shown, changed = (WORDS[JUMP] if probe.state == "failed" else ""), {}, False
    return Row(probe, address, state, stages, stage_shown, changed, cause, noisy, at_jump)


def summary(cluster: Cluster, document: Document) -> dict[str, Any]:
    """The context of the partial: routes, rows, whether to poll, and which keys can be accepted together."""
    found = rows(cluster, document)
    return {
        "rows": found,
        "ways": jump_routes(document, [row.probe for row in found]),
        "archs": architectures(document, [row.probe for row in found]),
        "place": probes_place(cluster),
        "active": any(not row.probe.over for row in found),
        "acceptable": [(row.probe.host, row.probe.offered["fingerprint"]) for row in found if row.acceptable],
        "poll": POLL_MS if len(found) <= MANY else POLL_MS_MANY,
        "ready": sum(row.state == "ok" for row in found),
    }


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The table."""
    return summary(cluster, document)


def rail_state(cluster: Cluster, document: Document, mine: list[Finding], everything: list[Finding]) -> tuple[str, int]:
    """The worst state of the machines' connection tests."""
    states = ["stale" if probe.stale else probe.state for probe in probes_of(cluster, document)]
    for state in ("failed", "ask"):
        if state in states:
            return state, states.count(state)
    if any(state in ("waiting", "running") for state in states):
        return "running", 0
    return ("ok", 0) if states and all(state == "ok" for state in states) else ("untested", 0)


PAGE = Page(
    slug="connection",
    order=20,
    title=_("Connection"),
    lead=_("Slipway logs in to every machine, becomes root and reads system facts. It changes nothing."),
    icon="plug",
    sections=(),
    bind=lambda document, data: NothingToFill(),
    context=context,
    rail_state=rail_state,
)
