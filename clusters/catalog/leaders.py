"""Who stands for the control planes and for etcd in a run: the first listed, or else one that is there and well."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.catalog.paths import ADMIN_CONF, BIN, CLAIM, ETCD_PKI
from clusters.config.syntax import in_url
from clusters.config.topology import api_port, members
from clusters.errors import InstallerError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.remote.host import Cancel, Host
    from clusters.remote.shell import Command

LOOK_SECONDS = 20.0
"""How long machines may take to answer; one that takes longer stands for nobody, and prechecks say why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is on a machine: a control plane of this cluster, whether its API server answers, etcd's authority."""

    initialised: bool = False
    answers: bool = False
    authority: bool = False


def find_leaders(document: Document, open_host: Callable[[HostSpec], Host], cancel: Cancel) -> dict[str, str]:
    """Role group -> machine, for the groups in which something of this cluster runs already.

    Of the control planes it is the first listed whose API server answers, or else the first that was one before; of
    etcd's machines the first that has the authority. A machine that does not answer is passed over in silence.
    """
    masters, etcd = members(document, "master"), members(document, "etcd")
    specs = {spec.name: spec for spec in (*masters, *etcd)}
    if not specs:
        return {}
    pool = ThreadPoolExecutor(len(specs), thread_name_prefix="leader")
    looks = {pool.submit(_look, document, spec, open_host, cancel): name for name, spec in specs.items()}
    done, _ = wait(looks, timeout=LOOK_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    seen = {looks[look]: look.result() for look in done}

    def first(names: list[str], *wishes: Callable[[Seen], bool]) -> str:
        return next((name for wish in wishes for name in names if wish(seen.get(name, Seen()))), "")

    found = {
        "master": first([spec.name for spec in masters], lambda each: each.answers, lambda each: each.initialised),
        "etcd": first([spec.name for spec in etcd], lambda each: each.authority),
    }
    return {group: name for group, name in found.items() if name}


def _look(document: Document, spec: HostSpec, open_host: Callable[[HostSpec], Host], cancel: Cancel) -> Seen:
    try:
        said = open_host(spec).run(_command(document, spec), check=False, timeout=LOOK_SECONDS, cancel=cancel).stdout
        claim, _, traces = said.partition("\n")
        ours = str(json.loads(claim or "{}").get("cluster", "")) == document.name
    except (InstallerError, ValueError, AttributeError):
        return Seen()
    words = set(traces.split()) if ours else set()
    return Seen("initialised" in words, "answers" in words, "authority" in words)


def _command(document: Document, spec: HostSpec) -> Command:
    """Its own API server is asked, and no other that a name or a shared address may lead to."""
    return sh(
        "head -n 1 {0} 2>/dev/null || echo\n"
        "if [ -s {1} ] && [ -s {2} ]; then echo authority; fi\n"
        "if [ -s {3} ]; then echo initialised; {4} >/dev/null 2>&1 && echo answers; fi; true",
        CLAIM,
        f"{ETCD_PKI}/ca.pem",
        f"{ETCD_PKI}/ca-key.pem",
        ADMIN_CONF,
        sh(
            "{}/kubectl --kubeconfig {} --server https://{}:{} --request-timeout 5s get --raw /readyz",
            BIN,
            ADMIN_CONF,
            in_url(spec.first_address),
            api_port(document),
        ),
    )
