"""Becoming root: tested once per connection, and a password is tried only once."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    if not any(each in message for each in _ASKS):
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


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What one message means; `{who}` and `{user}` are filled in."""

    pattern: re.Pattern[str]
    message: str
    hint: str


_ASKS = ("password is required", "interactive authentication is required", "Interaction is required")
"""How sudo and sudo-rs report that they would ask for a password. Source: sudo's check.c; sudo-rs' common/error.rs."""

_ASKED = re.compile(r"password of ([^\s:]{1,64}): ")
"""The prompt of `Become.BY_PASSWORD`."""

_WRONG = re.compile(
    r"incorrect (?:password|authentication) attempt|(?:sorry|authentication failed), try again|"
    r"no password was provided|authentication required but not attempted",
    re.I,
)

_REFUSALS = (
    _Refusal(
        re.compile("must have a tty|requiretty"),
        "{who}: sudo there requires a terminal.",
        "Remove `requiretty` from the machine's /etc/sudoers.",
    ),
    _Refusal(
        re.compile(r"password (?:is|has) expired|password expired|expired password|change your password", re.I),
        "{who}: the password of {user} has expired.",
        "Set a new one (`passwd {user}` as root, or log in there once by hand), and enter it here.",
    ),
    _Refusal(
        re.compile(r"account (?:has |is )?expired|account validation failure|account.{0,9} locked", re.I),
        "{who}: the account {user} is locked or has expired.",
        "As root on the machine, `passwd -S {user}`, `chage -l {user}` and `faillock --user {user}` show why.",
    ),
    _Refusal(
        re.compile(r"(?:setsid|/bin/sh): Permission denied|unable to execute|cannot execute", re.I),
        "{who}: sudo accepts the user, but its commands may start no programs.",
        "Remove NOEXEC (or `Defaults noexec`) from its sudoers rule.",
    ),
    _Refusal(
        re.compile("is not allowed to|may not run (?!sudo)"),
        "{who}: sudo allows this user only certain other commands.",
        "Allow all commands in its sudoers rule.",
    ),
    _Refusal(
        re.compile("not in the sudoers|may not run sudo|afraid I can't do that"),
        "{who}: this user is not in the sudoers file.",
        "Add {user} to the sudo or wheel group.",
    ),
)


def refusal(target: Target, message: str) -> SudoRefused:
    """The error for a message of sudo or sudo-rs (in English, because of LC_ALL=C)."""
    words = {"who": f"{target.user} may not become root on {target.name}", "user": target.user}
    plain = plain_text(message)
    text = " ".join(plain.split())
    for each in _REFUSALS:
        if each.pattern.search(text):
            return SudoNotAllowed(each.message.format(**words), hint=each.hint.format(**words))
    if _WRONG.search(text):
        return _wrong(target, text)
    last = next((line.strip() for line in reversed(plain.splitlines()) if line.strip()), "nothing")
    return SudoNotAllowed(
        f"{words['who']}: sudo printed {last}", hint="Run `sudo -v` on the machine to see what is wrong."
    )


def _wrong(target: Target, text: str) -> SudoPasswordWrong:
    """The password is wrong, or it is not the one that sudo asks for."""
    asked = _ASKED.search(text)
    if asked is None or asked[1] == target.user:
        return SudoPasswordWrong(
            f"sudo on {target.name} does not accept the password of {target.user}.",
            hint="Correct the password. It was tried only once, so this does not lock the account.",
        )
    return SudoPasswordWrong(
        f"sudo on {target.name} asks {target.user} for the password of {asked[1]}, and does not accept that of "
        f"{target.user}.",
        hint="Remove `rootpw`, `targetpw` or `runaspw` from the machine's /etc/sudoers, allow sudo without a password "
        f"(NOPASSWD), or log in as {asked[1]}.",
    )
