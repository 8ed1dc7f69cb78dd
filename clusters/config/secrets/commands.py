"""Secrets on command lines: options of programs that take a password, and what `echo` hands to one that reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.secrets.arguments import PLACED, Found, behind, by_place, whole
from clusters.config.secrets.names import is_open_value, is_secret_key, is_weak_key
from clusters.config.secrets.programs import (
    BEFORE,
    BY_PROGRAM,
    CARRIERS,
    LAST,
    NAMES_IN_URLS,
    OTHERS,
    PRINTERS,
    READERS,
    READING,
    READING_WITH,
    SETS,
    Takes,
)
from clusters.config.secrets.shell_commands import NO_WORD, bare, with_printers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.config.secrets.patterns import Span
    from clusters.config.secrets.shell_commands import Command


LONGEST_NAME = 40
DEEPEST_LINE = 3
"""Command lines in words of command lines: `ssh h "bash -c 'mysql -px'"`."""
_WRITTEN = re.compile(r"(?:>|(?<=\s)tee(?=\s)(?:[ \t]++-a)?+)[ \t]*+[\"']?([^\s|;&<>\"']++)")
_FILE = re.compile(r"[-_.]?(?:file|path|fd)$|^--?(?:from-)?file=")
_SETTING_BEFORE = re.compile(r"(?<![\w.-])(?P<name>[\w.-]++)[\"']?[ \t]*+[:=][ \t]*+[\"']?$")
_LINE = re.compile(r"(?:[^\n\\]|\\(?s:.))++")
_PROGRAM = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(
        re.escape(each)
        for each in sorted({*BY_PROGRAM, *PLACED, *READERS, *READING_WITH, *LAST, *OTHERS} - {*NAMES_IN_URLS})
    )
    + r")(?![\w.-])|https?(?=[ \t])"
    r"|--password-stdin|--stdin|--passphrase-fd|--with-token|-S(?!\w)|(?:^|(?<=\s))set(?=\s)|>\s*+[~/.\w]"
    r"|(?<=\s)tee(?=\s)|<\(|\$\((?:echo|printf)|_EXEC=|(?<=\s)-s(?=\s)"
)


def in_commands(text: str, offset: int = 0, depth: int = DEEPEST_LINE) -> Iterator[Span]:
    """Where secrets stand on the command lines of a text, and on those within a quoted word of one."""
    if _PROGRAM.search(text) is None:
        return
    for line in _LINE.finditer(text):
        if _PROGRAM.search(line[0]) is None:
            continue
        for command, printers in with_printers(line[0], offset + line.start()):
            for found in in_words(command.words):
                yield command.starts[found.word] + found.start, command.starts[found.word] + found.end
            yield from _handed(command, printers)
            yield from _written(command, printers)
            yield from _substituted(command)
            for word, start in zip(command.words, command.starts, strict=True):
                # `sh -c "…"`, `ssh node1 '…'`, and whatever else has a command line in one word.
                if depth and " " in word:
                    if "_EXEC=" in word[:LONGEST_NAME]:
                        yield from _of_installer(*_after_sign(word, start))
                    yield from in_commands(*_after_sign(word, start), depth - 1)


def _of_installer(text: str, offset: int) -> Iterator[Span]:
    """`INSTALL_K3S_EXEC='agent -t x'`."""
    for command, _printers in with_printers(text, offset):
        for found in _of_agent(command.words, 0):
            yield command.starts[found.word] + found.start, command.starts[found.word] + found.end


def _after_sign(word: str, start: int) -> tuple[str, int]:
    """What is quoted in a word like `--command='mysql -px'`, and where it begins; else the word."""
    sign = word.find("=", 0, word.find(" ")) + 1
    return bare(word[sign:], start + sign) if word[sign : sign + 1] in ("'", '"') else (word, start)


def in_words(words: Sequence[str]) -> Iterator[Found]:
    """Where secrets stand in the words of a command, as a list of arguments has them."""
    seen: set[str] = set()
    for place, word in enumerate(words):
        name = word.rpartition("/")[2]
        if name in seen:
            continue  # each program once: a text is read once, whatever it holds
        seen.add(name)
        for takes in BY_PROGRAM.get(name, ()):
            if not takes.subcommand or takes.subcommand in words[place:]:
                yield from _arguments_of(words, place, takes)
                if takes.programs == "sshpass":
                    return  # what follows is the command that it starts
        if name in LAST and len(words) > place + 2 and (not name.endswith("passwd") or _has_flag(words[place:], "b")):
            yield from whole(words, len(words) - 1)
        yield from by_place(words, place, name)
        if name in ("sh", "bash") and "-s" in words[place:]:
            # What gets the script that installs it: `curl -sfL https://get.k3s.io | sh -s - agent -t x`.
            yield from _of_agent(words, place)
        if name == "sed":
            yield from _edited(words)
    yield from _set(words)


def _of_agent(words: Sequence[str], place: int) -> Iterator[Found]:
    """The token of `server -t x` or `agent -t x`, whose program another word names."""
    if {"server", "agent"} & {*words[place:]}:
        yield from _arguments_of(words, place, Takes("", after=("-t",), joined=("-t=",)))


def _edited(words: Sequence[str]) -> Iterator[Found]:
    """What `sed` puts behind the name of a secret, or in its place: `s/^password:.*/password: x/`, `s|@TOKEN@|x|`."""
    for at, word in enumerate(words):
        if len(word) < 4 or word[0] != "s" or word[1] not in "/|#@,":
            continue
        _s, old, new = [*word.split(word[1], 3), ""][:3]
        value = re.split(r"[:=\s]", new)[-1].strip("\"'\\")
        stays = new[: new.find(value)]
        sets = _SETTING_BEFORE.search(stays)
        if "pam_" in new or (sets is not None and not _names_secret(sets["name"])):
            continue  # `password requisite pam_pwquality.so minlen=12`
        # A place to fill in has signs around it: `@TOKEN@`; else the name is there again.
        if _names_secret(old) and (_names_secret(stays) or not (stays or old[0].isalnum() or old[-1].isalnum())):
            start = word.find(value, len(old) + 3)
            if value and not value.startswith("\\") and not is_open_value("", value):
                yield Found(at, start, start + len(value))


def _names_secret(text: str) -> bool:
    names = (name.strip(".-") for name in re.findall(r"[\w.-]+", text))
    return any(is_secret_key(name) and not is_weak_key(name) for name in names)


def _arguments_of(words: Sequence[str], place: int, takes: Takes) -> Iterator[Found]:
    for at in range(place + 1, len(words)):
        word = words[at]
        if _is_harmless(word, takes):
            continue
        if words[at - 1] in takes.after and at > place + (takes.programs != "vault"):
            yield from behind(words, at, 0, takes.mark)
            if takes.programs == "sshpass":
                return
        word, flags = _without_switches(word, takes)
        if flags and word in takes.after and at + 1 < len(words) and not _is_harmless(words[at + 1], takes):
            yield from behind(words, at + 1, 0, takes.mark)
        for option in takes.joined:
            if word.startswith(option) and len(word) > len(option):
                yield from behind(words, at, len(option) + flags, takes.mark)
                if takes.programs == "sshpass":
                    return


def _is_harmless(word: str, takes: Takes) -> bool:
    """Whether it has nothing but names behind which no secret stands: the cookies `lang=en; theme=dark`."""
    if not takes.harmless:
        return False
    word, flags = _without_switches(word, takes)
    word = next((word.removeprefix(each) for each in takes.joined if flags and word.startswith(each)), word)
    names = [each.partition(takes.mark)[0].strip(" \"'") for each in word.split(";")]
    return takes.mark in word and all(name.lower() in takes.harmless for name in names)


def _without_switches(word: str, takes: Takes) -> tuple[str, int]:
    """`-u` of `-sSLu`, and how many letters are left out before it."""
    if not takes.switches or not word.startswith("-") or word.startswith("--"):
        return word, 0
    rest = word[1:].lstrip(takes.switches)
    return f"-{rest}", len(word) - 1 - len(rest)


def _set(words: Sequence[str]) -> Iterator[Found]:
    """`config set requirepass x`, `configure set aws_secret_access_key x`, `rabbitmqctl change_password me x`."""
    of_people, numbered = "rabbitmqctl" in words, "ipmitool" in words
    for at in range(2, len(words)):
        # `iscsiadm -n node.session.auth.password -v x`
        if words[at - 1] == "-v" and words[at - 3] == "-n" and is_secret_key(words[at - 2]):
            yield from whole(words, at)
        # ipmitool has a number before the password.
        if words[at - 2] not in SETS or not words[at - 1] or numbered:
            continue
        named = is_secret_key(words[at - 1]) and not is_weak_key(words[at - 1])
        if named or of_people:
            yield from whole(words, at)


def _has_flag(words: Sequence[str], letter: str) -> bool:
    return any(word.startswith("-") and not word.startswith("--") and letter in word for word in words)


def _reader(words: Sequence[str]) -> str:
    """The program of a command, or the one that reads a password where `ssh` and the like start it."""
    program = next((word.rpartition("/")[2] for word in words if word not in BEFORE), "")
    if program in CARRIERS:
        inside = [part.strip("\"'") for word in words for part in word.split()]
        return next((part for part in inside if part in READERS), program)
    return program


def _reads(words: Sequence[str], program: str) -> bool:
    """Whether the command reads a secret from standard input."""
    if program in READERS or {*words} & {*READING}:
        return True
    if program == "read":
        return any(is_secret_key(word) and not is_weak_key(word) for word in words if not word.startswith("-"))
    if program in ("kubectl", "oc") and "secret" in words:
        return any(word.endswith("=/dev/stdin") for word in words)
    return bool({*READING_WITH.get(program, ())} & {*words})


def _handed(command: Command, printers: Sequence[Command]) -> Iterator[Span]:
    """What is printed into a program that reads a password, or given to it after `<<<`, or in `< <(…)`."""
    program = _reader(command.words)
    if program == "su" and command.here >= 0 and " " not in command.words[command.here]:
        yield from _spans(command, command.here, "")  # several words are a command for its shell
    if not _reads(command.words, program):
        return
    mark = ":" if program == "chpasswd" else ""
    if command.here >= 0:
        yield from _spans(command, command.here, mark)
    for printer in (*printers, *(each for _at, inside in command.inputs for each in inside if inside[0].apart == "<(")):
        for each in (printer, *_carried(printer)):
            for at in _printed(each):
                yield from _spans(each, at, mark)


def _carried(printer: Command) -> Iterator[Command]:
    """The commands in a quoted word of one that starts others: `ssh h 'echo x'`."""
    if not {*printer.words} & {*CARRIERS}:
        return
    for word, start in zip(printer.words, printer.starts, strict=True):
        if " " in word and any(each in word for each in PRINTERS):
            yield from (command for command, _printers in with_printers(word, start))


def _substituted(command: Command) -> Iterator[Span]:
    """What is printed in the place of a secret, or of a file with one: `--password-file <(echo x)`, `PW=$(echo x)`."""
    if not command.inputs:
        return
    words = {*command.words}
    of_secret = "secret" in words and bool({"kubectl", "oc"} & words)
    for place, inside in command.inputs:
        if place == NO_WORD:
            continue
        of_file = inside[0].apart == "<("
        word, before = command.words[place].rstrip("$"), command.words[place - 1] if place else ""
        named, _, rest = (word or before).rpartition("=")
        takes_file = of_secret or (before == "-f" and "sshpass" in words) or _is_pass_file(word, before)
        if not (_is_given(named or rest, of_file=of_file) or (of_file and takes_file)):
            continue
        for printer in inside:
            for at in _printed(printer):
                if of_file or " " not in printer.words[at]:
                    yield from _spans(printer, at, "")


def _is_given(name: str, *, of_file: bool) -> bool:
    """Whether this option or variable is given a secret, or a file with one."""
    bare_name = _FILE.sub("", name) if of_file else name
    return is_secret_key(bare_name) and not is_weak_key(bare_name)


def _is_pass_file(word: str, before: str) -> bool:
    """Whether it is a file with a password of openssl's: `-passin file:<(…)`."""
    return word.startswith("file:") and before in ("-pass", "-passin", "-passout")


def _written(command: Command, printers: Sequence[Command]) -> Iterator[Span]:
    """A word that is printed into a file that is named after secrets: `echo x > /root/password.txt`."""
    files = command.words[1:] if command.words[:1] == ["tee"] or command.words[:2] == ["sudo", "tee"] else ()
    if command.here >= 0 and any(map(_is_for_secrets, (*files, *command.files))):
        yield from _spans(command, command.here, "")
    for printer, names in ((command, command.files), *((each, files) for each in printers)):
        if not any(map(_is_for_secrets, names)):
            continue
        for at in _printed(printer):
            if " " not in printer.words[at] and ":" not in printer.words[at]:
                yield from _spans(printer, at, "")


def _is_for_secrets(path: str) -> bool:
    parts = path.rpartition("/")[2].split(".")
    return any(is_secret_key(each) and not is_weak_key(each) and each not in ("passwd", "gpasswd") for each in parts)


def _printed(printer: Command) -> Iterator[int]:
    """Which words of a command `echo` or the like prints, also where `ssh` and the like start it."""
    first = next((at for at, word in enumerate(printer.words) if word not in BEFORE), 0)
    if printer.words[first : first + 1] and printer.words[first].rpartition("/")[2] in CARRIERS:
        first = next((at for at, word in enumerate(printer.words) if word in PRINTERS), first)
    if printer.words[first : first + 1] and printer.words[first] in PRINTERS:
        yield from (at for at in range(first + 1, len(printer.words)) if not printer.words[at].startswith("-"))


def _spans(command: Command, at: int, mark: str) -> Iterator[Span]:
    word, place = command.words[at], 0
    for line in re.split(r"\\n|\n", word):
        start = word.find(line, place)
        place = start + len(line)
        value = line[line.find(mark) + len(mark) :] if mark in line else ""
        if value and not is_open_value("", value):
            yield command.starts[at] + place - len(value), command.starts[at] + place


def from_heredoc(line: str, heads: Sequence[str], body: str) -> Iterator[Span]:
    """Where secrets stand in a here document: `heads` are the commands that read it, `line` is the whole line."""
    commands = [[word.strip("\"'") for word in head.split()] for head in heads]
    readers = [program for words in commands if _reads_document(words, program := _reader(words))]
    written = any(map(_is_for_secrets, _WRITTEN.findall(line)))
    asked = any("sudo" in words and "-S" in words for words in commands)
    if not readers and not written and not asked:
        return
    place = 0
    for each in body.split("\n"):
        value = each.partition(":")[2] if "chpasswd" in readers else each.strip()
        end = place + len(each.rstrip())
        # In a file with names, the names determine what is a secret.
        if value.strip() and not is_open_value("", value.strip()) and not (written and set(value) & set(" :=#")):
            yield end - len(value.rstrip()), end
        if not readers and not written:
            return  # sudo reads one line
        place += len(each) + 1


def _reads_document(words: Sequence[str], program: str) -> bool:
    return _reads([word for word in words if word != "-S"], program)
