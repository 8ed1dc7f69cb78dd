"""Becoming root: tested once per connection, and a password is tried only once."""

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

# Seconds. sudo asks PAM, which may ask a directory server; longer than this is a hang.
SUDO_TIMEOUT = 60.0

_ASK = Command(
    "if ! command -v sudo >/dev/null; then echo absent; exit; fi\n"
    "if sudo -n -k -H -- /bin/sh -c 'setsid /bin/sh -c \"exit 0\"; exit $?' sh; then echo free; else echo password; fi"
)


def way_to_root(link: Link, target: Target, *, is_root: bool, plain: Way) -> Way:
    """How this login becomes root; `plain` is how it runs its own commands.

    Raises SudoNotAllowed, SudoPasswordNeeded, SudoPasswordWrong or SudoSilent.
    """
    if is_root:
        return plain
    octal = plain.octal
    limits = Limits(timeout=SUDO_TIMEOUT)
    answer = perform(link, target.name, _ASK, plain, limits=limits)
    if answer.timed_out:
        raise _silent(target, answer)
    verdict, message = answer.out.text().strip(), answer.err.text()
    if verdict == "free":
        return Way(Become.FREELY, octal=octal)
    if verdict == "absent":
        raise SudoNotAllowed(
            f"{target.user} is not root on {target.name}, and sudo is not installed there.",
            hint="Install sudo, or log in as root.",
        )
    if "password is required" not in message:
        raise refusal(target, message)
    if not target.password:
        raise SudoPasswordNeeded(
            f"sudo on {target.name} asks for the password of {target.user}, but none was entered.",
            hint="Enter the password as well as the key, or allow sudo without one (NOPASSWD).",
        )
    way = Way(Become.BY_PASSWORD, target.password, octal)
    trial = perform(link, target.name, Command("true"), way, limits=limits)
    if trial.timed_out:
        raise _silent(target, trial)
    if not trial.started:
        raise refusal(target, trial.err.text())
    return way


def _silent(target: Target, performed: Performed) -> SudoSilent:
    """The error for a sudo that neither accepted nor refused within its time."""
    return SudoSilent(
        f"sudo on {target.name} did not answer {target.user} within {performed.allowed:.0f} s.",
        hint="It may wait for a directory server or a name server that does not answer. "
        "Run `sudo -v` on the machine, then retry.",
    )


def refusal(target: Target, message: str) -> SudoRefused:
    """The error for a message of sudo (in English, because of LC_ALL=C)."""
    who = f"{target.user} may not become root on {target.name}"
    if "must have a tty" in message or "requiretty" in message:
        return SudoNotAllowed(
            f"{who}: sudo there requires a terminal.", hint="Remove `requiretty` from the machine's /etc/sudoers."
        )
    if "is not allowed to" in " ".join(message.split()):
        return SudoNotAllowed(
            f"{who}: sudo allows this user only certain other commands.", hint="Allow all commands in its sudoers rule."
        )
    if "not in the sudoers" in message or "may not run sudo" in message:
        return SudoNotAllowed(
            f"{who}: this user is not in the sudoers file.", hint=f"Add {target.user} to the sudo or wheel group."
        )
    if "incorrect password" in message or "Sorry, try again" in message or "no password was provided" in message:
        return SudoPasswordWrong(
            f"sudo on {target.name} does not accept the password of {target.user}.",
            hint="Correct the password. It was tried only once, so this does not lock the account.",
        )
    last = next((line.strip() for line in reversed(plain_text(message).splitlines()) if line.strip()), "nothing")
    return SudoNotAllowed(f"{who}: sudo printed {last}", hint="Run `sudo -v` on the machine to see what is wrong.")
