"""sh(): the one place where values become part of a shell command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.config.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Command:
    """A POSIX shell command whose values are quoted already. Made by `sh()`, joined by `all_of()`."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return self.text


def sh(template: str, *values: Value | Command) -> Command:
    """Put `values` into the `{}` of `template`, each quoted as one word.

    A Command is put in unchanged. A Secret is refused: every command line can be
    read in the machine's process list, so secrets travel on stdin or in a file of mode 0600.
    """
    quoted = []
    for value in values:
        if isinstance(value, Secret):
            raise TypeError("A secret never goes on a command line; send it on stdin or put a file.")
        quoted.append(value.text if isinstance(value, Command) else shlex.quote(str(value)))
    return Command(template.format(*quoted))


def all_of(commands: Iterable[Command]) -> Command:
    """Run the commands one after another, stopping at the first that fails."""
    return Command(" && ".join(f"{{ {command.text}; }}" for command in commands))


def words(values: Iterable[Value]) -> Command:
    """Several values as quoted words separated by spaces, to be put into one `{}`."""
    return Command(" ".join(shlex.quote(str(value)) for value in values))
