"""Writing and reading files on a machine: the shell side of `Host.put` and `Host.get`."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import RemoteError
from clusters.remote.errors import FileMissing, FileTooLarge
from clusters.remote.shell import Command, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.remote.host import Result

# Bytes of a file that are passed to the connection at a time: what fits into one packet of OpenSSH, because
# paramiko copies the rest of a larger piece for each packet. SSH's own window paces the transfer.
CHUNK = 32 * 1024 - 64
_FULL = "no space left on device"
_ENDED_EARLY, _IS_DIRECTORY, _MISSING = 74, 73, 66
DECODER = "base64"
NO_DECODER = 69
"""The exit code of an install command for encoded content where the machine has no decoder."""

# The bytes go to a new file that only root can read, in the target's own directory, so that moving it is
# atomic. Its name starts with a dot: kubelet, cron and systemd ignore such files. A connection that
# breaks looks like the end of input, so the size is compared before anything is replaced.
_INSTALL = """
{ready}
if [ -d {path} ]; then exit {is_directory}; fi
mkdir -p -- {parent} && new=$(mktemp {pattern}) || exit 1
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
{take} > "$new" || exit 1
[ "$(wc -c < "$new")" -eq {size} ] || exit {ended_early}
chown -- {owner} "$new" && chmod {mode} "$new" && mv -f -- "$new" {path}
"""


def install_command(path: str, *, size: int, mode: int, owner: str, encoded: bool = False) -> Command:
    """The command that reads `size` bytes of content and puts it at `path`; `encoded`: it comes in Base64.

    Raises RemoteError for a bad path.
    """
    if not path.startswith("/") or path.endswith("/") or "\x00" in path:
        raise RemoteError(f"The path of a file must be absolute and name a file; found {path!r}.")
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    parent = posixpath.dirname(path)
    values: dict[str, str | int | Command] = {
        "ready": sh("command -v {} >/dev/null || exit {}", DECODER, NO_DECODER) if encoded else Command(":"),
        "take": sh("{} -d", DECODER) if encoded else Command("cat"),
        "path": path,
        "is_directory": _IS_DIRECTORY,
        "parent": parent,
        "pattern": posixpath.join(parent, ".slipway.XXXXXXXXXX"),
        "size": size,
        "ended_early": _ENDED_EARLY,
        "owner": owner,
        "mode": f"{mode:04o}",
    }
    return _fill(_INSTALL, values)


def read_command(path: str, most: int) -> Command:
    """The command that prints a file; of one with more than `most` bytes just enough to show that."""
    if "\x00" in path:
        raise RemoteError(f"A path must not contain NUL; found {path!r}.")
    return sh(
        "if [ -d {0} ]; then exit {1}; fi; if [ ! -e {0} ]; then exit {2}; fi; head -c {3} < {0}",
        path,
        _IS_DIRECTORY,
        _MISSING,
        most + 1,
    )


def chunks_of(content: bytes | Path) -> Iterator[bytes]:
    """The content in pieces; a local file is never in memory as a whole."""
    if isinstance(content, Path):
        with content.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
        return
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


def why_not_written(name: str, path: str, result: Result) -> RemoteError:
    """The error for an install command that failed."""
    if result.exit_code == _IS_DIRECTORY:
        return RemoteError(f"{path} on {name} is a directory; expected a file or nothing there.")
    if result.exit_code == _ENDED_EARLY:
        return RemoteError(
            f"{path} on {name} was not written: fewer bytes arrived than were sent.",
            hint="The connection broke, or the local file changed meanwhile. Try again.",
            retryable=True,
        )
    output = " ".join(result.last_lines(2)) or f"exit code {result.exit_code}"
    if _FULL in output.lower():
        return RemoteError(
            f"The disk of {name} is full: {path} could not be written, and no part of it was left there.",
            hint=f"Free some space (on the machine: df -h {posixpath.dirname(path)}), then retry.",
        )
    return RemoteError(
        f"{path} could not be written on {name}: {output}",
        hint="Is the disk read-only, or are there no inodes left? (`mount`, `df -i` on the machine)",
    )


def why_not_read(name: str, path: str, result: Result) -> RemoteError:
    """The error for a read command that failed."""
    if result.exit_code == _MISSING:
        return FileMissing(f"{path} does not exist on {name}.")
    if result.exit_code == _IS_DIRECTORY:
        return RemoteError(f"{path} on {name} is a directory; expected a file.")
    return RemoteError(f"{path} on {name} could not be read: {' '.join(result.last_lines(2))}")


def too_large(name: str, path: str, most: int) -> FileTooLarge:
    """The error for a file that is longer than the caller accepts."""
    return FileTooLarge(
        f"{path} on {name} has more than {most:,} bytes, too many for such a file.",
        hint=f"Check it on the machine (ls -l {path}); neither Slipway nor Kubernetes wrote a file that large.",
    )


def _fill(template: str, values: dict[str, str | int | Command]) -> Command:
    """`sh()` with names instead of positions, for a script that uses a value several times."""
    names = list(values)
    for index, name in enumerate(names):
        template = template.replace("{" + name + "}", "{" + str(index) + "}")
    return sh(template, *values.values())
