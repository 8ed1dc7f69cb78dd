"""Likely causes of a failure, derived from what was found and printed; each with a remedy."""

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
    """A possible cause, and what to do about it."""

    title: str | _StrPromise
    remedy: str | _StrPromise


KNOWN: tuple[tuple[re.Pattern[str], Cause], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), Cause(title, remedy))
    for pattern, title, remedy in (
        (
            r"no space left|disk (is )?full|ENOSPC|DiskPressure|not enough free space",
            _("The disk of the machine is full"),
            _("Free some space, above all in /var, then retry."),
        ),
        (
            r"address already in use|port \d+ is (already )?in use|Port-\d+",
            _("Another process listens on a required port"),
            _("Find the process with ss -tlnp, and stop it or remove the remains of an earlier cluster."),
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
            _("The account lacks a permission"),
            _("Check user, password and sudo of the machine on the connection page."),
        ),
        (
            r"connection refused|no route to host|network is unreachable|connection reset|broken pipe"
            r"|does not answer|went away|closed the connection",
            _("The machine, or a service on it, is unreachable"),
            _("Check its power, its network and firewalls on the route, then retry."),
        ),
        (
            r"timed? ?out|deadline exceeded|took longer than|within \d+ ?s",
            _("An operation timed out"),
            _("Check the load of the machine and the speed of its disk and network, then retry."),
        ),
        (
            r"manifest unknown|pull access denied|ErrImagePull|ImagePullBackOff|failed to pull",
            _("An image is unavailable"),
            _("Check the artifact source and the name of the image."),
        ),
        (
            r"checksum|sha256|digest mismatch|unexpected EOF|corrupt",
            _("A file is damaged or not the expected one"),
            _("Delete it from the artifact source, fetch it again and compare its checksum."),
        ),
        (
            r"unable to locate package|no package .{1,100} available|dpkg was interrupted|could not get lock"
            r"|unmet dependenc",
            _("The package manager of the machine has a problem"),
            _("Run its update once by hand, wait for a running one to end, then retry."),
        ),
        (
            r"etcdserver|etcd cluster is unavailable|no leader",
            _("etcd has no majority"),
            _("Check the etcd steps on all members; more than half of the members must be running."),
        ),
        (
            r"swap|cgroup|modprobe|module .{1,100} not found|kernel",
            _("The machine's kernel is not set up for Kubernetes"),
            _("Check the facts of the machine and the prechecks about its kernel."),
        ),
        (
            r"out of memory|cannot allocate memory|oom-?kill",
            _("The machine ran out of memory"),
            _("Give it more memory or stop other programs on it."),
        ),
    )
)


def likely_causes(failure: dict[str, Any]) -> list[Cause]:
    """The causes that match what was found, then those that match only the lines before; empty if none match."""
    found = str(failure.get("found", ""))
    lines = "\n".join(map(str, failure.get("lines") or ()))
    first = [cause for pattern, cause in KNOWN if pattern.search(found)]
    then = [cause for pattern, cause in KNOWN if pattern.search(lines) and cause not in first]
    return [*first, *then][:MOST_CAUSES]
