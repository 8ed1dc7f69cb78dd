"""KubeSphere's `ClusterConfiguration`, the file's second document, with all keys of v2.1.1 to v3.4.1.

A missing key has no default, because KubeSphere's versions have different keys.
Source: the installers of KubeSphere (ks-installer) at these versions.
"""

from __future__ import annotations

from typing import Any

from clusters.config.keys import GivenSecret, Model, Text, key

On = bool | None
Count = int | None


class Enabled(Model):
    """A component that can be enabled; other keys below it are stored unchanged."""

    enabled: On = key(None, "Whether it is installed.")


class Authentication(Model):
    """Logging in to the console."""

    jwt_secret: GivenSecret = key(None, "Signs the sessions; the same on host and member clusters.")


class BasicAuth(Model):
    """User and password of a search engine."""

    enabled: On = key(None, "Whether they are used.")
    username: Text = key("", "The user.")
    password: GivenSecret = key(None, "The user's password.")


class Search(Model):
    """Elasticsearch or OpenSearch: a new one, or an existing one."""

    enabled: On = key(None, "Whether it is installed.")
    log_max_age: Count = key(None, "Days logs are kept.")
    elk_prefix: Text = key("", "Beginning of the indices' names.")
    opensearch_prefix: Text = key("", "Beginning of the indices' names.")
    elasticsearch_master_replicas: Count = key(None, "Copies, as 3.0 wrote it.")
    elasticsearch_data_replicas: Count = key(None, "Copies, as 3.0 wrote it.")
    elasticsearch_data_volume_size: Text = key("", "Like 20Gi.")
    elasticsearch_master_volume_size: Text = key("", "Like 4Gi.")
    basic_auth: BasicAuth = key(BasicAuth(), "How to log in.")
    external_elasticsearch_host: Text = key("", "Host of an existing Elasticsearch.")
    external_elasticsearch_url: Text = key("", "The same, in the form of 3.1.")
    external_elasticsearch_port: Text = key("", "Its port.")
    external_opensearch_host: Text = key("", "Host of an existing OpenSearch.")
    external_opensearch_port: Text = key("", "Its port.")
    dashboard: Enabled = key(Enabled(), "OpenSearch Dashboards.")
    master: dict[str, Any] = key({}, "Sizes of the masters.")
    data: dict[str, Any] = key({}, "Sizes of the data nodes.")


class Console(Model):
    """The web console."""

    enable_multi_login: On = key(None, "One user may log in several times.")
    port: Count = key(None, "Its NodePort, 30880.")
    type: Text = key("", "Its service's type.")


class Core(Model):
    """KubeSphere's core."""

    console: Console = key(Console(), "The web console.")


class Service(Model):
    """A service that KubeSphere installs for itself."""

    enabled: On = key(None, "Whether it is installed.")
    enable_ha: On = key(None, "Several replicas.", alias="enableHA")
    volume_size: Text = key("", "Like 2Gi.")


class CommonMonitoring(Model):
    """The location of Prometheus."""

    endpoint: Text = key("", "Its URL.")
    gpu_monitoring: Enabled = key(Enabled(), "GPUs.", alias="GPUMonitoring")


class Common(Model):
    """Settings shared by several components."""

    core: Core = key(Core(), "The core.")
    redis: Service = key(Service(), "Redis.")
    openldap: Service = key(Service(), "OpenLDAP.")
    minio: Service = key(Service(), "MinIO.")
    monitoring: CommonMonitoring = key(CommonMonitoring(), "Monitoring.")
    gpu: dict[str, Any] = key({}, "Types of GPUs.")
    es: Search = key(Search(), "Elasticsearch.")
    opensearch: Search = key(Search(), "OpenSearch.")
    mysql_volume_size: Text = key("", "As 2.1 and 3.0 wrote it.")
    minio_volume_size: Text = key("", "As 2.1 to 3.1 wrote it.")
    etcd_volume_size: Text = key("", "As 2.1 and 3.0 wrote it.")
    openldap_volume_size: Text = key("", "As 2.1 to 3.1 wrote it.")
    redis_volume_size: Text = key("", "As 3.0 and 3.1 wrote it.")
    redis_volum_size: Text = key("", "As 2.1 wrote it.")


class EtcdMonitoring(Model):
    """Monitoring of etcd."""

    monitoring: On = key(None, "Whether etcd is monitored.")
    endpoint_ips: Text = key("", "etcd's addresses, joined by commas.")
    port: Count = key(None, "Its port.")
    tls_enable: On = key(None, "Whether it uses TLS.")


class Devops(Model):
    """Jenkins."""

    enabled: On = key(None, "Whether it is installed.")
    jenkins_cpu_req: float | None = key(None, "Requested CPUs.")
    jenkins_cpu_lim: float | None = key(None, "Maximum CPUs.")
    jenkins_memory_lim: Text = key("", "Like 4Gi.")
    jenkins_memory_req: Text = key("", "Like 4Gi.")
    jenkins_volume_size: Text = key("", "Like 16Gi.")
    jenkins_java_opts_xms: Text = key("", "Java's initial heap.", alias="jenkinsJavaOpts_Xms")
    jenkins_java_opts_xmx: Text = key("", "Java's maximum heap.", alias="jenkinsJavaOpts_Xmx")
    jenkins_java_opts_max_ram: Text = key("", "Java's maximum memory.", alias="jenkinsJavaOpts_MaxRAM")
    sonarqube: dict[str, Any] = key({}, "As 2.1 wrote it.")


class Events(Model):
    """Kubernetes' events."""

    enabled: On = key(None, "Whether they are stored.")
    ruler: dict[str, Any] = key({}, "Rules on them.")


class Logging(Model):
    """Logs of pods."""

    enabled: On = key(None, "Whether they are stored.")
    containerruntime: Text = key("", "The cluster's runtime.")
    logsidecar: dict[str, Any] = key({}, "Logs in files.")
    logsidecar_replicas: Count = key(None, "Copies, as 2.1 and 3.0 wrote it.")
    elasticsearch_master_replicas: Count = key(None, "Copies.")
    elasticsearch_data_replicas: Count = key(None, "Copies.")
    elasticsearch_volume_size: Text = key("", "Like 20Gi.")
    log_max_age: Count = key(None, "Days logs are kept.")
    elk_prefix: Text = key("", "Beginning of the indices' names.")
    containers_log_mounted_path: Text = key("", "Where the runtime stores logs.")
    kibana: Enabled = key(Enabled(), "Kibana.")


class Monitoring(Model):
    """Prometheus."""

    storage_class: Text = key("", "Storage class of its volumes.")
    prometheus_replicas: Count = key(None, "Copies.")
    prometheus_memory_request: Text = key("", "Like 400Mi.")
    prometheus_volume_size: Text = key("", "Like 20Gi.")
    alertmanager_replicas: Count = key(None, "Copies.")
    grafana: Enabled = key(Enabled(), "Grafana.")
    node_exporter: dict[str, Any] = key({}, "Measures nodes.", alias="node_exporter")
    gpu: dict[str, Any] = key({}, "Measures GPUs.")


class Persistence(Model):
    """Volumes."""

    storage_class: Text = key("", "Storage class of volumes; the default class if empty.")


class Multicluster(Model):
    """Several clusters in one console."""

    cluster_role: Text = key("", "The role of this cluster.", choices=("", "none", "host", "member"))
    proxy_publish_address: Text = key("", "Where members connect to.")
    host_cluster_name: Text = key("", "The host cluster's name.")


class TypeOf(Model):
    """A choice by type."""

    type: Text = key("", "none, or the type.")


class KubeSphereNetwork(Model):
    """Networks in the console."""

    networkpolicy: Enabled = key(Enabled(), "Network policies.")
    ippool: TypeOf = key(TypeOf(), "Address pools.")
    topology: TypeOf = key(TypeOf(), "Connections between workloads.")


class Store(Model):
    """The app store."""

    enabled: On = key(None, "As 2.1 and 3.0 wrote it.")
    store: Enabled = key(Enabled(), "Whether it is shown.")


class ServiceMesh(Model):
    """Istio."""

    enabled: On = key(None, "Whether it is installed.")
    istio: dict[str, Any] = key({}, "Istio's options.")


class Terminal(Model):
    """The terminal in the console."""

    timeout: Count = key(None, "Seconds until it closes.")


class KubeSphereWish(Model):
    """`spec.kubesphere`: KubeKey's notes on the second document; people rarely write it."""

    enabled: bool = key(False, "Whether KubeSphere is installed.")
    namespace: Text = key("", "Where it is installed.")
    version: Text = key("", "KubeSphere's version.")
    configurations: Text = key("", "The second document as text.", lines=True)


class KubeSphereSpec(Model):
    """The contents of `spec`."""

    persistence: Persistence = key(Persistence(), "Volumes.")
    authentication: Authentication = key(Authentication(), "Logging in.")
    zone: Text = key("", "cn uses image registries in China.")
    local_registry: Text = key("", "Registry of the images.", alias="local_registry")
    namespace_override: Text = key("", "Project of the images.", alias="namespace_override")
    etcd: EtcdMonitoring = key(EtcdMonitoring(), "Watching etcd.")
    common: Common = key(Common(), "Settings shared by several components.")
    console: Console = key(Console(), "The web console, as 2.1 to 3.1 wrote it.")
    alerting: dict[str, Any] = key({}, "Alerts.")
    auditing: dict[str, Any] = key({}, "Audit logs.")
    notification: Enabled = key(Enabled(), "Messages, as 2.1 and 3.0 wrote it.")
    devops: Devops = key(Devops(), "Jenkins.")
    events: Events = key(Events(), "Kubernetes' events.")
    logging: Logging = key(Logging(), "Logs of pods.")
    metrics_server: Enabled = key(Enabled(), "Measurements for kubectl top.", alias="metrics_server")
    monitoring: Monitoring = key(Monitoring(), "Prometheus.")
    multicluster: Multicluster = key(Multicluster(), "Several clusters.")
    network: KubeSphereNetwork = key(KubeSphereNetwork(), "Networks.")
    networkpolicy: Enabled = key(Enabled(), "Network policies, as 3.0 wrote it.")
    openpitrix: Store = key(Store(), "The app store.")
    servicemesh: ServiceMesh = key(ServiceMesh(), "Istio.")
    edgeruntime: dict[str, Any] = key({}, "KubeEdge.")
    kubeedge: dict[str, Any] = key({}, "KubeEdge, as 3.1 and 3.2 wrote it.")
    gatekeeper: dict[str, Any] = key({}, "OPA Gatekeeper.")
    terminal: Terminal = key(Terminal(), "The terminal in the console.")


class KubeSphere(Model):
    """The second document. `version` is its label; only the ConfigMap of v2.1.1 has `data`."""

    api_version: Text = key("installer.kubesphere.io/v1alpha1", "installer.kubesphere.io/v1alpha1; v1 for a ConfigMap.")
    kind: Text = key("ClusterConfiguration", "ClusterConfiguration, or ConfigMap up to v2.1.1.")
    name: Text = key("ks-installer", "metadata.name")
    namespace: Text = key("kubesphere-system", "metadata.namespace")
    version: Text = key("", "metadata.labels.version: KubeSphere's version.")
    metadata: dict[str, Any] = key({}, "Other keys below metadata.")
    spec: KubeSphereSpec = key(KubeSphereSpec(), "What to install, and how.")
    data: dict[str, Any] = key({}, "A ConfigMap's data.")
    status: dict[str, Any] = key({}, "What KubeSphere's installer writes.")
