"""Numbers and timestamps in untrusted text are read within limits."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from clusters.numbers import decimal_number, hexadecimal, moment, octal, release_of, signed_number, whole_number
from tests.test_house_rules import ROOT, SHIPPED, generated, name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client


def test_only_few_digits_are_a_number() -> None:
    assert (whole_number("7"), whole_number("0012"), whole_number("9" * 15)) == (7, 12, 10**15 - 1)
    assert [whole_number(text) for text in ("", "-1", "1.0", "٣", "²", "9" * 16, " 1")] == [None] * 7


def test_numbers_in_other_forms_have_bounds_too() -> None:
    assert [signed_number(text) for text in ("-7", "7", "--7", "-", "-²")] == [-7, 7, None, None, None]
    assert [hexadecimal(text) for text in ("ff", "0x1", "", "f" * 9)] == [255, None, None, None]
    assert [octal(text) for text in ("644", "8", "7" * 7)] == [0o644, None, None]
    assert [decimal_number(text) for text in ("1.5", "2e-05", "1e999", "nan", "-1", "9" * 400)] == [1.5, 2e-05] + [
        None
    ] * 4
    assert [release_of(text) for text in ("6.1.0-rc.1", "v3.5", "x", "9" * 5000 + ".1")] == [(6, 1), (3, 5), None, None]
    assert [moment(text) is None for text in ("2026-01-02T03:04:05Z", "2026-13-45", "x", "9" * 5000)] == [
        False,
        True,
        True,
        True,
    ]


READERS = {"int", "float", "complex", "Decimal", "Fraction", "fromisoformat", "strptime", "ip_address", "ip_network"}
READERS |= {"ip_interface", "IPv4Address", "IPv4Network", "IPv6Address", "IPv6Network", "IPv4Interface"}
OF_NUMBERS = {"len", "round", "abs", "sum", "total_seconds"}
"""What these give is a number already."""
ALLOWED: dict[str, dict[str, tuple[str, ...]]] = {
    "in a `try` that answers a ValueError": {
        "clusters/catalog/pki.py": ("ipaddress.ip_address(name)",),
        "clusters/catalog/prechecks/network/proxy.py": (
            "ipaddress.ip_address(address)",
            "ipaddress.ip_network(network, strict=False)",
        ),
        "clusters/config/rules/registries.py": ("ipaddress.ip_interface(text)",),
        "clusters/config/syntax.py": ("ipaddress.ip_address(text)", "ipaddress.ip_network(text, strict=False)"),
        "clusters/config/topology.py": ("ipaddress.ip_network(cidr, strict=False)",),
        "clusters/remote/connection/networks.py": ("ipaddress.ip_address(text.partition('%')[0])",),
        "clusters/remote/scan.py": ("ipaddress.IPv4Network(text.strip(), strict=False)",),
        "clusters/services/client_address.py": ("ipaddress.ip_address(text.partition('%')[0])",),
        "clusters/services/password_limits.py": ("ipaddress.ip_address(address)",),
        "clusters/wizard/machines/additions.py": ("ipaddress.IPv4Address(begin)", "ipaddress.IPv4Address(whole)"),
        "installer_site/env.py": ("float(found)", "ip_network(word)"),
    },
    "a rule has seen that it is one": {
        "clusters/catalog/load_balancers/keepalived.py": (
            "ipaddress.ip_address(address)",
            "ipaddress.ip_address(cluster.endpoint)",
        ),
        "clusters/catalog/networks/hybridnet.py": ("ipaddress.ip_network(subnet.cidr, strict=False)",),
        "clusters/catalog/networks/kubeovn/__init__.py": ("ipaddress.ip_network(each, strict=False)",),
    },
    "an expression has counted its digits, or `float` takes any number of them": {
        "clusters/config/component_settings/kubelet_fields.py": ("float(percent[1])", "float(quantity[1])"),
        "clusters/config/matrix.py": ("int(match[1])", "int(match[2])", "int(match[3] or 0)"),
        "clusters/config/yaml/scalars.py": ("float(node.text)", "int(node.text)"),
        "clusters/config/topology.py": ("int(match[2])", "int(match[3])"),
        "clusters/config/kubernetes_versions.py": ("int(part)",),
        "clusters/config/yaml/written.py": ("int(code, 16)",),
        "clusters/remote/session/output.py": ("int(word)",),
    },
    "Slipway wrote it": {
        "clusters/config/dialects/fit.py": ("int(parts[2])",),
        "clusters/config/keys.py": ("int(part)",),
        "clusters/config/reading.py": ("int(OURS)",),
        "clusters/config/dialects/v4/fit.py": ("int(parts[2])",),
        "clusters/config/kubernetes_versions.py": ("date.fromisoformat(_SERIES[version.minor].ends)",),
        "clusters/remote/connection/networks.py": ("ipaddress.ip_address(address)", "ipaddress.ip_network(word)"),
        "clusters/remote/scan.py": ("ipaddress.IPv4Address(answer.address)",),
        "clusters/runs/events/batches.py": (
            "float(event.at)",
            "float(step.get('expected') or 0)",
            "float(step.get('timeout') or 0)",
        ),
        "clusters/web/templatetags/ui.py": ("dt.datetime.fromisoformat(value)",),
        "installer_site/sessions.py": ("int(data[SESSION_KEY])",),
    },
    "a number": {
        "clusters/config/rules/network.py": ("int(network.network_address)",),
        "clusters/config/yaml/tree.py": ("int(mark.index)",),
        "clusters/models/audit_chain.py": ("int(value)",),
        "clusters/remote/facts.py": (
            "int(output.number('cgroup'))",
            "int(output.number('cpus'))",
            "int(output.number('free/'))",
            "int(output.number('free/var'))",
            "int(output.number('memory_kb'))",
            "int(output.number('swap_kb'))",
        ),
        "clusters/remote/connection/networks.py": ("ipaddress.IPv4Address(each)", "ipaddress.IPv4Address(packed[12:])"),
        "clusters/remote/target.py": ("float(host.timeout if host.timeout > 0 else 30)",),
        "clusters/remote/connection/tunnel.py": (
            "int(channel.remote_chanid)",
            "int(self._channel.send(data))",
            "int(super()._next_channel())",
        ),
        "clusters/runs/notify/webhook.py": ("int(timezone.now().timestamp())",),
        "clusters/selectors/progress.py": ("int(100 * done / total)",),
        "clusters/services/password_limits.py": (
            "int((timezone.now() - until).total_seconds() // 60)",
            "ipaddress.ip_network((found, 64), strict=False)",
        ),
        "clusters/web/templatetags/ui.py": (
            "float(more)",
            "float(number)",
            "int((low or 0) // 60)",
            "int(-high // 60)",
        ),
        "clusters/web/timeline.py": (
            "float(TOP)",
            "int((width - 10) / CHARACTER)",
            "int(timeline.seconds)",
            "int(y)",
        ),
        "clusters/web/views/sign_in.py": (
            "int(wanted != _this(request) and services.session_end(actor=request.user, session=wanted))",
        ),
        "clusters/wizard/machines/additions.py": ("int(first)", "int(last)"),
        "installer_site/middleware.py": ("int(seconds * 1000)",),
        "installer_site/settings.py": (
            "int(SLIPWAY_MAX_BODY_MB * 1024 * 1024)",
            "int(env.number('SLIPWAY_MAX_CONNECTIONS', 512))",
            "int(env.number('SLIPWAY_WORKER_RUNS', 6))",
        ),
    },
}
"""Why -> file -> calls."""


def readings(path: Path) -> Iterator[str]:
    """Calls of `int()` and its like in a file, unless they are plainly of a number."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if any(f"{word}(" in text for word in READERS) else ():
        if isinstance(node, ast.Call) and called(node) in READERS and node.args:
            given = node.args[0]
            sure = isinstance(given, ast.Call) and called(given) in OF_NUMBERS
            if not sure and not isinstance(given, ast.Constant):
                yield ast.unparse(node)


def allowed_in(path: str) -> set[str]:
    """The calls that may stand in a file, whatever the reason."""
    return {call for files in ALLOWED.values() for call in files.get(path, ())}


def called(node: ast.Call) -> str:
    """The last word of what is called."""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def test_texts_of_others_are_read_by_the_one_reader_of_numbers() -> None:
    """`whole_number` and similar functions have limits. Each exception here states why it needs none."""
    found = {
        name(path): sorted({*readings(path)} - allowed_in(name(path)))
        for path in SHIPPED
        if path != ROOT / "clusters" / "numbers.py" and not generated(path)
    }
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_every_allowed_call_exists() -> None:
    named = {path for files in ALLOWED.values() for path in files}
    stale = {path: sorted(allowed_in(path) - {*readings(ROOT / path)}) for path in named}
    assert {path: calls for path, calls in stale.items() if calls} == {}


@pytest.mark.django_db
def test_more_time_asked_for_with_thousands_of_digits_is_answered(client: Client, make_run: Any, alice: User) -> None:
    run = make_run(state="running")
    client.force_login(alice)
    given = {"step": "os/a", "host": "node1", "given": "9" * 5000}
    assert client.post(reverse("run-wait", args=[run.pk]), given).status_code == 302
