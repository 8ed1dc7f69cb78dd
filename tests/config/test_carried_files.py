"""Only the command line reads files whose paths are in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.carried_files import LARGEST, carry, packed, paths_left, unpacked
from clusters.config.dialects.render import render
from clusters.config.load import load
from clusters.config.schema import CustomScript, Etcd, ExternalEtcd, System
from clusters.config.secret import Secret
from clusters.errors import ConfigError
from tests.config.documents import seed_document

if TYPE_CHECKING:
    from pathlib import Path

PEM = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nBB\n-----END PRIVATE KEY-----\n"


def test_what_was_read_is_in_the_document_and_survives_being_stored(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "my tool").write_bytes(b"\0\xff")
    given = ExternalEtcd(endpoints=("https://10.1.2.3:2379",), ca_file="ca.pem", cert_file=PEM, key_file="key.pem")
    script = CustomScript(bash="./my_tool", materials=(str(tmp_path / "my tool"),))
    document = seed_document(etcd=Etcd(type="external", external=given), system=System(pre_install=(script,)))
    assert len(paths_left(document)) == 3
    found = carry(document, tmp_path)
    assert paths_left(found) == ()
    assert isinstance(found.etcd.external.key_file, Secret)
    assert unpacked(found.system.pre_install[0].materials[0]) == ("my_tool", b"\0\xff")
    assert load(render(found, secrets="show")).document == found
    assert carry(found, tmp_path) == found


def test_a_file_that_cannot_be_embedded_is_reported(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    with pytest.raises(ConfigError, match="larger than"):
        packed(tmp_path / "large")
    with pytest.raises(ConfigError, match="Cannot read"):
        packed(tmp_path / "nothing")
    given = ExternalEtcd(ca_file="large", cert_file=PEM, key_file=KEY)
    (tmp_path / "large").write_text("no certificate")
    with pytest.raises(ConfigError, match="certificate or a key in PEM"):
        carry(seed_document(etcd=Etcd(type="external", external=given)), tmp_path)


@pytest.mark.parametrize("text", ["data:a;base64,x", "data:a,x", "data:a/b;base64,AAAA", "data:"])
def test_a_damaged_embedded_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="data:NAME"):
        unpacked(text)
