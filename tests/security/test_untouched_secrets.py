"""Saving the text of a document never loses a secret that was not touched, wherever it is and whatever else changes."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.config.load import load
from clusters.config.secret import MASK
from clusters.wizard.document.editor import editor, typed
from tests.config.test_round_trip import GENTLY

CLUSTER = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: shelf, annotations: {token: Hid-note-1}}
spec:
  hosts:
  - {name: box1, address: 172.16.5.1, user: ops, password: "Hid-host-1"}
  - {name: box2, address: 172.16.5.2, user: ops, password: "Hid-host-2"}
  roleGroups: {etcd: [box1], control-plane: [box1], worker: [box2]}
  kubernetes: {version: v1.34.2, containerManager: containerd, clusterName: cluster.local}
"""
PLACES = {
    "values of a chart": """\
        addons:
        - name: one
          sources: {chart: {name: a, path: /charts/a, values: ["x.secret_key=Hid-chart-1", "x.size=3"]}}
        """,
    "a registry's login": """\
        registry:
          auths: {"reg.example:5000": {username: u, password: Hid-auth-1}}
        """,
    "a script": """\
        system:
          preInstall:
          - name: one
            bash: |
              export DB_PASSWORD=Hid-bash-1
              echo done
        """,
    "a jump host": """\
        jumpHost: {hops: ops@172.16.5.9, password: Hid-jump-1}
        """,
    "a key that nobody knows": """\
        vault: {url: "https://u:Hid-url-1@vault.example", access_token: Hid-vault-1}
        """,
}
BESIDE = {
    "a Secret": """\
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: pull}
        data: {anything: Hid-data-1}
        """,
    "a Manifest": """\
        ---
        apiVersion: kubekey.kubesphere.io/v1alpha2
        kind: Manifest
        spec: {registry: {auths: {reg.example: {password: Hid-manifest-1}}}}
        """,
    "KubeSphere": """\
        ---
        apiVersion: installer.kubesphere.io/v1alpha1
        kind: ClusterConfiguration
        metadata: {name: ks-installer, namespace: kubesphere-system, labels: {version: v3.4.1}}
        spec: {authentication: {jwtSecret: Hid-jwt-1}}
        """,
}
OF_V4 = """\
apiVersion: kubekey.kubesphere.io/v1
kind: Inventory
metadata: {name: shelf}
spec:
  hosts:
    box1:
      connector: {type: ssh, host: 172.16.5.1, user: ops, password: "Hid-host-1"}
      internal_ipv4: 172.16.5.1
      db: {password: Hid-own-1}
    box2: {connector: {type: ssh, host: 172.16.5.2, user: ops, password: "Hid-host-2", token: Hid-token-1}}
  vars: {backup: {secret_key: Hid-vars-1}}
  groups:
    kube_control_plane: {hosts: [box1]}
    kube_worker: {hosts: [box2], vars: {api_token: Hid-group-1}}
    etcd: {hosts: [box1]}
---
apiVersion: kubekey.kubesphere.io/v1
kind: Config
spec:
  image_registry: {auth: {registry: reg.example/p, password: Hid-auth-1}}
  cri: {registry: {auths: [{registry: reg.example, username: u, password: Hid-login-1}]}}
  kubernetes: {kube_version: v1.34.2, certs: {ca_key: Hid-key-1}}
"""
CHANGES = {
    "nothing": ("", ""),
    "a version": ("v1.34.2", "v1.34.1"),
    "an address": ("172.16.5.2", "172.16.5.7"),
    "a user": ("user: ops", "user: admin"),
    "a comment above": ("spec:\n", "# mine\nspec:\n"),
    "a name": ("name: shelf", "name: rack"),
}


def survivors(text: str, change: str) -> tuple[set[str], set[str]]:
    """The secrets before and after the shown text was saved with a change in it."""
    document = load(text).document
    assert document is not None, load(text).findings
    shown = editor(document, text).text
    assert "Hid-" not in shown
    assert MASK in shown
    after = typed(document, text, shown.replace(*CHANGES[change]))
    assert after.complete and after.document is not None, after.editor.reading
    return secrets_in(text), secrets_in(after.text)


def secrets_in(text: str) -> set[str]:
    return {word for word in text.replace('"', " ").replace("}", " ").replace(",", " ").split() if "Hid-" in word}


@GENTLY
@given(
    st.sets(st.sampled_from(sorted(PLACES))), st.sets(st.sampled_from(sorted(BESIDE))), st.sampled_from(sorted(CHANGES))
)
def test_a_save_keeps_every_secret_of_a_cluster_and_of_what_is_beside_it(
    places: set[str], beside: set[str], change: str
) -> None:
    text = CLUSTER + "".join(textwrap.indent(textwrap.dedent(PLACES[each]), "  ") for each in sorted(places))
    before, after = survivors(text + "".join(textwrap.dedent(BESIDE[each]) for each in sorted(beside)), change)
    assert before == after


@pytest.mark.parametrize("change", CHANGES)
def test_a_save_keeps_every_secret_of_an_inventory_and_a_config(change: str) -> None:
    before, after = survivors(OF_V4, change)
    assert len(before) == 9
    assert before == after
