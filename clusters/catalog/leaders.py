"""Which machine leads the control planes and etcd in a run: the first listed, or else one that runs and is healthy."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.catalog.identity import pin_of, read_claim
from clusters.catalog.paths import ADMIN_CONF, BIN, CA, CLAIM, ETCD_PKI
from clusters.config.syntax import in_url
from clusters.config.topology import api_port, members
from clusters.engine.identity import UNKNOWN, Identity
from clusters.errors import InstallerError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.remote.host import Cancel, Host
    from clusters.remote.shell import Command

LOOK_SECONDS = 20.0
"""How long machines may take to answer; one that takes longer cannot lead, and prechecks report why."""


SAME_NAME, SAME_IDENTITY = 1, 2


@dataclass(frozen=True, slots=True)
class Observation:
    """What is on a machine: a control plane of this cluster, whether its API server answers, etcd's authority."""

    initialised: bool = False
    answers: bool = False
    authority: bool = False
    kinship: int = 0
    """SAME_IDENTITY, SAME_NAME, or 0 for a machine that has no claim of this cluster."""


def find_leaders(
    document: Document, open_host: Callable[[HostSpec], Host], cancel: Cancel, identity: Identity = UNKNOWN
) -> dict[str, str]:
    """Role group -> machine, for the groups in which something of this cluster already runs.

    Among the control planes it is the first listed whose API server answers, or else the first that is initialised;
    among etcd's machines the first that has the authority. A machine that does not answer is skipped without a message.
    Machines with a claim of the same name and another identity count only where none has this one; the precheck
    k8s.other_identity reports them.
    """
    masters, etcd = members(document, "master"), members(document, "etcd")
    specs = {spec.name: spec for spec in (*masters, *etcd)}
    if not specs:
        return {}
    pool = ThreadPoolExecutor(len(specs), thread_name_prefix="leader")
    looks = {pool.submit(_look, document, spec, open_host, cancel, identity): name for name, spec in specs.items()}
    done, _ = wait(looks, timeout=LOOK_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    found_on = {looks[look]: look.result() for look in done}
    surest = max((each.kinship for each in found_on.values()), default=0)
    observed = {name: each for name, each in found_on.items() if each.kinship == surest and surest}

    def first(names: list[str], *tests: Callable[[Observation], bool]) -> str:
        return next((name for test in tests for name in names if test(observed.get(name, Observation()))), "")

    found = {
        "master": first([spec.name for spec in masters], lambda each: each.answers, lambda each: each.initialised),
        "etcd": first([spec.name for spec in etcd], lambda each: each.authority),
    }
    return {group: name for group, name in found.items() if name}


def _look(
    document: Document, spec: HostSpec, open_host: Callable[[HostSpec], Host], cancel: Cancel, identity: Identity
) -> Observation:
    try:
        output = open_host(spec).run(_command(document, spec), check=False, timeout=LOOK_SECONDS, cancel=cancel).stdout
    except InstallerError:
        return Observation()
    line, _, traces = output.partition("\n")
    claim = read_claim(line)
    same = bool(identity.id) and claim.id == identity.id
    same = same or (bool(identity.authority) and identity.authority in (claim.authority, _authority_in(traces)))
    kinship = SAME_IDENTITY if same else SAME_NAME if claim.cluster == document.name else 0
    words = set(traces.split()) if kinship else set()
    return Observation("initialised" in words, "answers" in words, "authority" in words, kinship)


def _authority_in(words: str) -> str:
    """The hash of the authority among the words that a machine printed; empty if there is none."""
    text = next((word.removeprefix("ca:") for word in words.split() if word.startswith("ca:")), "")
    try:
        return pin_of(base64.b64decode(text)) if text else ""
    except ValueError:
        return ""


def _command(document: Document, spec: HostSpec) -> Command:
    """It asks the machine's own API server by its address: a name or a shared address could lead to another one."""
    return sh(
        "head -n 1 {0} 2>/dev/null || echo\n"
        "if [ -s {1} ] && [ -s {2} ]; then echo authority; fi\n"
        "if [ -s {5} ]; then echo ca:$(base64 < {5} | tr -d '\\n'); fi\n"
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
        CA,
    )
