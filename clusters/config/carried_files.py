"""Files that a document names by path: read once, by the command line, and then embedded in the document.

A document from a browser never makes Slipway read a file of the server: otherwise the author of a document
could have any file of the server sent to their machine.
"""

from __future__ import annotations

import base64
import binascii
import errno
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from clusters.config.secret import Secret
from clusters.errors import ConfigError
from clusters.localfile import read_regular
from clusters.places import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import CustomScript, Document, ExternalEtcd

LARGEST = 1024 * 1024
"""Bytes of one file: the document is stored as one text."""
_CARRIED = re.compile(r"data:([\w.+-]+);base64,([A-Za-z0-9+/=\s]*)")


def scripts_of(document: Document) -> Iterator[tuple[str, CustomScript]]:
    """Every script that runs on machines, with its path in the document."""
    system = document.system
    for key, scripts in (
        ("preInstall", system.pre_install),
        ("postClusterInstall", system.post_cluster_install),
        ("postInstall", system.post_install),
    ):
        for number, script in enumerate(scripts):
            yield f"spec.system.{key}.{number}", script


def is_carried(material: str) -> bool:
    """Whether this is an embedded file and not a path."""
    return material.startswith("data:")


def unpacked(material: str) -> tuple[str, bytes]:
    """Name and content of an embedded file. Raises ConfigError when the text is not one, or is damaged."""
    match = _CARRIED.fullmatch(material)
    try:
        content = base64.b64decode("".join(match[2].split()), validate=True) if match else None
    except binascii.Error:
        content = None
    if match is None or content is None:
        raise ConfigError(
            "A file in the document does not have the form data:NAME;base64,CONTENT.",
            hint=f"`{command_line('cluster create -f FILE')}` embeds files whose paths are in a script's materials.",
        )
    return match[1], content


def packed(path: Path) -> str:
    """A file in embedded form. Raises ConfigError when it cannot be read or is too large."""
    name = re.sub(r"[^\w.+-]", "_", PurePosixPath(path).name) or "file"
    return f"data:{name};base64,{base64.b64encode(_read(path)).decode()}"


def paths_left(document: Document) -> tuple[str, ...]:
    """Paths of the document where a file is not embedded yet."""
    found = [
        f"{path}.materials.{index}"
        for path, script in scripts_of(document)
        for index, material in enumerate(script.materials)
        if not is_carried(material)
    ]
    if document.etcd.type == "external":
        given = document.etcd.external
        texts = (("caFile", given.ca_file), ("certFile", given.cert_file), ("keyFile", given.key_file))
        found += [f"spec.etcd.external.{key}" for key, text in texts if isinstance(text, str) and _is_path(text)]
    return tuple(found)


def carry(document: Document, beside: Path) -> Document:
    """The document with all files embedded; relative paths start at `beside`. Only for a caller who may read them.

    Raises ConfigError.
    """
    system = document.system
    update = {
        key: tuple(_with_materials(script, beside) for script in getattr(system, key))
        for key in ("pre_install", "post_cluster_install", "post_install")
    }
    etcd = document.etcd
    if etcd.type == "external":
        etcd = etcd.model_copy(update={"external": _with_certificates(etcd.external, beside)})
    return document.model_copy(update={"system": system.model_copy(update=update), "etcd": etcd})


def _with_materials(script: CustomScript, beside: Path) -> CustomScript:
    files = tuple(each if is_carried(each) else packed(beside / each) for each in script.materials)
    return script.model_copy(update={"materials": files})


def _with_certificates(given: ExternalEtcd, beside: Path) -> ExternalEtcd:
    update: dict[str, str | Secret] = {}
    for key in ("ca_file", "cert_file"):
        if _is_path(text := getattr(given, key)):
            update[key] = _text(beside / text)
    if isinstance(given.key_file, str) and _is_path(given.key_file):
        update["key_file"] = Secret(_text(beside / given.key_file))
    return given.model_copy(update=update)


def _is_path(text: str) -> bool:
    return bool(text) and "-----BEGIN " not in text


def _text(path: Path) -> str:
    text = _read(path).decode("utf-8", "replace")
    if _is_path(text):
        raise ConfigError(f"{path} does not contain a certificate or a key in PEM format.")
    return text


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise ConfigError(
                f"{path} is larger than {LARGEST} bytes, the limit for a file in a document.",
                hint="Let the script download it.",
            ) from error
        raise ConfigError(f"Cannot read {path} from the document: {error.strerror}.") from error
