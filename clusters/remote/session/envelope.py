"""How a command is wrapped: a separate process group, a mark before its output, root if requested."""

from __future__ import annotations

import enum
import shlex
from dataclasses import dataclass

from clusters.remote.errors import CommandTooLong
from clusters.remote.shell import Command

# Linux refuses one argument of 128 KiB (MAX_ARG_STRLEN); the rest is room for the wrapping.
LONGEST_COMMAND = 120 * 1024
# What a wrapped command prints, with its guard word, when it finds unexpected input.
STRAY = "stray-input-"
# How a command gets a separate process group where the login shell does not lead one.
# The shell in between keeps setsid from being a group leader: a leader would have to fork, and
# setsid waits for its child only since util-linux 2.24, which CentOS 7 lacks.
GROUPED = "/bin/sh -c 'setsid /bin/sh -c \"$1\"; exit $?' sh "
# The same, with the text in octal: fish and csh read quoted backslashes and line ends differently.
GROUPED_OCTAL = '/bin/sh -c \'setsid /bin/sh -c "`printf %b "$1"`"; exit $?\' sh '
# Where it leads one, as under sshd, it becomes the shell that runs the command: two fewer processes to start.
LED = "exec /bin/sh -c "
LED_OCTAL = 'exec /bin/sh -c \'exec /bin/sh -c "`printf %b "$1"`"\' sh '
ENVIRONMENT = "export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; umask 022"
POSIX_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "ksh93", "zsh", "rbash"})
# Login shells that do no more than /bin/sh: they run the command themselves.
PLAIN_SHELLS = frozenset({"sh", "dash", "ash"})


class Become(enum.Enum):
    """How root is reached for a command."""

    NOBODY_ELSE = ""
    FREELY = "env LC_ALL=C sudo -n -H -- "
    # -k: sudo ignores its cached credentials, so it reads the password from stdin every time and never leaves it there.
    # The prompt names the user whose password sudo expects, which `refusal` reads.
    BY_PASSWORD = "env LC_ALL=C sudo -k -S -p 'password of %p: ' -H -- "  # noqa: S105 - a command, not a password


class Frame(enum.Enum):
    """What is between the login shell and the command."""

    GROUPED = "a shell in a separate process group"
    LED = "another shell in place of the login shell, which leads its process group"
    BARE = "nothing: the login shell leads its process group, and works like /bin/sh"


@dataclass(frozen=True, slots=True)
class Marks:
    """The random words that distinguish our own text from everything else on the streams."""

    start: str
    guard: str

    @property
    def stray(self) -> str:
        """What a command prints when it finds unexpected input."""
        return STRAY + self.guard


def wrap(
    command: Command,
    marks: Marks,
    *,
    become: Become = Become.NOBODY_ELSE,
    with_input: bool = False,
    octal: bool = False,
    frame: Frame = Frame.GROUPED,
) -> str:
    """The text to pass to the login shell. `frame` is for commands of the login itself. Raises CommandTooLong."""
    longest = LONGEST_COMMAND // (5 if octal else 1)
    text = with_prologue(command, marks, become=become, with_input=with_input, longest=longest)
    if become is not Become.NOBODY_ELSE:
        frame = Frame.GROUPED
    if octal:
        return become.value + (GROUPED_OCTAL if frame is Frame.GROUPED else LED_OCTAL) + _octal(text)
    if frame is Frame.BARE:
        return text
    return become.value + (GROUPED if frame is Frame.GROUPED else LED) + shlex.quote(text)


def directly(command: Command, words: tuple[str, ...]) -> Command:
    """The command, which reaches these addresses and names without a proxy where its environment has one."""
    if not words:
        return command
    return Command(
        'if [ -n "$http_proxy$https_proxy$all_proxy$HTTP_PROXY$HTTPS_PROXY$ALL_PROXY" ]; then '
        f'no_proxy="${{no_proxy:-$NO_PROXY}}"; no_proxy="${{no_proxy:+$no_proxy,}}"{shlex.quote(",".join(words))}; '
        f"NO_PROXY=$no_proxy; export no_proxy NO_PROXY; fi\n{command.text}"
    )


def with_prologue(
    command: Command,
    marks: Marks,
    *,
    become: Become = Become.NOBODY_ELSE,
    with_input: bool = False,
    longest: int = LONGEST_COMMAND,
) -> str:
    """The command with what must precede it, for a POSIX shell in a separate session. Raises CommandTooLong."""
    text = "\n".join((_prologue(marks, become, with_input), command.text))
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > longest:
        raise CommandTooLong(
            f"A command has {size} bytes, more than fit on a command line.",
            hint="Send the long part on stdin, or put it into a file first.",
        )
    return text


def _prologue(marks: Marks, become: Become, with_input: bool) -> str:
    lines = [ENVIRONMENT]
    if not with_input:
        lines.append("exec </dev/null")
    # In two pieces, so that a shell or sudo that quotes this text in an error does not print the mark.
    head, tail = marks.start[:4], marks.start[4:]
    lines.append(f"printf '{head}%s %s\\n' {tail} $$; printf '{head}%s\\n' {tail} >&2")
    if with_input and become is Become.BY_PASSWORD:
        # If sudo did not read the password after all, the command must not get it as its input.
        lines.append(f'IFS= read -r slipway_guard; if [ "$slipway_guard" != {marks.guard} ]; then')
        lines.append(f"printf '{STRAY}%s\\n' {marks.guard} >&2; exit 1; fi")
    return "\n".join(lines)


def _octal(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    return "'" + "".join(f"\\0{byte:03o}" for byte in data) + "'"
