"""Patches a YAML text: replaces, adds and removes values in place and leaves every other character unchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clusters.config.alignment import aligned
from clusters.config.yaml import emit
from clusters.config.yaml.tree import Mapping, Node, Scalar, Sequence


class CannotPatch(Exception):
    """This value cannot be changed in place (an alias, an unusual layout); a larger part must be rewritten."""


@dataclass(slots=True)
class Patcher:
    """Collects patches for one text. `loosely`: a number with and without quotes is the same."""

    text: str = field(repr=False)
    loosely: bool = True
    patches: list[tuple[int, int, str]] = field(default_factory=list, repr=False)
    touched: dict[int, None] = field(default_factory=dict)

    def applied(self) -> str:
        """The text with all patches. Raises CannotPatch when two of them overlap."""
        pieces, at = [], 0
        for start, end, new in sorted(self.patches, key=lambda patch: patch[:2]):
            if start < at:
                raise CannotPatch
            pieces += [self.text[at:start], new]
            at = end
        return "".join([*pieces, self.text[at:]])

    def same(self, old: Any, new: Any) -> bool:
        """Whether a value is unchanged."""
        if isinstance(old, dict) and isinstance(new, dict):
            return list(old) == list(new) and all(self.same(old[key], new[key]) for key in old)
        if isinstance(old, list | tuple) and isinstance(new, list | tuple):
            return len(old) == len(new) and all(map(self.same, old, new))
        if isinstance(old, emit.Quoted) is not isinstance(new, emit.Quoted):
            return self.loosely and not isinstance(new, bool) and str(old) == str(new)
        return type(old) is type(new) and bool(old == new)

    def mapping(self, node: Mapping, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Change a mapping from the old to the new data."""
        self._once(node)
        added: dict[str, Any] = {}
        for key, value in new.items():
            if key in old and self.same(old[key], value):
                continue
            if key not in node.pairs:
                added[key] = value
            else:
                self._change_or_rewrite(node, key, old.get(key), value)
        self._remove_pairs(node, [key for key in old if key not in new and key in node.pairs])
        if added:
            self._add_pairs(node, added)

    def _change_or_rewrite(self, parent: Mapping, key: str, old: Any, new: Any) -> None:
        """Change parts of a value, or rewrite it if a part cannot be changed in place."""
        count, touched = len(self.patches), len(self.touched)
        try:
            self.value(parent, key, old, new)
        except CannotPatch:
            del self.patches[count:]
            self._forget(touched)
            self._inside(parent, *parent.pairs[key])
            self.rewrite(parent, key, new)

    def value(self, parent: Mapping, key: str, old: Any, new: Any) -> None:
        """Change a value from the old to the new data; rewrite it if its structure differs."""
        mark, node = parent.pairs[key]
        self._inside(parent, mark, node)
        if isinstance(new, dict) and isinstance(old, dict) and isinstance(node, Mapping) and node.pairs and new:
            self.mapping(node, old, new)
        elif isinstance(new, list | tuple) and isinstance(old, list | tuple) and isinstance(node, Sequence) and new:
            if old and len(old) == len(node.items):
                self._sequence(node, list(old), list(new))
            else:
                self.rewrite(parent, key, new)
        elif isinstance(node, Scalar) and not isinstance(new, dict | list | tuple) and not self._is_block(node):
            blank = " " if node.start == node.end else ""
            self.patches.append((node.start, node.end, blank + emit.scalar(new)))
        else:
            self.rewrite(parent, key, new)

    def rewrite(self, parent: Mapping, key: str, new: Any) -> None:
        """Rewrite a key and its value; comments inside are lost."""
        mark, node = parent.pairs[key]
        end = self._end(node)
        if parent.flow:
            self.patches.append((mark.start, end, f"{emit.text(key)}: {emit.flow(new)}"))
            return
        lines = "\n".join(emit.entry(key, new, parent.column - 1)).lstrip(" ")
        ended = "\n" if self.text[end - 1 : end] == "\n" and end > mark.start else ""
        self.patches.append((mark.start, end, lines + ended))

    def _sequence(self, node: Sequence, old: list[Any], new: list[Any]) -> None:
        self._once(node)
        removed: list[int] = []
        for same, first, last, start, stop in aligned([_name(item) for item in old], [_name(item) for item in new]):
            pairs = 0
            while pairs < min(last - first, stop - start) and (same or _alike(old[first + pairs], new[start + pairs])):
                self._item(node, first + pairs, old[first + pairs], new[start + pairs])
                pairs += 1
            if not same:
                removed += range(first + pairs, last)
                self._add_items(node, last, new[start + pairs : stop])
        self._remove_items(node, removed)

    def _item(self, parent: Sequence, index: int, old: Any, new: Any) -> None:
        node = parent.items[index]
        if self.same(old, new):
            return
        self._inside(parent, node, node)
        if isinstance(node, Mapping) and isinstance(old, dict) and isinstance(new, dict) and node.pairs and new:
            self.mapping(node, old, new)
        elif isinstance(node, Scalar) and not isinstance(new, dict | list | tuple) and not self._is_block(node):
            self.patches.append((node.start, node.end, emit.scalar(new)))
        elif parent.flow or (not isinstance(node, Scalar) and node.flow):
            self.patches.append((node.start, self._end(node), emit.flow(new)))
        else:
            raise CannotPatch

    def _remove_items(self, node: Sequence, indexes: list[int]) -> None:
        for index in indexes:
            self._inside(node, node.items[index], node.items[index])
        if node.flow:
            self._cut_flow([(item.start, self._end(item)) for item in node.items], indexes)
            return
        for index in indexes:
            item = node.items[index]
            self.patches.append((self._line_start(self._dash(item)), self._after_line(item), ""))

    def _cut_flow(self, places: list[tuple[int, int]], indexes: list[int]) -> None:
        """Remove entries from braces or brackets, each with one comma."""
        gone = set(indexes)
        left_over = [number for number in range(len(places)) if number not in gone]
        if not left_over:
            raise CannotPatch
        for number in indexes:
            if number < left_over[-1]:
                self.patches.append((places[number][0], places[number + 1][0], ""))
        if indexes and max(indexes) > left_over[-1]:
            self.patches.append((places[left_over[-1]][1], places[-1][1], ""))

    def _add_items(self, node: Sequence, index: int, items: list[Any]) -> None:
        if not items:
            return
        if node.flow:
            written = ", ".join(emit.flow(item) for item in items)
            if index:
                end = self._end(node.items[index - 1])
                self.patches.append((end, end, f", {written}"))
            else:
                self.patches.append((node.items[0].start, node.items[0].start, f"{written}, "))
            return
        sibling = node.items[max(0, index - 1)]
        dash = self._dash(sibling)
        start = self._line_start(dash)
        as_row = not isinstance(sibling, Scalar) and sibling.flow
        shaped = [emit.Row(item) if as_row and isinstance(item, dict) else item for item in items]
        if not as_row:
            shaped = [dict(item) if isinstance(item, emit.Row) else item for item in shaped]
        lines = "".join(f"{line}\n" for line in emit.items(shaped, dash - start))
        self._insert_line(start if not index else self._after_line(sibling), lines)

    def _add_pairs(self, node: Mapping, added: dict[str, Any]) -> None:
        if not node.pairs:
            raise CannotPatch
        last_mark, last = max(node.pairs.values(), key=lambda pair: pair[0].start)
        self._inside(node, last_mark, last)
        if node.flow:
            end = max(self._end(last), last_mark.end)
            pairs = "".join(f", {emit.text(key)}: {emit.flow(value)}" for key, value in added.items())
            self.patches.append((end, end, pairs))
            return
        lines = "".join(f"{line}\n" for key in added for line in emit.entry(key, added[key], node.column - 1))
        self._insert_line(self._after_line(last, last_mark), lines)

    def _remove_pairs(self, node: Mapping, keys: list[str]) -> None:
        pairs = sorted(node.pairs.values(), key=lambda pair: pair[0].start)
        gone = [node.pairs[key] for key in keys]
        if gone and len(gone) == len(pairs):
            raise CannotPatch  # nothing would be left
        for mark, value in gone:
            self._inside(node, mark, value)
        if node.flow:
            places = [(mark.start, max(self._end(value), mark.end)) for mark, value in pairs]
            marks = {id(mark) for mark, _ in gone}
            self._cut_flow(places, [number for number, (mark, _) in enumerate(pairs) if id(mark) in marks])
            return
        for mark, value in gone:
            start = self._line_start(mark.start)
            if self.text[start : mark.start].strip():
                raise CannotPatch  # the first key of a list's item
            self.patches.append((start, self._after_line(value, mark), ""))

    def _insert_line(self, at: int, lines: str) -> None:
        """Insert lines; at the end of a text without a final line break, add one first."""
        if at == len(self.text) and at and self.text[at - 1] != "\n":
            lines = "\n" + lines.removesuffix("\n")
        self.patches.append((at, at, lines))

    def _dash(self, item: Node) -> int:
        """Where an item of a list starts. Raises CannotPatch when there is text before the dash."""
        dash = self.text.rfind("-", 0, item.start)
        if dash < 0 or self.text[self._line_start(dash) : dash].strip() or self.text[dash + 1 : item.start].strip():
            raise CannotPatch
        return dash

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _after_line(self, node: Node, mark: Scalar | None = None) -> int:
        """The start of the line after a value."""
        end = max(self._end(node), mark.end if mark is not None else 0)
        if self.text[end - 1 : end] == "\n":
            return end
        found = self.text.find("\n", end)
        return len(self.text) if found < 0 else found + 1

    def _is_block(self, node: Scalar) -> bool:
        return self.text[node.start : node.start + 1] in ("|", ">") and not node.plain

    def _end(self, node: Node) -> int:
        """The real end of a value: the parser includes comments after a block."""
        if isinstance(node, Scalar) or node.flow:
            return node.end
        inner = node.items if isinstance(node, Sequence) else [each for pair in node.pairs.values() for each in pair]
        return max((self._end(each) for each in inner), default=node.end)

    def _once(self, node: Node) -> None:
        """Raises CannotPatch for a node that is reached twice, because an alias shares it."""
        if id(node) in self.touched:
            raise CannotPatch
        self.touched[id(node)] = None

    def _forget(self, count: int) -> None:
        """Forget all touched nodes after the first `count`."""
        while len(self.touched) > count:
            self.touched.popitem()

    def _inside(self, parent: Mapping | Sequence, mark: Node, node: Node) -> None:
        """Raises CannotPatch for an alias or a merged key, whose value is elsewhere."""
        if not parent.start <= mark.start <= node.start or (parent.flow and node.start > parent.end):
            raise CannotPatch
        if self.text[mark.start : mark.start + 1] in ("*", "&", "!", "?") or self._labelled(mark, node):
            raise CannotPatch

    def _labelled(self, mark: Node, node: Node) -> bool:
        """Whether there is an anchor, an alias or a tag between key and value."""
        if mark is node or not isinstance(mark, Scalar):
            return False
        between = self.text[mark.end : node.start].partition(":")[2].split("#")[0].strip()
        return between.startswith(("*", "&", "!"))


def _name(item: Any) -> str:
    """The identity of a list item, by which it is matched with the old list."""
    if isinstance(item, dict) and isinstance(item.get("name"), str) and item["name"]:
        return f"name {item['name']}"
    return f"value {item}" if isinstance(item, str | int | float) else "other"


def _alike(old: Any, new: Any) -> bool:
    """Whether an entry with another name is a renamed one: most of its values are the same."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return not isinstance(old, dict | list) and not isinstance(new, dict | list)
    both = [key for key in old if key in new and key != "name"]
    equal = [key for key in both if old[key] == new[key]]
    return 2 * len(equal) > max(len(old), len(new)) - 1
