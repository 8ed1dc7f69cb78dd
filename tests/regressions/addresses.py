"""Every address of the product for one cluster or one run, found in the URL configuration."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from clusters.catalog.recipes import recipes
from clusters.wizard.core import flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.models import Run


def addresses(run: Run) -> dict[str, str]:
    """Name -> address, for the run and its cluster."""
    found = {}
    for pattern in _patterns(get_resolver().url_patterns):
        if pattern.name is None or "pk" not in pattern.pattern.converters:
            continue
        about = run.pk if str(pattern.pattern).startswith("runs/") else run.cluster_id
        if "slug" in pattern.pattern.converters:
            for page in flow.pages():
                found[f"{pattern.name}:{page.slug}"] = reverse(pattern.name, args=[about, page.slug])
        elif "name" in pattern.pattern.converters:
            for recipe in recipes():
                found[f"{pattern.name}:{recipe.name}"] = reverse(pattern.name, args=[about, recipe.name])
        else:
            found[pattern.name] = reverse(pattern.name, args=[about])
    return found


def _patterns(held: list[Any]) -> Iterator[URLPattern]:
    for one in held:
        if isinstance(one, URLPattern):
            yield one
        elif isinstance(one, URLResolver) and one.app_name != "admin":
            yield from _patterns(one.url_patterns)


def content_of(answer: Any) -> str:
    """The whole response as text, with headers; archives are unpacked."""
    data = async_to_sync(_gathered)(answer) if answer.streaming else answer.content
    headers = "\n".join(f"{name}: {value}" for name, value in answer.items())
    if data.startswith(b"PK"):
        packed = zipfile.ZipFile(io.BytesIO(data))
        data = b"\n".join(packed.read(name) for name in packed.namelist())
    return headers + "\n" + data.decode("utf-8", "replace")


async def _gathered(answer: Any) -> bytes:
    return b"".join([part async for part in answer.streaming_content])
