"""Standing shells: checks and small files go through root shells that stay open, with the same results as without."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters.errors import Cancelled
from clusters.remote.errors import CommandTimedOut
from clusters.remote.host import Cancel
from clusters.remote.session import files
from clusters.remote.session.envelope import Become
from clusters.remote.session.root_shells import MOST
from clusters.remote.shell import sh
from clusters.remote.ssh import SMALL, SshHost
from tests.proc import gone, own_seconds, processes, read
from tests.sshd import running_sshd

if TYPE_CHECKING:
    from tests.remote.connection.test_link import Person
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


def test_many_checks_need_only_a_few_shells_from_sudo(sshd: Sshd, person: Person, tmp_path: Path) -> None:
    log = tmp_path / "sudo.log"
    with person(sudo="ALL=(ALL) ALL") as target:
        rule = Path(f"/etc/sudoers.d/{target.user}")
        rule.write_text(f"Defaults:{target.user} logfile={log}\n{rule.read_text()}")
        host = SshHost(target, sshd.known())
        host.become_root()
        before = log.read_text().count("COMMAND=")
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda number: host.run(sh("echo {}", number)).stdout, range(60)))
        asked = log.read_text().count("COMMAND=") - before
        host.close()

    assert answers == [f"{number}\n" for number in range(60)]
    assert 1 <= asked <= MOST


def test_a_standing_shell_is_many_times_faster_than_sudo(root: SshHost) -> None:
    def took(**watched: Any) -> float:
        began = time.monotonic()
        root.run(sh("true"), **watched)
        return time.monotonic() - began

    root.run(sh("true"))
    # Both at the same time, so that a busy machine slows down both.
    ratios = [took(on_line=lambda stream, line: None) / took() for _ in range(9)]
    assert sorted(ratios)[4] > 3


def test_both_streams_and_the_exit_code_are_the_commands_own(root: SshHost) -> None:
    for code in (0, 1, 7, 126, 255):
        result = root.run(sh("printf out; printf err >&2; exit {}", code), check=False)
        assert (result.exit_code, result.stdout, result.stderr) == (code, "out", "err")
    assert root.run(sh("read -r line && echo $line"), check=False).exit_code == 1
    assert root.run(sh("syntax ( error"), check=False).exit_code == 2
    assert root.run(sh("cd /tmp; umask 0; PATH=; exit 0")).ok
    assert root.run(sh("pwd; umask; id -un")).stdout.split()[1:] == ["0022", "root"]


def test_every_byte_of_an_output_arrives(root: SshHost, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "bytes").write_bytes(content)

    assert root.get(str(tmp_path / "bytes")) == content


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_stopped_check_leaves_nothing_running(root: SshHost, how: str) -> None:
    seconds, cancel = own_seconds(), Cancel()
    told = threading.Event()

    def ready(stream: str, line: str) -> None:
        told.set()
        if how == "cancel":
            cancel.ask("enough")

    with pytest.raises((CommandTimedOut, Cancelled)):
        root.run(
            sh("echo ready; sleep {0} & sleep {0}", seconds),
            timeout=0.1,
            more=lambda: 0.0 if how == "timeout" and told.is_set() else 600.0,
            cancel=cancel,
            on_line=ready,
            shared=True,
        )

    assert gone(seconds)
    assert root.run(sh("echo next")).stdout == "next\n"


def test_a_stop_request_before_the_start_is_obeyed(root: SshHost, tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.ask("before")
    with pytest.raises(Cancelled):
        root.run(sh("sleep 1; touch {}", str(tmp_path / "done")), cancel=cancel)

    assert not (tmp_path / "done").exists()


def test_a_killed_shell_is_replaced_without_an_error(root: SshHost) -> None:
    for number in range(3):
        shell = root.run(sh("ps -o ppid= -p $$")).stdout.strip()
        os.kill(int(shell), 9)
        assert root.run(sh("echo {}", number)).stdout == f"{number}\n"


def test_a_command_with_unknown_end_has_failed(root: SshHost) -> None:
    result = root.run(sh("kill -KILL $(ps -o ppid= -p $$); echo printed"), check=False)

    assert (result.exit_code, result.stdout) == (-1, "printed\n")


def test_a_machine_with_few_sessions_keeps_them_for_other_commands(sshd: Sshd, tmp_path: Path) -> None:
    with running_sshd(tmp_path, sshd.user, sshd.password, "MaxSessions 3") as small:
        host = SshHost(small.target(), small.known())
        with ThreadPoolExecutor(3) as pool:
            assert len(list(pool.map(lambda _: host.run(sh("sleep 0.3")), range(3)))) == 3
            lines: list[str] = []
            said = [
                pool.submit(host.run, sh("sleep 0.2; echo {}", n), on_line=lambda stream, line: lines.append(line))
                for n in range(3)
            ]
            assert all(each.result(100).ok for each in said)
        assert host.run(sh("echo still")).stdout == "still\n"
        host.close()

    assert sorted(lines) == ["0", "1", "2"]


@pytest.mark.parametrize("how", ["root", "freely"])
def test_standing_shells_work_without_a_password(sshd: Sshd, person: Person, how: str) -> None:
    with person(sudo="ALL=(ALL) NOPASSWD: ALL") as target:
        host = SshHost(sshd.root() if how == "root" else target, sshd.known())
        assert host.become_root() is (Become.NOBODY_ELSE if how == "root" else Become.FREELY)
        parents = {host.run(sh("ps -o ppid= -p $$")).stdout for _ in range(3)}
        host.close()

    assert len(parents) == 1


def test_a_small_file_with_every_byte_in_it_arrives(root: SshHost, tmp_path: Path) -> None:
    content = bytes(range(256)) * (SMALL // 256)
    for size in (0, 1, 57, 4095, 4097, SMALL):
        place = tmp_path / f"odd 'name' {size}"
        root.put(content[:size], str(place), mode=0o640, owner="root:daemon")
        assert place.read_bytes() == content[:size]
        assert (place.stat().st_mode & 0o777, place.stat().st_uid, place.stat().st_gid) == (0o640, 0, 1)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_content_of_a_small_file_is_not_on_a_command_line(root: SshHost, tmp_path: Path) -> None:
    seen: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.update(read(process, "cmdline") for process in processes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(40):
        root.put(b"correct-horse-battery", str(tmp_path / str(number)), mode=0o600)
    over.set()
    watcher.join()

    assert any(b"base64 -d" in line for line in seen)
    assert not any(b"correct-horse" in line or b"Y29ycmVjdC1ob3JzZ" in line for line in seen)


def test_without_a_decoder_a_small_file_goes_through_its_own_session(
    root: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "DECODER", "base64-that-is-not-there")
    root.put(b"content", str(tmp_path / "file"))

    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_shared_command_is_watched_line_by_line(root: SshHost) -> None:
    parent = root.run(sh("ps -o ppid= -p $$")).stdout
    lines: list[tuple[str, str]] = []
    result = root.run(
        sh("ps -o ppid= -p $$; echo one; echo two >&2; printf half; exit 3"),
        check=False,
        on_line=lambda stream, line: lines.append((stream, line)),
        shared=True,
    )

    assert [line for stream, line in lines if stream == "stdout"] == [parent.rstrip("\n"), "one", "half"]
    assert [line for stream, line in lines if stream == "stderr"] == ["two"]
    assert result.exit_code == 3


def test_an_error_in_the_callback_ends_a_shared_command(root: SshHost) -> None:
    def refuse(stream: str, line: str) -> None:
        raise ZeroDivisionError(line)

    seconds = own_seconds()
    with pytest.raises(ZeroDivisionError, match="first"):
        root.run(sh("echo first; sleep {}", seconds), on_line=refuse, shared=True)

    assert gone(seconds)
    assert root.run(sh("echo next")).stdout == "next\n"


def test_standing_shells_need_no_local_file_descriptors(sshd: Sshd) -> None:
    host = SshHost(sshd.target(), sshd.known())
    host.become_root()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with ThreadPoolExecutor(MOST) as pool:
        assert all(pool.map(lambda _: host.run(sh("sleep 0.3")).ok, range(MOST)))
    after = len(list(Path("/proc/self/fd").iterdir()))
    host.close()

    assert after <= before


def test_a_shell_with_a_background_process_is_not_used_again(root: SshHost) -> None:
    shell = root.run(sh("ps -o ppid= -p $$")).stdout
    seconds = own_seconds()
    left = root.run(sh("{{ sleep 0.7; echo late; sleep {}; }} & ps -o ppid= -p $$", seconds)).stdout
    after = [root.run(sh("sleep 0.4; ps -o ppid= -p $$")).stdout for _ in range(3)]
    root.run(sh("pkill -fx {}", f"sleep {seconds}"))

    assert left == shell
    assert shell not in after
    assert "late" not in "".join(after)


def test_sudo_with_a_pty_changes_no_byte(sshd: Sshd, person: Person, tmp_path: Path) -> None:
    content, seconds = bytes(range(256)) * 100, own_seconds()
    with person(sudo="ALL=(ALL) ALL") as target:
        rule = Path(f"/etc/sudoers.d/{target.user}")
        rule.write_text(f"Defaults:{target.user} use_pty\n{rule.read_text()}")
        host = SshHost(target, sshd.known())
        host.put(content, str(tmp_path / "bytes"))
        parents = {host.run(sh("ps -o ppid= -p $$")).stdout for _ in range(3)}
        assert host.get(str(tmp_path / "bytes")) == content
        assert host.run(sh("printf 'a\\nb'; exit 4"), check=False).stdout == "a\nb"
        with pytest.raises(CommandTimedOut):
            host.run(sh("sleep {0} & sleep {0}", seconds), timeout=0.5)
        host.close()

    assert len(parents) == 1
    assert gone(seconds)
