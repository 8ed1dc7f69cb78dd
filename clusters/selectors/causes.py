"""Likely causes of a failure, read from what was found and printed; each with something to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MOST_CAUSES = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """Why it may have failed, and what to do about it."""

    title: str | _StrPromise
    remedy: str | _StrPromise


KNOWN: tuple[tuple[re.Pattern[str], Cause], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), Cause(title, remedy))
    for pattern, title, remedy in (
        (
            r"no space left|disk (is )?full|ENOSPC|DiskPressure|not enough free space",
            _("The disk of the machine is full"),
            _("Make room, above all below /var, and retry."),
        ),
        (
            r"address already in use|port \d+ is (already )?in use|Port-\d+",
            _("Something else listens on a port that is needed"),
            _("Look with ss -tlnp which process it is, and stop it or remove what is left of an earlier cluster."),
        ),
        (
            r"x509|certificate (has expired|is not yet valid|signed by unknown)|tls: ",
            _("A certificate is not accepted"),
            _("Compare the clocks of the machines; then look for certificates left by an earlier installation."),
        ),
        (
            r"could not resolve|name or service not known|temporary failure in name resolution|no such host",
            _("A name cannot be resolved"),
            _("Check the name servers of the machine (/etc/resolv.conf) and the spelling of the name."),
        ),
        (
            r"permission denied|not in the sudoers|a password is required|operation not permitted",
            _("The account may not do this"),
            _("Check user, password and sudo of the machine on the connection page."),
        ),
        (
            r"connection refused|no route to host|network is unreachable|connection reset|broken pipe"
            r"|does not answer|went away|closed the connection",
            _("The machine, or something on it, cannot be reached"),
            _("Is it on, is its network up, does a firewall stand between? Then retry."),
        ),
        (
            r"timed? ?out|deadline exceeded|took longer than|within \d+ ?s",
            _("Something took longer than it may"),
            _("Look at the load of the machine and the speed of its disk and network, then retry."),
        ),
        (
            r"manifest unknown|pull access denied|ErrImagePull|ImagePullBackOff|failed to pull",
            _("An image cannot be had"),
            _("Check the artifact source and the name of the image."),
        ),
        (
            r"checksum|sha256|digest mismatch|unexpected EOF|corrupt",
            _("A file arrived damaged or is another one than expected"),
            _("Delete it from the artifact source, fetch it again and compare its checksum."),
        ),
        (
            r"unable to locate package|no package .{1,100} available|dpkg was interrupted|could not get lock"
            r"|unmet dependenc",
            _("The package manager of the machine is not in order"),
            _("Run its update by hand once, let a running one end, then retry."),
        ),
        (
            r"etcdserver|etcd cluster is unavailable|no leader",
            _("etcd has no majority"),
            _("Look at the etcd steps on all members; more than half of them must be up."),
        ),
        (
            r"swap|cgroup|modprobe|module .{1,100} not found|kernel",
            _("The kernel of the machine is not set up as Kubernetes wants it"),
            _("Look at the facts of the machine and at the prechecks about its kernel."),
        ),
        (
            r"out of memory|cannot allocate memory|oom-?kill",
            _("The machine ran out of memory"),
            _("Give it more memory or stop what else runs there."),
        ),
    )
)


def likely_causes(failure: dict[str, Any]) -> list[Cause]:
    """The causes that fit what was found, then those that fit only the lines before; none when nothing is known."""
    found = str(failure.get("found", ""))
    lines = "\n".join(map(str, failure.get("lines") or ()))
    first = [cause for pattern, cause in KNOWN if pattern.search(found)]
    then = [cause for pattern, cause in KNOWN if pattern.search(lines) and cause not in first]
    return [*first, *then][:MOST_CAUSES]
