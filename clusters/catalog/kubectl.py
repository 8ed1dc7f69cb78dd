"""kubectl with the administrator's rights, on a control plane machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.answers import object_of
from clusters.catalog.paths import ADMIN_CONF, BIN, KUBELET_CONF
from clusters.config.syntax import in_url
from clusters.engine.wants import NoAnswer, sight_of
from clusters.remote.shell import Command, Value, sh, words

if TYPE_CHECKING:
    from clusters.engine.machine import Machine
    from clusters.remote.host import Result


ANSWERS_WITHIN = 20
"""Seconds that a request to the API server may take."""


def kubectl(arguments: str, *values: Value | Command, within: int = ANSWERS_WITHIN) -> Command:
    """A kubectl command; values fill the `{}` of `arguments` and are quoted. It fails without an answer `within` that
    many seconds."""
    inner = sh(arguments, *values)
    return sh("{}/kubectl --kubeconfig {} --request-timeout {}s {}", BIN, ADMIN_CONF, within, inner)


def api_server_is_ready(address: str, port: int) -> Command:
    """Asks one API server whether it is ready, with a node's own rights; trusts the cluster's authority only."""
    return sh(
        "{}/kubectl --kubeconfig {} --server https://{}:{} --request-timeout 3s get --raw /readyz",
        BIN,
        KUBELET_CONF,
        in_url(address),
        port,
    )


def get_object(machine: Machine, kind: str, name: str, namespace: str = "kube-system") -> dict[str, Any] | None:
    """The object that the API server has under this name, or None. Raises NoAnswer when it does not answer.

    `namespace` is empty for objects without one, such as a node.
    """
    inside = sh(" -n {}", namespace) if namespace else sh("")
    answer = machine.ask(kubectl("get {} {}{} -o json --ignore-not-found", kind, name, inside))
    if not answer.ok:
        raise no_answer(f"whether there is a {kind} {name}", answer)
    return object_of(answer, f"the {kind} {name}") if answer.stdout.strip() else None


def get_objects(machine: Machine, *names: str, namespace: str = "kube-system") -> dict[str, dict[str, Any]]:
    """What the API server has of `KIND/NAME`s of one namespace, by these names, in one question.

    What does not exist is not among them. Raises NoAnswer when the API server does not answer.
    """
    answer = machine.ask(kubectl("get {} -n {} -o json --ignore-not-found", words(names), namespace))
    if not answer.ok:
        raise no_answer(f"whether there is a {' or a '.join(names)}", answer)
    found = object_of(answer, ", ".join(names)) if answer.stdout.strip() else {}
    items = found["items"] if found.get("kind") == "List" else [found] if found else []
    return {f"{item['kind'].lower()}/{item['metadata']['name']}": item for item in items}


def is_missing(answer: Result) -> bool:
    """Whether the API server has answered that the object does not exist, or that it does not know its kind."""
    text = f"{answer.stdout}\n{answer.stderr}"
    return "(NotFound)" in text or "the server doesn't have a resource type" in text


def is_forbidden(answer: Result) -> bool:
    """Whether the API server has answered that the request is not allowed (yet)."""
    return "(Forbidden)" in f"{answer.stdout}\n{answer.stderr}"


def no_answer(what: str, answer: Result) -> NoAnswer:
    """The error for an API server that does not report this; a retry helps, unless the command could not even run."""
    sight = sight_of(answer)
    return NoAnswer(
        f"The API server does not report {what}: {sight.found}",
        hint="Retry when the control plane answers.",
        retryable=not sight.in_vain,
    )
