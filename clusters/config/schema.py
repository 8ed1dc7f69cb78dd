"""The document: frozen models of KubeKey's `config-sample.yaml`, with KubeKey's defaults.

Every field has a default, so a half-filled draft is a document too; what is missing or
does not fit together is found by `clusters.config.rules`. Keys Slipway does not know are
kept as they came (`model_extra`) and written out again.
Source of keys and defaults: KubeKey 1.0 to 3.1 types.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from clusters.config.secret import Secret  # noqa: TC001 - pydantic reads the annotation at run time


def _listed(value: Any) -> Any:
    """YAML writes an empty list as nothing at all; KubeKey accepts that, so do we."""
    return () if value is None else value


def _text(value: Any) -> Any:
    """A bare number where text is meant (`name: 1`) is text; nothing is no text."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _given(value: Any) -> Any:
    """An empty secret is none."""
    return value or None


def _or(default: str) -> BeforeValidator:
    """KubeKey takes an empty text as not given."""
    return BeforeValidator(lambda value: _text(value) or default)


Text = Annotated[str, BeforeValidator(_text)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class Model(BaseModel):
    """Common settings of all parts of the document."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="allow", hide_input_in_errors=True
    )


class Host(Model):
    """One machine. Without `user` it is root, without `port` 22, without `address` the internal address."""

    name: Text = ""
    address: Text = ""
    internal_address: Text = ""
    port: int = 22
    user: Annotated[str, _or("root")] = "root"
    password: Annotated[Secret | None, BeforeValidator(_given)] = None
    private_key: Annotated[Secret | None, BeforeValidator(_given)] = None
    private_key_path: Text = ""
    arch: Annotated[str, _or("amd64")] = "amd64"
    timeout: int = 30
    labels: dict[str, str] = Field(default_factory=dict)

    @property
    def ssh_address(self) -> str:
        """Where SSH goes."""
        return self.address or self.internal_address

    @property
    def node_address(self) -> str:
        """The address other nodes use (KubeKey: `internalAddress`)."""
        return self.internal_address or self.address


class RoleGroups(Model):
    """Which machine is what. `control-plane` beside `master` is read as `master`."""

    etcd: Names = ()
    master: Names = ()
    worker: Names = ()
    control_plane: Names = Field(default=(), alias="control-plane")


class ControlPlaneEndpoint(Model):
    """Where clients reach the API server. An empty address means the first control plane's."""

    domain: Text = "lb.kubesphere.local"
    address: Text = ""
    port: int = 6443
    internal_loadbalancer: Text = ""
    external_dns: bool = Field(default=False, alias="externalDNS")


class Kubernetes(Model):
    """The `kubernetes` section."""

    version: Text = "v1.23.17"
    cluster_name: Text = "cluster.local"
    dns_domain: Text = "cluster.local"
    container_manager: Text = "docker"
    proxy_mode: Text = "ipvs"
    masquerade_all: bool = False
    max_pods: int = 110
    node_cidr_mask_size: int = 24
    apiserver_cert_extra_sans: Names = ()


class Etcd(Model):
    """The `etcd` section."""

    type: Text = "kubekey"
    port: int = 2379
    peer_port: int = 2380
    data_dir: Text = "/var/lib/etcd"


class Network(Model):
    """The `network` section. CIDRs keep KubeKey's spelling, with CIDR in capitals."""

    plugin: Text = "calico"
    kube_pods_cidr: Text = Field(default="10.233.64.0/18", alias="kubePodsCIDR")
    kube_service_cidr: Text = Field(default="10.233.0.0/18", alias="kubeServiceCIDR")


class Registry(Model):
    """The `registry` section."""

    private_registry: Text = ""
    namespace_override: Text = ""
    registry_mirrors: Names = ()
    insecure_registries: Names = ()


class Document(Model):
    """All that was asked for: `metadata.name` and everything below `spec`.

    `kubesphere_document` is the file's second YAML document, kept as it came; it is no key of `spec`.
    """

    name: Text = "sample"
    hosts: Annotated[tuple[Host, ...], BeforeValidator(_listed)] = ()
    role_groups: RoleGroups = Field(default_factory=RoleGroups)
    control_plane_endpoint: ControlPlaneEndpoint = Field(default_factory=ControlPlaneEndpoint)
    kubernetes: Kubernetes = Field(default_factory=Kubernetes)
    etcd: Etcd = Field(default_factory=Etcd)
    network: Network = Field(default_factory=Network)
    registry: Registry = Field(default_factory=Registry)
    kubesphere_document: dict[str, Any] = Field(default_factory=dict, alias="---kubesphere")

    def host(self, name: str) -> Host | None:
        """The machine of that name, if there is one."""
        return next((host for host in self.hosts if host.name == name), None)
