"""The `registry` section. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from clusters.config.keys import OURS, GivenSecret, Model, Names, PathOrKey, Text, key

SCHEMES = ("https://", "http://")
REGISTRY_TYPES = ("", "harbor", "harbor-ha", "docker-registry")


def host_of_insecure(text: str) -> str:
    """The host and port of an entry of insecureRegistries; like docker, without the scheme."""
    return next((text.removeprefix(each) for each in SCHEMES if text.startswith(each)), text).rstrip("/")


class RegistryAuth(Model):
    """Login and certificates of a registry."""

    username: Text = key("", "The login user.", since="2.0")
    password: GivenSecret = key(None, "The user's password.", since="2.0")
    skip_tls_verify: bool = key(False, "Accept any certificate.", alias="skipTLSVerify", since="2.0")
    plain_http: bool = key(False, "Use HTTP without TLS.", alias="plainHTTP", since="2.1")
    certs_path: Text = key("", "Directory of the three files below; its authority is ca.crt.", since="2.0")
    ca_file: Text = key("", "Its certificate authority's certificate.", since="2.0", lines=True)
    cert_file: Text = key("", "The client's certificate.", since="2.0", lines=True)
    key_file: PathOrKey = key("", "The client's private key.", since="2.0", lines=True)


class NamespaceRewrite(Model):
    """Rules to rename projects of images."""

    policy: Text = key("", "changePrefix", since="3.1.8", choices=("", "changePrefix"))
    src: Names = key((), "Prefixes to replace.", since="3.1.8")
    dest: Text = key("", "The replacement.", since="3.1.8")


class RemoteMirror(Model):
    """The mirrors of one registry, for containerd."""

    endpoint: Names = key((), "URLs of mirrors.", since="3.1.10")


class Registry(Model):
    """The sources of images."""

    type: Text = key(
        "",
        "The registry to install on the group registry.",
        since="2.0",
        acted=False,
        instead="Install the registry before the run, and set privateRegistry.",
        choices=REGISTRY_TYPES,
        v4="image_registry.type",
    )
    private_registry: Text = key("", "host[:port] for all images.", always_written=True)
    namespace_override: Text = key(
        "", "The project of all images in the private registry.", since="2.0", always_written=True
    )
    registry_mirrors: Names = key((), "URLs of Docker Hub's mirrors.", always_written=True, v4="cri.registry.mirrors")
    insecure_registries: Names = key(
        (), "Registries without a certificate.", always_written=True, v4="cri.registry.insecure_registries"
    )
    auths: dict[str, RegistryAuth] = key({}, "Registry -> how to log in.", since="2.0")
    bridge_ip: Text = key(
        "", "docker0's address with its mask.", alias="bridgeIP", since="3.0.8", v4="cri.docker.daemon.bip"
    )
    containerd_data_dir: Text = key("", "containerd's directory.", since="3.1.8", v4="cri.containerd.data_root")
    docker_data_dir: Text = key("", "Docker's directory.", since="3.1.8", v4="cri.docker.daemon.data-root")
    registry_data_dir: Text = key("", "The installed registry's directory.", since="3.1.8", acted=False)
    data_root: Text = key("", "dockerDataDir in the form of 2.2.2 to 3.1.7.", since="2.2.2")
    plain_http: bool = key(False, "auths.….plainHTTP in the form of 2.0.", alias="plainHTTP", since="2.0")
    namespace_rewrite: NamespaceRewrite = key(NamespaceRewrite(), "Rename projects of images.", since="3.1.8")
    http_proxy: Text = key(
        "", "URL of the proxy through which the container runtime pulls images; httpsProxy's if empty.", since=OURS
    )
    https_proxy: Text = key("", "The same for https://; httpProxy's if empty.", since=OURS)
    no_proxy: Names = key(
        (),
        "What it reaches without the proxy, beside the cluster's own addresses and the private registry.",
        since=OURS,
    )
    remote_mirrors: dict[str, RemoteMirror] = key({}, "Registry -> its mirrors.", since="3.1.10")
