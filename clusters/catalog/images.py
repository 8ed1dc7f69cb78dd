"""The names of images on this cluster's machines: image_ref() is called wherever an image is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.config.sections.registry import NamespaceRewrite

UNNAMED = {"docker.io": "library", "k8s.gcr.io": "kubesphere", "registry.k8s.io": "kubesphere"}
"""Registry -> the project in a private registry for its images without a project. Private registries such as Harbor
require a project. Source: KubeKey, which pushes Kubernetes' images into `kubesphere` and asks for `library` where no
project is named (DefaultKubeImageNamespace and ImageRepo in its sources)."""

DOCKER_HUB = "docker.io"


def image_ref(document: Document, ref: str) -> str:
    """The name in this cluster of an image that its project publishes as `ref`.

    Without registry.privateRegistry that is `ref` itself, with its registry written out. With it, it is
    `privateRegistry/project/name:tag`: the project is namespaceOverride where that is set, else upstream's own,
    changed by namespaceRewrite. Name, tag and digest stay upstream's.
    """
    registry, path = _parts(ref)
    private = document.registry.private_registry
    if not private:
        return f"{registry}/{path}"
    project, _, name = path.rpartition("/")
    project = project or UNNAMED.get(registry, "library")
    project = document.registry.namespace_override or _rewritten(project, document.registry.namespace_rewrite)
    return f"{private}/{project}/{name}"


def repository_of(ref: str) -> str:
    """Everything before an image's name: what kubeadm calls an image repository."""
    return ref.rpartition("/")[0]


def registry_of(ref: str) -> str:
    """The registry an image is pulled from, `host` or `host:port`."""
    return _parts(ref)[0]


def _parts(ref: str) -> tuple[str, str]:
    """Registry, and the rest of the name. A first part without a dot or colon is a project of Docker Hub."""
    first, slash, rest = ref.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, ref if slash else f"library/{ref}"


def _rewritten(project: str, rewrite: NamespaceRewrite) -> str:
    """As KubeKey's policy changePrefix: the last of `src` found in the project is replaced, else `dest` is prepended.

    Source: `ImageRepo` in KubeKey 3.1.
    """
    if rewrite.policy != "changePrefix" or not rewrite.dest:
        return project
    for src in reversed(rewrite.src):
        if src and src in project:
            return project.replace(src, rewrite.dest)
    return f"{rewrite.dest}/{project}"
