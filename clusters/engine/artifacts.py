"""Wanted states from the artifact source: binaries at their paths, images in the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from clusters.engine.archives import member_digests, packing
from clusters.engine.wants import Sight, Wanted, directory
from clusters.errors import SourceError
from clusters.remote.host import CommandFailed
from clusters.remote.shell import all_of, sh, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from clusters.engine.machine import Machine
    from clusters.engine.source import Artifact
    from clusters.remote.shell import Command

__all__ = ["ImageCommands", "binary", "directory", "image", "unpacked"]

INCOMING = "/var/lib/slipway/incoming"
"""Where archives are unpacked on a machine; under /var because /tmp may be small or in memory."""


def binary(artifact: Artifact, path: str) -> Wanted:
    """One executable file from the source at this path, identical byte for byte."""

    def look(machine: Machine) -> Sight:
        answer = machine.ask(sh("test -x {} && {}", path, digests_of([path])))
        now = answer.stdout[:64].strip() if answer.ok else ""
        return Sight(now == artifact.sha256, f"{path} is a different file" if now else f"there is no {path}")

    def act(machine: Machine) -> None:
        machine.note(f"putting {artifact.component} {artifact.version} at {path}")
        machine.put(artifact.path, path, mode=0o755)

    return Wanted(f"{path} is {artifact.component} {artifact.version}", look, act, (path,))


def unpacked(artifact: Artifact, members: Mapping[str, str]) -> Wanted:
    """Members of a tar archive as executables: name in the archive -> path on the machine."""
    contents = member_digests(artifact.path, tuple(members), artifact.sha256)
    digests = {path: contents[name][1] for name, path in members.items()}

    def look(machine: Machine) -> Sight:
        answer = machine.ask(digests_of(digests))
        now = {line[66:]: line[:64] for line in answer.stdout.splitlines()}
        wrong = [path for path, digest in digests.items() if now.get(path) != digest]
        return Sight(not wrong, f"missing or different: {', '.join(wrong)}" if wrong else "")

    def act(machine: Machine) -> None:
        _note_sending(machine, artifact)
        aside = f"{INCOMING}/{artifact.path.name}.d"
        names = words(contents[name][0] for name in members)
        # Only root can open the folder meanwhile, and a file that became a link is not installed.
        unpack = sh(
            "rm -rf {0} && mkdir -p {3} && mkdir -m 0700 {0} && tar -x{1} -C {0} {2}",
            aside,
            packing(artifact.path),
            names,
            INCOMING,
        )
        # Copied beside its target and moved there: a running program is never overwritten.
        place = [
            sh("[ ! -L {0}/{1} ] && install -m 0755 {0}/{1} {2}.new && mv {2}.new {2}", aside, contents[name][0], path)
            for name, path in members.items()
        ]
        machine.do(all_of((unpack, *place, sh("rm -rf {}", aside))), stdin=artifact.path)

    return Wanted(f"{artifact.component} {artifact.version} is unpacked", look, act, tuple(digests))


def digests_of(paths: Iterable[str]) -> Command:
    """Prints SHA-256 and path of each existing file. openssl comes first: it uses the processor's SHA instructions
    and is three times as fast; its output has the format of sha256sum."""
    return sh("{{ openssl dgst -sha256 -r {0} || sha256sum {0}; }} 2>/dev/null", words(paths))


class ImageCommands(Protocol):
    """The commands of a container runtime for one image, each by the image's name."""

    @property
    def has(self) -> Callable[[str], Command]:
        """Succeeds if the runtime has the image."""
        ...

    @property
    def load(self) -> Callable[[str], Command]:
        """Loads the image from an archive on standard input."""
        ...

    @property
    def pull(self) -> Callable[[str], Command]:
        """Pulls the image from its registry."""
        ...

    @property
    def pin(self) -> Callable[[str], Command] | None:
        """Protects the image from kubelet's garbage collection; None where a runtime cannot."""
        ...

    @property
    def is_pinned(self) -> Callable[[str], Command]:
        """Succeeds if the image is pinned."""
        ...


def image(ref: str, artifact: Artifact | None, runtime: ImageCommands) -> Wanted:
    """A container image in the runtime: loaded from the source's archive, or pulled by the machine itself.

    An image from an archive is pinned where the runtime can: kubelet deletes images when the disk is 85 % full, and
    this one could not be pulled again.
    """
    pin = runtime.pin if artifact is not None else None
    present = False

    def look(machine: Machine) -> Sight:
        nonlocal present
        # A pinned image is also present: one question is enough when there is nothing to do.
        if pin is not None and machine.ask(runtime.is_pinned(ref)).ok:
            return Sight(True)
        present = machine.ask(runtime.has(ref)).ok
        if not present:
            return Sight(False, "the runtime does not have it")
        return Sight(pin is None, "" if pin is None else "it is not pinned, so kubelet may delete it")

    def act(machine: Machine) -> None:
        if artifact is None:
            _pull(machine, ref, runtime.pull(ref))
        elif not present:
            _note_sending(machine, artifact)
            machine.do(runtime.load(ref), stdin=artifact.path)
        if pin is not None:
            machine.do(pin(ref))

    return Wanted(f"image {ref} is there", look, act)


def _pull(machine: Machine, ref: str, command: Command) -> None:
    """Make the machine pull an image itself, with the runtime's own registry settings."""
    try:
        machine.do(command)
    except CommandFailed as error:
        reason = " ".join(error.result.last_lines(1)).strip() or error.message
        raise SourceError(
            f"{machine.name} cannot pull {ref}: {reason}",
            hint=f"Machines pull images themselves: {machine.name} must reach {ref.partition('/')[0]}. "
            "With a bundle that contains the image it need not.",
            retryable=True,
        ) from error


def _note_sending(machine: Machine, artifact: Artifact) -> None:
    machine.note(f"sending {artifact.path.name}, {artifact.path.stat().st_size / 1e6:.0f} MB")
