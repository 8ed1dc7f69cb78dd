"""The identity of a cluster in the database: its UUID, and the authority in its kubeconfig."""

from __future__ import annotations

import base64

import pytest
import yaml

from clusters.catalog import pki
from clusters.catalog.identity import pin_of
from clusters.models import Cluster
from clusters.runs.identities import identity_of


def test_a_kubeconfig_gives_the_hash_of_its_authority() -> None:
    certificate = pki.make_authority("kubernetes").certificate
    entry = {"cluster": {"certificate-authority-data": base64.b64encode(certificate).decode()}}
    cluster = Cluster(kubeconfig=yaml.safe_dump({"clusters": [entry]}))
    assert identity_of(cluster).authority == pin_of(certificate)
    assert identity_of(cluster).id == str(cluster.identity)


@pytest.mark.parametrize("text", ["", "a: [", "7", "clusters: []", "clusters: [{cluster: {}}]", "[]"])
def test_without_a_readable_authority_only_the_uuid_counts(text: str) -> None:
    cluster, other = Cluster(kubeconfig=text), Cluster()
    assert identity_of(cluster).authority == "" and identity_of(cluster).id != identity_of(other).id
