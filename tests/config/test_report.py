"""`config check` and `config show`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.core.management.base import CommandError

from clusters.config.dialects.render import files, render
from clusters.config.report import report
from clusters.management.commands.config import Command
from tests.config.documents import seed_document

if TYPE_CHECKING:
    from pathlib import Path

GOOD = render(seed_document(), dialect="v1alpha1", secrets="show")
BAD = GOOD.replace("plugin: bridge", "plugin: calicoo").replace("  name: sample\n", "  name: my cluster\n")


def _run(**options: object) -> str:
    out = io.StringIO()
    Command(stdout=out, stderr=io.StringIO(), no_color=True).handle(**options)
    return out.getvalue()


def test_errors_come_first_and_a_sentence_sums_up() -> None:
    result = report([("good.yaml", GOOD), ("bad.yaml", BAD)])
    assert result.failed
    assert "good.yaml: can be installed, 0 errors and 0 warnings." in result.lines
    bad = result.lines[result.lines.index("Errors in bad.yaml:") :]
    assert bad[1].startswith("  bad.yaml:5:3 metadata.name - 'my cluster' is not a valid name.")
    assert bad[2].startswith(
        "  bad.yaml:32:5 spec.network.plugin - 'calicoo' is not a network plugin. (Did you mean calico?)"
    )
    assert bad[-1] == "bad.yaml: cannot be installed, 2 errors and 0 warnings."


def test_check_ends_with_1_on_errors_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(BAD, encoding="utf-8")
    assert "can be installed" in _run(verb="check", files=[str(good)])
    with pytest.raises(SystemExit) as stopped:
        _run(verb="check", files=[str(good), str(bad)])
    assert stopped.value.code == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    assert "stdin: can be installed" in _run(verb="check", files=["-"])


def test_show_masks_secrets_and_translates(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert _run(verb="show", files=[str(file)], dialect=None, with_secrets=True) == GOOD
    masked = _run(verb="show", files=[str(file)], dialect="v1alpha2", with_secrets=False)
    assert "Testing123" not in masked
    assert "kubekey.kubesphere.io/v1alpha2" in masked


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.encode("utf-16"), "is not UTF-8 text, but UTF-16. (Save it as UTF-8"),
        (f"{GOOD}# 集群\n".encode("gbk"), "is not UTF-8 text. (Save it as UTF-8"),
        (None, "No such file or directory. [file.unreadable]"),
    ],
)
def test_check_reports_an_unreadable_file_and_goes_on(tmp_path: Path, content: bytes | None, message: str) -> None:
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    if content is not None:
        bad.write_bytes(content)
    good.write_text(GOOD, encoding="utf-8")
    out = io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        Command(stdout=out, stderr=io.StringIO(), no_color=True).handle(verb="check", files=[str(bad), str(good)])
    assert stopped.value.code == 1
    assert message in out.getvalue()
    assert "good.yaml: can be installed" in out.getvalue()


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        _run(verb="show", files=[str(tmp_path / "none.yaml")], dialect=None, with_secrets=False)
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [", encoding="utf-8")
    with pytest.raises(CommandError, match="Invalid YAML"):
        _run(verb="show", files=[str(broken)], dialect=None, with_secrets=False)


def test_kubekey_4s_two_files_are_read_and_written_as_two_files(tmp_path: Path) -> None:
    texts = files(seed_document(), dialect="v4", secrets="show")
    given = [tmp_path / name for name in texts]
    for path, text in zip(given, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    target = str(tmp_path / "out")
    _run(verb="show", files=list(map(str, given)), dialect=None, with_secrets=True, to=target)
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()}
    assert written == texts
