"""Wanted states that come from the artifact source: binaries in their place, images in the runtime."""

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
"""Where archives are unpacked on a machine; on /var because /tmp may be small or in memory."""


def binary(artifact: Artifact, path: str) -> Wanted:
    """One executable file from the source at this path, equal to it byte for byte."""

    def look(machine: Machine) -> Sight:
        answer = machine.ask(sh("test -x {} && {}", path, digests_of([path])))
        now = answer.stdout[:64].strip() if answer.ok else ""
        return Sight(now == artifact.sha256, f"{path} is another file" if now else f"there is no {path}")

    def act(machine: Machine) -> None:
        machine.note(f"putting {artifact.component} {artifact.version} at {path}")
        machine.put(artifact.path, path, mode=0o755)

    return Wanted(f"{path} is {artifact.component} {artifact.version}", look, act, (path,))


def unpacked(artifact: Artifact, members: Mapping[str, str]) -> Wanted:
    """Members of a tar archive as executables: name in the archive -> path on the machine."""
    held = member_digests(artifact.path, tuple(members), artifact.sha256)
    digests = {path: held[name][1] for name, path in members.items()}

    def look(machine: Machine) -> Sight:
        answer = machine.ask(digests_of(digests))
        now = {line[66:]: line[:64] for line in answer.stdout.splitlines()}
        off = [path for path, digest in digests.items() if now.get(path) != digest]
        return Sight(not off, f"missing or other: {', '.join(off)}" if off else "")

    def act(machine: Machine) -> None:
        _say_sending(machine, artifact)
        aside = f"{INCOMING}/{artifact.path.name}.d"
        names = words(held[name][0] for name in members)
        # Nobody else looks into the folder meanwhile, and nothing is placed that became a link on the way.
        unpack = sh(
            "rm -rf {0} && mkdir -p {3} && mkdir -m 0700 {0} && tar -x{1} -C {0} {2}",
            aside,
            packing(artifact.path),
            names,
            INCOMING,
        )
        # Copied beside its place and moved there: a running program is never written over.
        place = [
            sh("[ ! -L {0}/{1} ] && install -m 0755 {0}/{1} {2}.new && mv {2}.new {2}", aside, held[name][0], path)
            for name, path in members.items()
        ]
        machine.do(all_of((unpack, *place, sh("rm -rf {}", aside))), stdin=artifact.path)

    return Wanted(f"{artifact.component} {artifact.version} is unpacked", look, act, tuple(digests))


def digests_of(paths: Iterable[str]) -> Command:
    """Prints SHA-256 and path of each file that is there. openssl is asked first: it uses what processors have for this
    and is three times as fast; it says it as sha256sum does."""
    return sh("{{ openssl dgst -sha256 -r {0} || sha256sum {0}; }} 2>/dev/null", words(paths))


class ImageCommands(Protocol):
    """What is asked of a container runtime about one image."""

    @property
    def has(self) -> Callable[[str], Command]:
        """Whether it is there, by its name."""
        ...

    @property
    def load(self) -> Callable[[str], Command]:
        """Take it, by its name, from an archive on standard input."""
        ...

    @property
    def pull(self) -> Callable[[str], Command]:
        """Fetch it from its registry."""
        ...

    @property
    def pin(self) -> Callable[[str], Command] | None:
        """Keep it from kubelet's garbage collection; None where a runtime cannot."""
        ...

    @property
    def is_pinned(self) -> Callable[[str], Command]:
        """Whether it is kept so, by its name."""
        ...


def image(ref: str, artifact: Artifact | None, runtime: ImageCommands) -> Wanted:
    """A container image in the runtime: loaded from the source's archive, or pulled by the machine itself.

    One from an archive is pinned where the runtime can: kubelet deletes images when the disk is 85 % full, and this one
    would have nowhere to come back from.
    """
    pin = runtime.pin if artifact is not None else None

    def look(machine: Machine) -> Sight:
        # A pinned image is there, too: one question is enough where nothing has to be done.
        if pin is not None and machine.ask(runtime.is_pinned(ref)).ok:
            return Sight(True)
        if not machine.ask(runtime.has(ref)).ok:
            return Sight(False, "the runtime does not have it")
        return Sight(pin is None, "" if pin is None else "it is not pinned, so kubelet may delete it")

    def act(machine: Machine) -> None:
        if artifact is None:
            _pull(machine, ref, runtime.pull(ref))
        elif not machine.ask(runtime.has(ref)).ok:
            _say_sending(machine, artifact)
            machine.do(runtime.load(ref), stdin=artifact.path)
        if pin is not None:
            machine.do(pin(ref))

    return Wanted(f"image {ref} is there", look, act)


def _pull(machine: Machine, ref: str, command: Command) -> None:
    """Have the machine fetch an image itself, by way of the runtime's own registry settings."""
    try:
        machine.do(command)
    except CommandFailed as error:
        said = " ".join(error.result.last_lines(1)).strip() or error.message
        raise SourceError(
            f"{machine.name} cannot pull {ref}: {said}",
            hint=f"Machines fetch images themselves: {machine.name} needs a way to {ref.partition('/')[0]}. "
            "A bundle that has the image needs none.",
            retryable=True,
        ) from error


def _say_sending(machine: Machine, artifact: Artifact) -> None:
    machine.note(f"sending {artifact.path.name}, {artifact.path.stat().st_size / 1e6:.0f} MB")
