"""The index of an artifact bundle, `bundle.yaml`: read within bounds, and every entry checked before it is used."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.yaml.tree import Mapping, Node, Refused, Scalar, Sequence, excerpt, read
from clusters.errors import SourceError
from clusters.localfile import read_regular
from clusters.numbers import whole_number

if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_INDEX = 1024 * 1024
"""Limit in bytes of a `bundle.yaml`; one with every image of KubeSphere has about 60 KB."""

MOST_ENTRIES = 20_000
"""Limit for the files and images of one bundle, after aliases are resolved."""

LARGEST_ANNOUNCED = 16 << 30
"""Limit in bytes that an index may announce for one file."""

LARGEST_BUNDLE = 256 << 30
"""Limit in bytes that an index may announce for all its files together."""

LONGEST_WORD = 300
LONGEST_PATH = 512
LONGEST_NAME = 200
"""Characters of one part of a path: temporary files beside a download have longer names."""

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_HINT = "Set SLIPWAY_ARTIFACTS to the directory (or https address) that contains a bundle.yaml."


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the bundle: its path below the root, and the SHA-256 and the size (0: unknown) the index gives."""

    component: str
    version: str
    arch: str
    path: str
    sha256: str
    size: int = 0

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Index:
    """The content of `bundle.yaml`: files of components, and archives of images by their reference."""

    files: tuple[Entry, ...]
    images: collections.abc.Mapping[tuple[str, str], Entry]


def read_index(path: Path, sha256: str = "") -> Index:
    """Read `bundle.yaml` and check its SHA-256 if one is given. Raises SourceError if it is missing or not an index."""
    try:
        content = read_regular(path, LARGEST_INDEX)
    except OSError as error:
        raise _no_index(str(path), error.strerror or str(error)) from error
    return index_in(content, str(path), sha256)


def index_in(content: bytes, where: str, sha256: str = "") -> Index:
    """The index in the content of a `bundle.yaml`. Raises SourceError when it is not an index, or not the expected."""
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256.strip().lower():
        raise SourceError(
            f"{where} has SHA-256 {found}, expected {sha256.strip().lower()} (SLIPWAY_ARTIFACTS_SHA256).",
            hint="Either the bundle is newer, or somebody changed it. Nothing of it was used.",
        )
    if len(content) > LARGEST_INDEX:
        raise _no_index(where, f"it has more than {LARGEST_INDEX:,} bytes")
    try:
        trees = read(content.decode("utf-8"))
    except (UnicodeDecodeError, Refused) as error:
        raise _no_index(where, str(error)) from error
    if len(trees) != 1:
        raise _no_index(where, f"it has {len(trees)} YAML documents instead of one")
    return _Reading(where).index(trees[0])


def why_not_below(path: str) -> str:
    """Why this is not a plain relative path below a root, in words; "" when it is one."""
    parts = path.split("/")
    if path.startswith("/"):
        return "it is absolute"
    if ".." in parts:
        return "it leads upwards"
    if "" in parts or "." in parts:
        return "it is not in its shortest form"
    if any(part.startswith(".") for part in parts):
        return "it has a hidden part"
    if "\\" in path or not path.isprintable():
        return "it has characters that are not allowed"
    if len(path) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in parts):
        return "it is too long"
    return ""


class _Reading:
    """Walks the tree of one index."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = self._bytes = 0

    def index(self, tree: Node) -> Index:
        top = self._pairs(tree, "the whole file")
        files = tuple(self._files(top.get("components")))
        images = {(entry.version, entry.arch): entry for entry in self._images(top.get("images"))}
        return Index(files, images)

    def _files(self, node: Node | None) -> Iterator[Entry]:
        for component, releases in self._pairs(node, "components").items():
            if len(component) > LONGEST_WORD:
                raise self._wrong(f"{excerpt(component)} is too long for the name of a component")
            for release in self._items(releases, f"components.{component}"):
                pairs = self._pairs(release, f"a release of {component}")
                version = self._word(pairs, "version", component)
                arch = self._word(pairs, "arch", f"{component} {version}")
                for each in self._items(pairs.get("files"), f"the files of {component} {version}"):
                    yield self._entry(each, component, version, arch)

    def _images(self, node: Node | None) -> Iterator[Entry]:
        if node is None or (isinstance(node, Scalar) and node.tag == "null"):
            return
        for each in self._items(node, "images"):
            pairs = self._pairs(each, "an image")
            ref = self._word(pairs, "ref", "an image")
            yield self._entry(each, "image", ref, self._word(pairs, "arch", ref, default="amd64"))

    def _entry(self, node: Node, component: str, version: str, arch: str) -> Entry:
        of = f"{component} {version}"
        pairs = self._pairs(node, f"a file of {of}")
        path = self._word(pairs, "path", of, longest=4 * LONGEST_PATH)
        if why := why_not_below(path):
            raise SourceError(
                f"{self._where} has the path {excerpt(path)} for {of}: {why}.",
                hint="Paths of a bundle must be below its root: folder/file, without .. and without a leading slash. "
                "Nothing of this bundle was used.",
            )
        sha256 = self._word(pairs, "sha256", of)
        if not _DIGEST.fullmatch(sha256):
            raise self._wrong(f"the sha256 of {excerpt(path)} of {of} is {excerpt(sha256)}, not 64 hexadecimal digits")
        self._counted(size := self._size(pairs, path, of))
        return Entry(component, version, arch, path, sha256.lower(), size)

    def _size(self, pairs: dict[str, Node], path: str, of: str) -> int:
        text = self._word(pairs, "size", of, default="0")
        size = whole_number(text)
        if size is None or size > LARGEST_ANNOUNCED:
            raise self._wrong(
                f"the size of {excerpt(path)} of {of} is {excerpt(text)}, not a number of bytes up to 16 GiB"
            )
        return size

    def _counted(self, size: int) -> None:
        self._count += 1
        self._bytes += size
        if self._count > MOST_ENTRIES:
            raise self._wrong(f"it has more than {MOST_ENTRIES:,} entries")
        if self._bytes > LARGEST_BUNDLE:
            raise self._wrong(f"its files have more than {LARGEST_BUNDLE >> 30} GiB together")

    def _pairs(self, node: Node | None, what: str) -> dict[str, Node]:
        if not isinstance(node, Mapping):
            raise self._wrong(f"{what} should be a mapping of keys to values")
        return {key: value for key, (_, value) in node.pairs.items()}

    def _items(self, node: Node | None, what: str) -> list[Node]:
        if not isinstance(node, Sequence):
            raise self._wrong(f"{what} should be a list")
        return node.items

    def _word(
        self, pairs: dict[str, Node], key: str, of: str, *, default: str | None = None, longest: int = LONGEST_WORD
    ) -> str:
        node = pairs.get(key)
        if node is None and default is not None:
            return default
        if not isinstance(node, Scalar) or not node.text or len(node.text) > longest:
            raise self._wrong(f"the {key} of {of} is missing, or is not a short text")
        return node.text

    def _wrong(self, why: str) -> SourceError:
        return _no_index(self._where, why)


def _no_index(where: str, why: str) -> SourceError:
    return SourceError(f"{where} is not the index of an artifact bundle: {why.rstrip('.')}.", hint=_HINT)
