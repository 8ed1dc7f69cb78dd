"""What a joining control plane stores anew is nobody's change, unless the document was another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.steps.kubernetes import kept
from tests.catalog.pretend import pretend
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ours", [True, False])
def test_only_what_was_made_from_this_document_is_noted(
    archive: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    places = kept._wanted(cluster)
    for (name, key), digest in places.items():
        notes = {kept.WANTED: digest if ours else "another document", kept.STORED: "as kubeadm first wrote it"}
        item = {"metadata": {"annotations": notes}, "data": {key: "words of a join"}}
        hosts["node1"].answer(f"get configmap {name}", Answer(json.dumps(item)))
    kept.note_what_a_join_stored(cluster.machine("node1"), cluster)
    noted = [each.command for each in hosts["node1"].ran if " annotate configmap " in each.command]
    assert len(noted) == (len(places) if ours else 0)
    assert all(f"{kept.STORED}={kept.digest_of('words of a join')}" in command for command in noted)
