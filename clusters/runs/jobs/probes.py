"""Connection tests: claims probe rows, tests their machines, and stores the result of each stage at once."""

from __future__ import annotations

import hmac
import json
import logging
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils import timezone
from django.utils.module_loading import import_string

from clusters.config.jump_hosts import reached, route_text
from clusters.config.schema import JumpHost
from clusters.config.secret import Secret
from clusters.errors import InstallerError
from clusters.models import Probe
from clusters.remote.probe import JUMP, STAGES, probe
from clusters.remote.target import target_of
from clusters.runs.access.logins import logins_for, versions_of
from clusters.runs.access.pinned_host_keys import PinnedKeys
from clusters.runs.access.targets import agent_socket, allowed_networks
from clusters.runs.claims.authority import refuse_without_authority
from clusters.runs.claims.claim import claim, lease_end
from clusters.runs.claims.shares import Shares, owner_counts
from clusters.runs.documents import read_document
from clusters.runs.events.batches import plain
from clusters.runs.events.log_masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.config.schema import Document, Host
    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.probe import Stage

    Report = Callable[[dict[str, Any]], None]

log = logging.getLogger(__name__)

MACHINES_AT_ONCE = 40
"""Machine tests of one worker. One owner gets at most half of them; most of the time they wait for machines."""


def spec_digest(document: Document, host: Host, versions: Mapping[str, int] | None = None) -> str:
    """An HMAC of the credentials that a test used: equal for equal credentials, and reveals nothing about them.

    `versions` are those of the named credentials (`runs.access.logins.versions_of`): a rotation makes a test stale.
    """
    row = host.model_dump(mode="python", include={"name", "address", "internal_address", "port", "user"})
    row |= _revealed(host, "password", "private_key", "private_key_path")
    # Empty values are omitted, so that tests from before jump hosts and credentials existed are still valid.
    row |= {name: value for name, value in _revealed(host, "agent_key").items() if value}
    jump_host = reached(document, host).jump_host
    jump = _revealed(jump_host, *JumpHost.model_fields)
    if not jump_host.credential:
        del jump["credential"]
    row |= {"jump_host": jump} if any(jump.values()) else {}
    names = {host.credential, jump_host.credential} - {""}
    row |= {"credentials": {name: (versions or {}).get(name, 0) for name in sorted(names)}} if names else {}
    text = json.dumps(row, sort_keys=True)
    return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), "sha256").hex()


def _revealed(part: Host | JumpHost, *names: str) -> dict[str, str | None]:
    values = {name: getattr(part, name) for name in names}
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


def waiting_stages(document: Document, host: Host) -> list[dict[str, str]]:
    """The stages of a test that has not started; a machine behind a jump host has one more."""
    names = (JUMP, *STAGES) if route_text(reached(document, host)) else STAGES
    return [{"name": name, "state": "waiting", "message": "", "hint": ""} for name in names]


class Probing:
    """The connection tests of one worker, MACHINES_AT_ONCE of them, in fair shares (`clusters.runs.claims.shares`)."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._pool = ThreadPoolExecutor(MACHINES_AT_ONCE, thread_name_prefix="probe")
        self._shares = Shares(MACHINES_AT_ONCE)
        # The owner of each test that runs here, by the token of its claim.
        self._busy: dict[str, int] = {}
        self._renewed = time.monotonic()

    def take(self) -> None:
        """Claim waiting tests, as far as there is room, and renew the leases of those that run here."""
        self._renew()
        waiting = Probe.claimable(still_running=list(self._busy)).order_by("id")
        for pk, owner in self._shares.claims(waiting, lambda: owner_counts(self._busy), oldest_by="asked_at"):
            token = f"{self._worker[:90]}/{uuid.uuid4().hex}"
            if claim(waiting, pk, state="running", worker=token):
                self._busy[token] = owner
                self._pool.submit(self._test, pk, token)

    def stop(self) -> None:
        """Release the running tests to other workers."""
        Probe.objects.filter(worker__in=list(self._busy), state="running").update(state="waiting", worker="")
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _renew(self) -> None:
        if self._busy and time.monotonic() - self._renewed >= settings.SLIPWAY_HEARTBEAT_SECONDS:
            Probe.objects.filter(worker__in=list(self._busy), state="running").update(lease_until=lease_end())
            self._renewed = time.monotonic()

    def _test(self, pk: int, token: str) -> None:
        try:
            probe_row(pk, token)
        except Exception:  # noqa: BLE001 - the border of the thread; a test that failed here is repeated
            log.error("Connection test %s failed\n%s", pk, traceback.format_exc(limit=-3))
        finally:
            self._busy.pop(token, None)
            connections.close_all()


def probe_row(pk: int, token: str) -> None:
    """Test the machine of one claimed row. Writes nothing after another worker has claimed the row."""
    row = Probe.objects.select_related("cluster__owner", "asked_by").get(pk=pk)
    mine = Probe.objects.filter(pk=pk, worker=token)
    stages: list[dict[str, str]] = []
    masks = Masks()
    offered: dict[str, Any] = {}

    def report(news: dict[str, Any]) -> None:
        nonlocal offered
        offered = news.pop("offered", None) or offered
        news = masks.value(plain(news))
        for stage in stages:
            if stage["name"] == news["name"]:
                stage.update(news)
        mine.update(stages=stages, offered=offered, lease_until=lease_end())

    facts: dict[str, Any] = {}
    try:
        refuse_without_authority(row.asked_by_id, row.cluster, "machine test")
        document = read_document(row.cluster.document)
        logins = logins_for(document, row.cluster, row.asked_by, text=row.cluster.document)
        for secret in logins.secrets:
            masks.add(secret)
        host = document.host(row.host)
        if host is None:
            mine.delete()
            return
        stages += waiting_stages(document, host)
        digest = spec_digest(document, host, versions_of(document))
        mine.update(spec_digest=digest, stages=stages, offered={}, facts={})
        route = reached(logins.document, logins.document.host(row.host) or host)
        facts = import_string(settings.SLIPWAY_PROBE)(route, PinnedKeys(row.cluster_id), report)
    except InstallerError as error:
        _fail(stages, masks.text(error.message), masks.text(error.hint))
    except Exception as error:  # noqa: BLE001 - the border of a test; the person must see that it failed
        log.error("Connection test %s failed\n%s", pk, masks.text(traceback.format_exc()))
        _fail(stages, f"Slipway itself failed: {masks.text(str(error))}", "Its log on the worker has the details.")
    mine.update(
        state=verdict(stages),
        stages=stages,
        facts=masks.value(plain(facts)),
        offered=offered,
        finished_at=timezone.now(),
        lease_until=None,
    )


def verdict(stages: list[dict[str, str]]) -> str:
    """The result of the stages: `failed` or `ask` if one of them is, `ok` if all are, else `failed`."""
    states = [stage["state"] for stage in stages]
    if "failed" in states:
        return "failed"
    if "ask" in states:
        return "ask"
    return "ok" if all(state == "ok" for state in states) else "failed"


def _fail(stages: list[dict[str, str]], message: str, hint: str) -> None:
    """Mark the first unfinished stage as failed, unless a stage has that state already."""
    if any(stage["state"] in ("failed", "ask") for stage in stages):
        return
    if not stages:
        stages += [{"name": name, "state": "waiting", "message": "", "hint": ""} for name in STAGES]
    stage = next((stage for stage in stages if stage["state"] != "ok"), stages[-1])
    stage.update(state="failed", message=message, hint=hint)


def probe_machine(host: Host, known: KnownKeys, report: Report, *, from_terminal: bool = False) -> dict[str, Any]:
    """Test one machine over SSH, through the jump host in its own row; returns its facts.

    For people in a browser only in the allowed networks.

    Each stage is reported as {"name", "state", "message", "hint", "cause"};
    "cause" is the name of the error, ShellNoise for a profile that prints, or empty.

    The stage at which a person must accept a key, or a key has changed, also has "offered": type, key and fingerprint,
    and address and port when it is a jump host's.
    """

    def on_stage(stage: Stage) -> None:
        news = {"name": stage.name, "state": stage.state, "message": stage.message, "hint": stage.hint}
        news["cause"] = str(stage.data.get("error", "")) or (
            "ShellNoise" if stage.data.get("noise", "").strip() else ""
        )
        report(news | ({"offered": stage.data["offered"]} if "offered" in stage.data else {}))

    networks = None if from_terminal else allowed_networks()
    result = probe(target_of(host, agent_socket(), networks), known, on_stage)
    return asdict(result.facts) if result.facts is not None else {}
