"""The configuration that a joining control plane stores is not a foreign change, unless the document differs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.steps.kubernetes import stored_configuration
from tests.catalog.pretend import pretend
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ours", [True, False])
def test_only_a_configuration_from_this_document_is_annotated(
    archive: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    places = stored_configuration._wanted(cluster)
    for (name, key), digest in places.items():
        notes = {
            stored_configuration.WANTED: digest if ours else "another document",
            stored_configuration.STORED: "as kubeadm first wrote it",
        }
        item = {"metadata": {"annotations": notes}, "data": {key: "words of a join"}}
        hosts["node1"].answer(f"get configmap {name}", Answer(json.dumps(item)))
    stored_configuration.annotate_after_join(cluster.machine("node1"), cluster)
    commands = [each.command for each in hosts["node1"].ran if " annotate configmap " in each.command]
    assert len(commands) == (len(places) if ours else 0)
    note = f"{stored_configuration.STORED}={stored_configuration.digest_of('words of a join')}"
    assert all(note in command for command in commands)
