"""Secrets are revealed only in the listed places, and no repr shows one."""

from __future__ import annotations

import ast
import re

from clusters.catalog.load_balancers.haproxy import Proxy
from clusters.config.load import load
from clusters.engine import events
from clusters.engine.wants import file
from clusters.remote.shell import sh
from clusters.services.credentials import Given
from tests.test_house_rules import ROOT, SHIPPED, name

HIDDEN = "Hidden-text-1"
PART = "## Where secrets are unwrapped"


def test_every_place_that_unwraps_a_secret_is_named_and_no_other() -> None:
    calls = {
        name(path)
        for path in SHIPPED
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "reveal"
    }
    text = (ROOT / "docs" / "security.md").read_text()
    named = set(re.findall(r"`(clusters/[\w/]+\.py)`", text.partition(PART)[2].partition("\n## ")[0]))
    assert calls - named == set(), "docs/security.md has to name them, and why"
    assert named - calls == set()


def test_no_repr_of_a_want_a_command_or_an_event_shows_what_it_holds() -> None:
    holders = (
        file("/etc/x", HIDDEN),
        sh("echo {}", HIDDEN),
        events.Output(host="node1", step="s", text=HIDDEN),
        events.WantSeen(host="node1", step="s", what="x", state="x", diff=HIDDEN),
        Given(password=HIDDEN, private_key=HIDDEN, passphrase=HIDDEN),
        Proxy(*[HIDDEN] * len(Proxy.__dataclass_fields__)),
    )
    assert [type(each).__name__ for each in holders[:-1] if HIDDEN in repr(each)] == []
    assert f"config='{HIDDEN}'" not in repr(holders[-1])


def test_no_repr_of_a_document_shows_secrets_in_its_scripts_and_arguments() -> None:
    text = f"""\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {{name: sample}}
spec:
  hosts:
  - {{name: node1, address: 10.99.0.1, password: {HIDDEN}}}
  kubernetes:
    version: v1.30.4
    apiserverArgs: [oidc-client-secret={HIDDEN}, v=2]
  system:
    preInstall:
    - {{name: prepare, bash: "export A_TOKEN={HIDDEN}"}}
  addons:
  - {{name: x, sources: {{yaml: {{values: {{token: {HIDDEN}}}}}}}}}
"""
    document = load(text).document
    assert document is not None
    assert HIDDEN not in repr(document) and "v=2" in repr(document) and "prepare" in repr(document)
