"""`plan` reports a file that it cannot read in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# 集群\n".encode("gbk"), "is not UTF-8 text"),
        ("a: 1\n".encode("utf-16"), "but UTF-16"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "a.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        call_command("plan", str(file))
