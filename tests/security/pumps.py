"""Derives texts from a regular expression that make it as slow as possible, and measures the time."""

from __future__ import annotations

import re
import signal
import string
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from re import _constants as sre  # type: ignore[attr-defined]  # private, without types
from re import _parser as parser  # type: ignore[attr-defined]  # private, without types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALPHABET = "a0 :/-=.,_" + string.ascii_letters + string.digits + string.punctuation + "\n\t…→éß\x00\x1b\x85"
MANY = 10
"""A repetition of at least so many counts as one without an end."""
MOST_PAIRS = 12

LENGTH = 8_000
"""Characters of a first try."""
SUSPICIOUS = 0.004
"""Seconds for a first try: half a microsecond a character, which few linear expressions take."""
MEASURABLE = 0.016
"""Seconds: four steps of the clock of the processor's time, which goes on by 4 ms at once on some machines."""
TOO_LONG = 0.5
"""Seconds after which nothing is measured any more: the expression is slow, whatever its ratio."""
STRETCH = 4
"""So many times as long are the texts that times are compared of. A linear expression takes 4 times as long then, a
quadratic one 16 times: far enough from each other for a processor whose caches others use."""
MOST_GROWTH = 8.0


@dataclass(frozen=True)
class Pump:
    """`head`, `unit` as often as it takes, `tail`."""

    head: str
    unit: str
    tail: str

    def text(self, length: int) -> str:
        """About so many characters."""
        return self.head + self.unit * max(1, length // len(self.unit)) + self.tail


class Slow(Exception):
    """A search took longer than it may."""


def growth(pattern: re.Pattern[Any], use: str) -> tuple[float, str]:
    """By how much a text STRETCH times as long takes longer, in the worst case found, and how that text begins."""
    worst = (0.0, "")
    for pump in pumps(pattern):
        first = _searching(pattern, use, pump.text(LENGTH))
        # Something else may have held the machine up: what is slow is slow again.
        if all(seconds(first, SUSPICIOUS * 8) > SUSPICIOUS for _ in range(3)):
            factor = growth_of(partial(_on_text_of, pump, pattern, use))
            worst = max(worst, (factor, repr(pump.text(60))))
        if worst[0] > MOST_GROWTH:
            break
    return worst


def growth_of(work: Callable[[int], Callable[[], object]], tries: int = 3) -> float:
    """time(STRETCH * n) / time(n) at an n that takes long enough to be measured; of several ratios the smallest."""
    length = 64
    while length < 64 * LENGTH and (once := seconds(work(length))) < MEASURABLE:
        length *= 2
    if once == float("inf"):
        return once
    factors = [float("inf")]
    while len(factors) <= tries and min(factors) > MOST_GROWTH:
        short = max(min(seconds(work(length)) for _ in range(3)), MEASURABLE)
        factors.append(fastest(lambda: work(STRETCH * length), MOST_GROWTH * short, 16 * TOO_LONG) / short)
    return min(factors)


def fastest(make: Callable[[], Callable[[], object]], enough: float, most: float = TOO_LONG, tries: int = 3) -> float:
    """The least seconds of several tries; the first one that takes less than `enough` is the last."""
    least = float("inf")
    for _ in range(tries):
        least = min(least, seconds(make(), most))
        if least < enough:
            break
    return least


LONGEST_SEARCH = 8 * TOO_LONG
"""Seconds after which a search of a long text is given up: a busy machine takes several times as long as a quiet
one."""


def at_most(
    factor: float,
    work: Callable[[int], Callable[[], object]],
    sizes: tuple[int, int],
    least: float,
    most: float = TOO_LONG,
    tries: int = 3,
) -> bool:
    """Whether the larger size takes less than `factor` times as long as the smaller one, or as `least` seconds.

    Nothing is measured again that has been proven: the smaller size counts only if the larger one takes long.
    """
    few, many = sizes
    long = seconds(work(many), most)
    if long < factor * least:
        return True
    allowed = factor * max(min(seconds(work(few), most) for _ in range(tries)), least)
    return long < allowed or fastest(lambda: work(many), allowed, most, tries - 1) < allowed


def seconds(work: Callable[[], object], most: float = TOO_LONG) -> float:
    """Processor time of this process; infinite when it takes longer than `most`."""
    before = signal.signal(signal.SIGVTALRM, _stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, most)
        begun = time.process_time()
        work()
        return time.process_time() - begun
    except Slow:
        return float("inf")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _stop(*_: object) -> None:
    raise Slow


def _on_text_of(pump: Pump, pattern: re.Pattern[Any], use: str, length: int) -> Callable[[], object]:
    return _searching(pattern, use, pump.text(length))


def _searching(pattern: re.Pattern[Any], use: str, text: str) -> Callable[[], object]:
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode()
    if use == "finditer":
        return lambda: deque(pattern.finditer(subject), maxlen=0)
    return lambda: getattr(pattern, use)(subject)


def pumps(pattern: re.Pattern[Any]) -> list[Pump]:
    """For each repetition of the expression: its prefix, and one of its parts repeated."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = parser.parse(text, pattern.flags & ~re.DEBUG)
    kinds = _representatives(tree)
    found: dict[Pump, None] = {}
    whole = _example(tree, tree)
    for head, units in _repetitions(tree, tree, ""):
        for unit in {*units, *kinds}:
            found |= {Pump(head, unit, ""): None, Pump(head, unit, "\x00"): None}
        for unit in units:
            found |= {Pump("", head + unit, ""): None, Pump("", head + unit, "\x00"): None}
    for end in range(1, len(whole) + 1):
        found |= {Pump("", whole[:end], ""): None} if end > len(whole) - 3 else {}
    few = kinds[:MOST_PAIRS]
    pairs = [first + second for first in few for second in few if first != second]
    found |= {Pump("", unit, ""): None for unit in (*kinds, *pairs)}
    return list(found)


def _representatives(tree: Any) -> list[str]:
    """One character of each class that the expression, `^`, `$` and `\\b` distinguish."""
    tests: list[Callable[[str], bool]] = [
        *_tests(tree),
        lambda char: char == "\n",
        lambda char: char.isalnum() or char == "_",
    ]
    kinds: dict[tuple[bool, ...], str] = {}
    for char in ALPHABET:
        kinds.setdefault(tuple(test(char) for test in tests), char)
    return list(kinds.values())


def _tests(tree: Any) -> Iterator[Callable[[str], bool]]:
    for op, value in tree:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
            yield partial(_accepts, op, value)
        for inner in _inside(op, value):
            yield from _tests(inner)


def _inside(op: Any, value: Any) -> list[Any]:
    """The parts of a part."""
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if op is sre.SUBPATTERN:
        return [value[3]]
    if op is sre.BRANCH:
        return list(value[1])
    if op is sre.ATOMIC_GROUP:
        return [value]
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return []


def _accepts(op: Any, value: Any, char: str) -> bool:
    if op is sre.ANY:
        return char != "\n"
    if op in (sre.LITERAL, sre.NOT_LITERAL):
        return (chr(value) == char) is (op is sre.LITERAL)
    negated = value[0][0] is sre.NEGATE
    hit = any(_in_set(each, detail, char) for each, detail in value)
    return hit is not negated


def _in_set(op: Any, value: Any, char: str) -> bool:
    if op is sre.LITERAL:
        return bool(value == ord(char))
    if op is sre.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if op is sre.CATEGORY:
        kind = str(value).rpartition("_")[2]
        test = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}[kind]
        return test is not ("_NOT_" in str(value))
    return False


def _example(tree: Any, whole: Any) -> str:
    """A text that a part of an expression matches, each repetition once at least."""
    return "".join(_one(op, value, whole) for op, value in tree)


def _one(op: Any, value: Any, whole: Any) -> str:
    if op in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
        if op is sre.LITERAL:
            return chr(value)
        return next((char for char in ALPHABET if _accepts(op, value, char)), "a")
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return _example(value[2], whole) * min(max(1, int(value[0])), 40)
    if op is sre.BRANCH:
        return _example(value[1][0], whole)
    if op is sre.GROUPREF:
        return next((_example(each, whole) for number, each in _groups(whole) if number == value), "")
    if op in (sre.ASSERT, sre.ASSERT_NOT, sre.AT):
        return ""
    return "".join(_example(inner, whole) for inner in _inside(op, value))


def _groups(tree: Any) -> Iterator[tuple[Any, Any]]:
    for op, value in tree:
        if op is sre.SUBPATTERN:
            yield value[0], value[3]
        for inner in _inside(op, value):
            yield from _groups(inner)


def _repetitions(tree: Any, whole: Any, head: str) -> Iterator[tuple[str, set[str]]]:
    """What stands before each repetition without an end, and what may stand again and again in it."""
    for op, value in tree:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and value[1] >= MANY:
            yield head, _units(value[2], whole)
        if op not in (sre.ASSERT, sre.ASSERT_NOT):
            for inner in _inside(op, value):
                yield from _repetitions(inner, whole, head)
        head += _one(op, value, whole)


def _units(body: Any, whole: Any) -> set[str]:
    """Texts that the inside of a repetition matches: one of each of its branches, one of each kind of character."""
    if len(body) == 1 and body[0][0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
        kinds = _representatives(whole)
        op, value = body[0]
        return {char for char in kinds if _accepts(op, value, char)} or {_example(body, whole)}
    branches = [each for op, value in body for each in (_inside(op, value) if op is sre.BRANCH else [])]
    return {text for text in (_example(body, whole), *(_example(each, whole) for each in branches)) if text}
