"""The document: frozen models of KubeKey's `config-sample.yaml`, with KubeKey's defaults.

Every field has a default, so an incomplete draft is also a document; `clusters.config.rules` finds missing and
inconsistent values. Unknown keys are stored unchanged (`model_extra`) and written back.
Source of keys and defaults: KubeKey 1.0 to 3.1 types.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from clusters.config.keys import OURS, Model, Names, Switch, Text, key
from clusters.config.sections.endpoint import ControlPlaneEndpoint
from clusters.config.sections.etcd import Etcd, ExternalEtcd
from clusters.config.sections.kubernetes import Kubernetes
from clusters.config.sections.kubesphere import KubeSphere, KubeSphereSpec, KubeSphereWish
from clusters.config.sections.machines import Host, JumpHost, RoleGroups
from clusters.config.sections.network import Network
from clusters.config.sections.registry import NamespaceRewrite, Registry, RegistryAuth, RemoteMirror
from clusters.config.sections.storage import Storage
from clusters.config.sections.system import (
    Addon,
    AddonSources,
    Chart,
    CoreDns,
    CustomScript,
    Dns,
    ExternalZone,
    Manifests,
    System,
)
from clusters.config.storage import any_is_built, instead

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
    """The requested cluster: `metadata.name` and everything below `spec`.

    Three parts of the file are not keys of `spec`, and their aliases begin with `---`: `kubesphere_document` is the
    second YAML document; `config_v4` and `inventory_v4` contain what only a KubeKey 4 file has.
    """

    name: Text = key("sample", "metadata.name: the cluster's name.")
    hosts: Annotated[tuple[Host, ...], BeforeValidator(_listed)] = key((), "The machines.", always_written=True)
    jump_host: JumpHost = key(JumpHost(), "The jump hosts for machines without their own.", since=OURS)
    role_groups: RoleGroups = key(RoleGroups(), "The roles of the machines.", always_written=True)
    control_plane_endpoint: ControlPlaneEndpoint = key(
        ControlPlaneEndpoint(), "Where clients reach the API server.", always_written=True
    )
    system: System = key(System(), "Settings of the operating system.", since="2.0")
    kubernetes: Kubernetes = key(Kubernetes(), "Kubernetes.", always_written=True)
    etcd: Etcd = key(Etcd(), "The store of the cluster's state.", always_written=True)
    dns: Dns = key(Dns(), "DNS in the cluster.", since="3.1")
    network: Network = key(Network(), "The network plugin and the networks.", always_written=True)
    storage: Storage = key(
        Storage(),
        "Storage for volumes.",
        since="3.0",
        acted=any_is_built(),
        instead=instead(),
    )
    registry: Registry = key(Registry(), "Sources of images.", always_written=True)
    addons: Annotated[tuple[Addon, ...], BeforeValidator(_listed)] = key(
        (),
        "Software to install in the finished cluster.",
        always_written=True,
        acted=False,
        instead="Install it with Helm or kubectl after the run, or from a script in system.postInstall.",
    )
    kubesphere: KubeSphereWish = key(KubeSphereWish(), "KubeSphere, as kk's flags write it.", since="1.0", acted=False)
    kubesphere_document: KubeSphere | None = key(None, "KubeSphere.", alias="---kubesphere", acted=False)
    config_v4: dict[str, Any] = key({}, "The rest of a KubeKey 4 Config.", alias="---config", acted=False)
    inventory_v4: dict[str, Any] = key({}, "The rest of a KubeKey 4 Inventory.", alias="---inventory", acted=False)

    def host(self, name: str) -> Host | None:
        """The machine with this name, or None."""
        return next((host for host in self.hosts if host.name == name), None)
