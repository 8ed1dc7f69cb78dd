"""Becoming root: found out once per connection, and a password is tried once only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.plaintext import plain_text
from clusters.remote.errors import SudoNotAllowed, SudoPasswordNeeded, SudoPasswordWrong, SudoRefused, SudoSilent
from clusters.remote.session.envelope import Become
from clusters.remote.session.perform import Limits, Way, perform
from clusters.remote.shell import Command

if TYPE_CHECKING:
    from clusters.remote.connection.link import Link
    from clusters.remote.session.perform import Performed
    from clusters.remote.target import Target

# sudo asks PAM, which may ask a directory server; longer than this is a hang, in seconds.
PATIENCE = 60.0

_ASK = Command(
    "if ! command -v sudo >/dev/null; then echo absent; exit; fi\n"
    "if sudo -n -k -H -- /bin/sh -c 'setsid /bin/sh -c \"exit 0\"; exit $?' sh; then echo free; else echo password; fi"
)


def way_to_root(link: Link, target: Target, *, is_root: bool, plain: Way) -> Way:
    """How this login, which runs commands the `plain` way, becomes root.

    Raises SudoNotAllowed, SudoPasswordNeeded, SudoPasswordWrong or SudoSilent.
    """
    if is_root:
        return plain
    octal = plain.octal
    limits = Limits(timeout=PATIENCE)
    asked = perform(link, target.name, _ASK, plain, limits=limits)
    if asked.timed_out:
        raise _silent(target, asked)
    found, said = asked.out.text().strip(), asked.err.text()
    if found == "free":
        return Way(Become.FREELY, octal=octal)
    if found == "absent":
        raise SudoNotAllowed(
            f"{target.user} is not root on {target.name}, and sudo is not installed there.",
            hint="Install sudo, or log in as root.",
        )
    if "password is required" not in said:
        raise refusal(target, said)
    if not target.password:
        raise SudoPasswordNeeded(
            f"sudo on {target.name} wants the password of {target.user}, and none is given.",
            hint="Give the password as well as the key, or allow sudo without one (NOPASSWD).",
        )
    way = Way(Become.BY_PASSWORD, target.password, octal)
    tried = perform(link, target.name, Command("true"), way, limits=limits)
    if tried.timed_out:
        raise _silent(target, tried)
    if not tried.started:
        raise refusal(target, tried.err.text())
    return way


def _silent(target: Target, performed: Performed) -> SudoSilent:
    """The error for a sudo that neither let anybody in nor refused within its time."""
    return SudoSilent(
        f"sudo on {target.name} did not answer {target.user} within {performed.allowed:.0f} s.",
        hint="It may wait for a directory server or a name server that does not answer. "
        "Run `sudo -v` on the machine, then retry.",
    )


def refusal(target: Target, said: str) -> SudoRefused:
    """The error for what sudo said (in English, as LC_ALL=C makes it)."""
    who = f"{target.user} may not become root on {target.name}"
    if "must have a tty" in said or "requiretty" in said:
        return SudoNotAllowed(
            f"{who}: sudo there wants a terminal.", hint="Remove `requiretty` from the machine's /etc/sudoers."
        )
    if "is not allowed to" in " ".join(said.split()):
        return SudoNotAllowed(
            f"{who}: sudo allows this user only certain other commands.", hint="Allow all commands in its sudoers rule."
        )
    if "not in the sudoers" in said or "may not run sudo" in said:
        return SudoNotAllowed(
            f"{who}: it is not in the sudoers file.", hint=f"Add {target.user} to the sudo or wheel group."
        )
    if "incorrect password" in said or "Sorry, try again" in said or "no password was provided" in said:
        return SudoPasswordWrong(
            f"sudo on {target.name} does not accept the password of {target.user}.",
            hint="Correct the password. It was tried once, so the account is not locked by it.",
        )
    last = next((line.strip() for line in reversed(plain_text(said).splitlines()) if line.strip()), "nothing")
    return SudoNotAllowed(f"{who}: sudo said {last}", hint="Run `sudo -v` on the machine to see what is wrong.")
