"""Whatever document was imported or stored, every page of its cluster opens, at least with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from clusters.models import Cluster, Run
from tests.conftest import SEED
from tests.regressions.addresses import addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from django.contrib.auth.models import User


def arguments(*texts: str, key: str = "kubeletArgs") -> str:
    """The document of three machines with these arguments."""
    lines = "".join(f"    - '{text}'\n" for text in texts)
    return SEED.replace("    proxyMode: iptables\n", f"    proxyMode: iptables\n    {key}:\n{lines}")


IMPORTED = {
    "more pods than a number has digits": arguments("max-pods=" + "9" * 5000),
    "pods in the digits of another script": arguments("max-pods=²", "max-pods=٣"),
    "two minus signs": arguments("conntrack-max-per-core=--5", "ipvs-sync-period=-", key="kubeProxyArgs"),
    "digits without an end for kube-proxy": arguments("conntrack-max-per-core=" + "9" * 5000, key="kubeProxyArgs"),
    "ports without an end": SEED.replace("10.99.0.1,", "10.99.0.1, port: 99999999999,", 1),
    "a range of long numbers": SEED.replace("[node2, node3]", "['node[1:" + "9" * 5000 + "]']"),
    "a jump host with another script's port": SEED.replace(
        "  roleGroups:", "  jumpHost: {hops: 'me@10.1.1.1:٣٣'}\n  roleGroups:"
    ),
    "thousands of URLs with passwords": SEED
    + "  registry:\n    registryMirrors:\n"
    + "".join(f"    - http://u:p{number}@m\n" for number in range(23_000)),
    "many machines of one name": SEED.replace(
        "  roleGroups:", "  - {name: n, address: 10.99.0.1, password: 'hush-hush'}\n" * 100 + "  roleGroups:"
    ),
    "many gates that nobody knows": arguments(
        "feature-gates=" + ",".join(f"SomethingUnknown{number}=true" for number in range(200)), key="apiserverArgs"
    ),
    "a tunnel's port that is none": SEED.replace("plugin: bridge", "plugin: cilium")
    + "    cilium: {values: {tunnelPort: [x]}}\n",
    "the not numbers": arguments("max-pods=1") + "    whatever: [.inf, .nan, 1e999, 0x" + "f" * 280 + ", 2001-13-45]\n",
}
STORED = {
    "too large for today": SEED + "# " + "x" * 1_000_001 + "\n",
    "not YAML": "{[",
    "empty": "",
    "another kind": "apiVersion: v1\nkind: Pod\n",
    "more members than today": SEED.replace("[node2, node3]", "[" + "'node[1:9999]', " * 20 + "]"),
    "control characters": SEED + "\x00\x1b",
}


UNTOUCHED = ("cluster-delete",)
POSTED = ("cluster-install", "cluster-export", "run-retry", "wizard-document", "wizard-check", "wizard:machines")
LARGE = 500_000
SOME = ("cluster", "cluster-export", "cluster-config", "wizard:machines", "wizard:review", "run")
"""Pages on which a large document is looked at; all of them would take minutes."""


def failing(person: Client, run: Run, posted: Collection[str]) -> dict[str, int]:
    """Addresses of the run and its cluster that answer with an error of the server, with their status codes."""
    found = {}
    large = len(run.document) > LARGE
    for method in ("get", "post"):
        for name, address in addresses(run).items():
            if (large and name not in SOME) or name in UNTOUCHED or (method == "post" and name not in posted):
                continue
            if (status := getattr(person, method)(address).status_code) >= 500:
                found[f"{method} {name}"] = status
    return found


@pytest.fixture
def person(alice: User) -> Client:
    """Alice's browser, which sees the page of an error as people do."""
    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    return browser


@pytest.mark.sampled(20)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("text", IMPORTED.values(), ids=IMPORTED)
def test_every_page_opens_after_an_import(text: str, person: Client, alice: User) -> None:
    assert person.post(reverse("cluster-import"), {"text": text}).status_code < 500
    cluster = Cluster.objects.first()
    if cluster is None:  # refused, with a sentence
        return
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice, state="failed")
    assert failing(person, run, POSTED) == {}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", STORED.values(), ids=STORED)
def test_every_page_of_a_document_that_cannot_be_read_opens(
    text: str, person: Client, cluster: Cluster, make_run: Callable[..., Run]
) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(document=text)
    run = make_run(state="failed", document=text)
    assert failing(person, run, addresses(run)) == {}
    page = person.get(reverse("wizard", args=[cluster.pk, "machines"]), follow=True).content.decode()
    assert "cannot be read" in page
