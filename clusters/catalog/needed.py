"""What a document needs from the artifact source: files and images of each machine, known before anything changes.

The steps request their files separately; a test runs them all and compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import load_balancers, plugins
from clusters.catalog.components import ANY, component_of, file_names
from clusters.catalog.images import image_ref
from clusters.catalog.runtimes import runtime_of
from clusters.catalog.steps.etcd.certificates import is_service
from clusters.catalog.steps.images.load import wanted_images
from clusters.config.topology import members, roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.source import Source

NODE = ("kubernetes", "cni-plugins", "crictl")


def components(document: Document, name: str) -> tuple[str, ...]:
    """The components whose files the machine of that name gets."""
    held = roles(document, name)
    found: list[str] = []
    if "master" in held or "worker" in held:
        found += [*NODE, *runtime_of(document).components]
    if "etcd" in held and is_service(document):
        found.append("etcd")
    first = members(document, "master")[:1]
    if first and first[0].name == name:
        found += _of_the_plugin(document)
    return tuple(found)


def parts(document: Document) -> tuple[str, ...]:
    """The components that some machine of the document gets, with or without machines. Raises PlanError."""
    of_etcd = ("etcd",) if is_service(document) else ()
    return (*NODE, *runtime_of(document).components, *of_etcd, *_of_the_plugin(document))


def _of_the_plugin(document: Document) -> tuple[str, ...]:
    """The plugin's manifest, or its chart and helm; the first control plane applies the objects."""
    component = plugins.plugin_of(document).component
    if component is None:
        return ()
    return (component.name, "helm") if component.kind == "chart" else (component.name,)


def files(document: Document, source: Source, name: str, arch: str) -> Iterator[tuple[str, str, str, str]]:
    """Component, version, file and architecture of each file for a machine. Raises SourceError for unknown versions."""
    plugin = plugins.plugin_of(document)
    for component in components(document, name):
        version = source.version_of(component, document.kubernetes.version)
        where = arch if component_of(component).kind == "program" else ANY
        for file in file_names(component, version, where):
            if component != plugin.name or plugin.takes(document, file):
                yield component, version, file, where


def images(document: Document, source: Source, name: str) -> tuple[str, ...]:
    """The images that the machine of that name gets, by their names on the machine."""
    held = roles(document, name)
    if not {"master", "worker"} & set(held):
        return ()
    found = [image_ref(document, ref) for ref in wanted_images(document, control_plane="master" in held)]
    found += plugins.images(document)
    found += load_balancers.images(document, source, held)
    return tuple(dict.fromkeys(found))
