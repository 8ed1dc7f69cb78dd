"""The document: frozen models of KubeKey's `config-sample.yaml`, with KubeKey's defaults.

Every field has a default, so a half-filled draft is a document too; what is missing or
does not fit together is found by `clusters.config.rules`. Keys Slipway does not know are
kept as they came (`model_extra`) and written out again.
Source of keys and defaults: KubeKey 1.0 to 3.1 types.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from clusters.config.keys import OURS, Model, Names, Switch, Text, key
from clusters.config.sections.endpoint import ControlPlaneEndpoint, KubeVip
from clusters.config.sections.etcd import Etcd, ExternalEtcd
from clusters.config.sections.kubernetes import Kubernetes
from clusters.config.sections.kubesphere import KubeSphere, KubeSphereSpec, KubeSphereWish
from clusters.config.sections.machines import Host, JumpHost, RoleGroups
from clusters.config.sections.network import Network
from clusters.config.sections.registry import NamespaceRewrite, Registry, RegistryAuth, RemoteMirror
from clusters.config.sections.system import (
    Addon,
    AddonSources,
    Chart,
    CoreDns,
    CustomScript,
    Dns,
    ExternalZone,
    Manifests,
    Storage,
    System,
)

__all__ = [
    "Addon",
    "AddonSources",
    "Chart",
    "ControlPlaneEndpoint",
    "CoreDns",
    "CustomScript",
    "Dns",
    "Document",
    "Etcd",
    "ExternalEtcd",
    "ExternalZone",
    "Host",
    "JumpHost",
    "KubeSphere",
    "KubeSphereSpec",
    "KubeSphereWish",
    "KubeVip",
    "Kubernetes",
    "Manifests",
    "Model",
    "Names",
    "NamespaceRewrite",
    "Network",
    "Registry",
    "RegistryAuth",
    "RemoteMirror",
    "RoleGroups",
    "Storage",
    "Switch",
    "System",
    "Text",
]


def _listed(value: Any) -> Any:
    return () if value is None else value


class Document(Model):
    """All that was asked for: `metadata.name` and everything below `spec`.

    Three parts of the file are no keys of `spec`, and their aliases begin with `---`: `kubesphere_document` is the
    second YAML document; `config_v4` and `inventory_v4` hold what only a KubeKey 4 file says.
    """

    name: Text = key("sample", "metadata.name: the cluster's name.")
    hosts: Annotated[tuple[Host, ...], BeforeValidator(_listed)] = key((), "The machines.", shown=True)
    jump_host: JumpHost = key(
        JumpHost(), "Through what SSH goes to machines that do not say it themselves.", since=OURS
    )
    role_groups: RoleGroups = key(RoleGroups(), "Which machine is what.", shown=True)
    control_plane_endpoint: ControlPlaneEndpoint = key(
        ControlPlaneEndpoint(), "Where clients reach the API server.", shown=True
    )
    system: System = key(System(), "What is done to the operating system.", since="2.0")
    kubernetes: Kubernetes = key(Kubernetes(), "Kubernetes.", shown=True)
    etcd: Etcd = key(Etcd(), "Where the cluster's state is kept.", shown=True)
    dns: Dns = key(Dns(), "Names in the cluster.", since="3.1")
    network: Network = key(Network(), "The network plugin and the networks.", shown=True)
    storage: Storage = key(Storage(), "Where volumes come from.", since="3.0", acted=False)
    registry: Registry = key(Registry(), "Where images come from.", shown=True)
    addons: Annotated[tuple[Addon, ...], BeforeValidator(_listed)] = key(
        (), "What is installed into the finished cluster.", shown=True, acted=False
    )
    kubesphere: KubeSphereWish = key(KubeSphereWish(), "As kk's own flags write it.", since="1.0", acted=False)
    kubesphere_document: KubeSphere | None = key(None, "KubeSphere.", alias="---kubesphere", acted=False)
    config_v4: dict[str, Any] = key({}, "The rest of a KubeKey 4 Config.", alias="---config", acted=False)
    inventory_v4: dict[str, Any] = key({}, "The rest of a KubeKey 4 Inventory.", alias="---inventory", acted=False)

    def host(self, name: str) -> Host | None:
        """The machine of that name, if there is one."""
        return next((host for host in self.hosts if host.name == name), None)
