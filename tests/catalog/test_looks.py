"""A check changes no machine: in no module does a command that only asks have a verb that changes something."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.load_balancers import keepalived
from clusters.catalog.steps.kubernetes import join
from clusters.engine.events import Output
from clusters.engine.plan import make_plan
from clusters.engine.step import STEPS
from clusters.errors import InstallerError
from clusters.remote.host import Cancel
from tests.catalog.pretend import pretend, seed
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document

ROOT = Path(__file__).resolve().parents[2] / "clusters"
MODULES = sorted(path for folder in ("catalog", "engine") for path in (ROOT / folder).rglob("*.py"))
QUERIES = {"ask", "so_if"}
"""Functions whose first argument is a check; so is the argument `unless` elsewhere."""

_AT = (
    r"(?:^|[;&|({\n'\"]"
    r"|\b(?:then|do|else|exec|sudo|sh -e?c|xargs(?: -\S+)*|timeout \S+|flock (?:-\S+ )*(?:\d+ )?\S+))\s*"
)
"""Where a shell expects a command."""
CHANGES = re.compile(
    _AT
    + r"(?:rm|rmdir|touch|mv|cp|ln|install|tee|mkdir|mktemp|truncate|dd|sed -i\S*|chmod|chown|chattr|kill|pkill|mount"
    r"|umount|modprobe|rmmod|swapoff|swapon|hostnamectl|timedatectl set\S*|reboot|useradd|apt-get|dnf|yum|zypper"
    r"|systemd-run)(?=\s|$)"
    r"|\bsystemctl (?:-\S+ )*(?:start|stop|(?:try-)?restart|reload\S*|kill|mask|unmask|enable|disable|set-property"
    r"|reset-failed|daemon-reload)\b"
    r"|\bsysctl (?:-\S+ )*(?:-w|-p|--system)\b"
    r"|\bkubeadm (?:token (?:create|delete)|reset|init|join|upgrade|certs renew)\b"
    r"|\bkubectl(?: -\S+(?: \S+)?)* (?:apply|create|delete|patch|annotate|label|taint|drain|(?:un)?cordon|replace)\b"
    r"|\bmember (?:add|remove|promote|update)\b"
    r"|\b(?:ctr|crictl|docker|nerdctl) .*\b(?:rm|rmi|rmp|label|load|import|pull|stop|tag)\b"
    r"|(?<![<>=-])>{1,2}\|?\s*(?!/dev/null|&|[(=])[\"'$/{\w]"
)
ALLOWED = {
    "mount --bind": "kubeadm's manifests are created in a mount namespace, which ends with the command",
    "apt-get update --print-uris": "it prints, and fetches nothing",
    "dd if=/dev/zero of=$file": "measuring a disk's speed needs writing; the file is removed before the command ends",
}


def texts(node: ast.AST, known: dict[str, list[ast.AST]], depth: int = 4) -> Iterator[str]:
    """Texts in an expression, and in the values of the names in it."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
        elif isinstance(each, ast.Name) and depth:
            for value in known.get(each.id, ()):
                yield from texts(value, known, depth - 1)
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "kubectl" and each.args:
            yield "kubectl " + " ".join(texts(each.args[0], {}, 0))


def names_of(tree: ast.AST, *, inner: bool) -> dict[str, list[ast.AST]]:
    """The values of names: constants, local variables, and functions that return one command."""
    known: dict[str, list[ast.AST]] = {}
    for each in ast.walk(tree) if inner else ast.iter_child_nodes(tree):
        if isinstance(each, ast.Assign):
            for target in each.targets:
                if isinstance(target, ast.Name):
                    known.setdefault(target.id, []).append(each.value)
        elif isinstance(each, ast.FunctionDef) and each.returns is not None and "Command" in ast.unparse(each.returns):
            known.setdefault(each.name, []).extend(each.body[1:] if ast.get_docstring(each) else each.body)
    return known


def looks(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every command in a module that only asks."""
    tree = ast.parse(path.read_text())
    outer = names_of(tree, inner=False)
    for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
        known = outer | names_of(function, inner=True)
        for call in (each for each in ast.walk(function) if isinstance(each, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            queries = call.args[:1] if name in QUERIES else []
            queries = [*queries, *(each.value for each in call.keywords if each.arg == "unless")]
            yield from ((call.lineno, text) for each in queries for text in texts(each, known))


def changing(path: Path) -> list[str]:
    found = sorted({(line, text) for line, text in looks(path) if CHANGES.search(text)})
    return [f"{path.relative_to(ROOT.parent)}:{line}: {text}" for line, text in found]


@pytest.mark.parametrize(
    "text",
    [
        "rm -f {}",
        "touch {}",
        "test -e x && mv {} {}",
        "flock {} rm -rf x",
        "KUBECONFIG={} {}/kubeadm token create --ttl {}",
        "systemctl --no-block restart kubelet",
        "kubectl delete pod -n {} {}",
        "ctr -n k8s.io images label {} x=y",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "for f in a b; do cp $f /etc; done",
        "member remove {}",
    ],
)
def test_the_rule_finds_commands_that_change_a_machine(text: str) -> None:
    assert CHANGES.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "test -s {} && sha256sum < {} 2>/dev/null",
        "systemctl is-active {} >/dev/null || {{ echo it is $(systemctl is-active {}); false; }}",
        "systemctl show -p NRestarts kubelet",
        "kubectl get pod -n {} -o json",
        "ip -o route get {} 2>&1",
        "command -v apt-get dnf yum zypper | head -n 1",
        "crictl info >/dev/null",
    ],
)
def test_the_rule_accepts_checks(text: str) -> None:
    assert not CHANGES.search(text)


def test_no_module_changes_a_machine_in_a_check() -> None:
    """Those commands are for `machine.do`, `put` and `clear_up`: they are in the log, and no dry run executes them."""
    found = [each for path in MODULES for each in changing(path)]
    assert [each for each in found if not any(word in each for word in ALLOWED)] == []
    assert all(any(word in each for each in found) for word in ALLOWED), "remove entries that no longer exist"


NAMES = ["node1", "node2", "node3"]
ENDPOINT = {"controlPlaneEndpoint": {"internalLoadbalancer": "keepalived", "address": "10.99.0.200"}}
DOCUMENTS = {
    "one": seed(),
    "several": seed(roleGroups={"etcd": NAMES, "master": NAMES, "worker": NAMES}, **ENDPOINT),
    "kubeadm": seed(roleGroups={"etcd": [], "master": NAMES, "worker": NAMES}, etcd={"type": "kubeadm"}, **ENDPOINT),
    "cilium": seed(
        network={"plugin": "cilium"},
        controlPlaneEndpoint={"internalLoadbalancer": "haproxy"},
        kubernetes={"version": "v1.37.2", "containerManager": "crio", "nodelocaldns": True},
    ),
}


@pytest.mark.parametrize("whole", [True, False], ids=["all answers", "no answers"])
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_dry_run_can_make_every_check_of_every_step(
    document: Document, whole: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Including those after a wanted state at which a dry run would end."""
    stopped_clock(monkeypatch)
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    for host in hosts.values() if not whole else ():
        host.answer(re.compile(""), Answer("", 1, "refused"))
    before = {name: dict(host.files) for name, host in hosts.items()}
    seen = 0
    for row in make_plan(document).steps:
        for name in row.hosts[:2] if row.step is not None else ():
            machine = cluster.machine(name).during(row.path, timeout=9e9, cancel=Cancel(), dry_run=True)
            wants = STEPS.steps[row.path].body(machine, cluster)
            while True:
                try:
                    want = next(wants)
                    seen += 1
                    want.seen(machine)
                except StopIteration:
                    break
                except InstallerError as error:
                    assert "may only observe" not in error.message
    assert seen > 50
    assert {name: host.files for name, host in hosts.items()} == before
    queries = {each for host in hosts.values() for each in host.commands if CHANGES.search(each)}
    assert [each for each in queries if not any(word in each for word in ALLOWED)] == []


def test_actions_outside_of_wanted_states_are_in_the_log(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, sink = pretend(monkeypatch, archive, DOCUMENTS["several"])
    machine = cluster.machine("node1")
    hosts["node1"].answer("ip -o address show", 0)
    monkeypatch.setattr(keepalived, "HANDED_OVER_WITHIN", 0.0)
    with keepalived.stood_aside(machine, cluster):
        pass
    hosts["node1"].answer("token create", "warning\nabcdef.0123456789abcdef\n")
    token = join._token(cluster.machine("node2"), cluster)
    log = [event.text for event in sink.events if isinstance(event, Output)]
    assert {f"$ touch {keepalived.ASIDE}", f"$ rm -f {keepalived.ASIDE}"} <= set(log)
    assert [each for each in log if "kubeadm token create" in each]
    assert token.reveal() == "abcdef.0123456789abcdef"
    assert not [each for each in log if "abcdef." in each], "the token is a secret from the first moment"
