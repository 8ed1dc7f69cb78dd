"""The fields of a KubeletConfiguration, and the valid values of those that people often set.

Sources: the published type (k8s.io/kubelet/config/v1beta1, types.go, of 1.37), and what the kubelet of 1.36 rejects:
its validation, its eviction helpers, and how it reads reserved resources. It ignores unknown names with a warning in
its log, like kubeadm; with a value of the wrong type it does not start.
"""

from __future__ import annotations

import re

from clusters.config.component_settings.feature_gates import NEW_GATES
from clusters.config.suggestions import nearest

_DURATIONS = (
    "syncFrequency fileCheckFrequency httpCheckFrequency streamingConnectionIdleTimeout nodeStatusUpdateFrequency "
    "nodeStatusReportFrequency imageMinimumGCAge imageMaximumGCAge volumeStatsAggPeriod cpuManagerReconcilePeriod "
    "runtimeRequestTimeout cpuCFSQuotaPeriod evictionPressureTransitionPeriod containerLogMonitorInterval "
    "shutdownGracePeriod shutdownGracePeriodCriticalPods"
)
_OF_KIND = {
    bool: "enableServer rotateCertificates serverTLSBootstrap enableDebuggingHandlers enableContentionProfiling "
    "cgroupsPerQOS singleProcessOOMKill runOnce cpuCFSQuota serializeImagePulls mergeDefaultEvictionSettings "
    "enableControllerAttachDetach protectKernelDefaults makeIPTablesUtilChains failSwapOn kernelMemcgNotification "
    "enableSystemLogHandler enableSystemLogQuery enableProfilingHandler enableDebugFlagsHandler seccompDefault "
    "registerNode localStorageCapacityIsolation failCgroupV1",
    int: "port readOnlyPort registryPullQPS registryBurst eventRecordQPS eventBurst healthzPort oomScoreAdj "
    "nodeLeaseDurationSeconds imageGCHighThresholdPercent imageGCLowThresholdPercent maxPods podPidsLimit "
    "nodeStatusMaxImages maxOpenFiles kubeAPIQPS kubeAPIBurst maxParallelImagePulls evictionMaxPodGracePeriod "
    "podsPerCore iptablesMasqueradeBit iptablesDropBit containerLogMaxFiles containerLogMaxWorkers",
    str: "apiVersion kind staticPodPath podLogsDir staticPodURL address tlsCertFile tlsPrivateKeyFile tlsMinVersion "
    "imagePullCredentialsVerificationPolicy healthzBindAddress clusterDomain kubeletCgroups systemCgroups cgroupRoot "
    "cgroupDriver cpuManagerPolicy memoryManagerPolicy topologyManagerPolicy topologyManagerScope hairpinMode podCIDR "
    "resolvConf contentType containerLogMaxSize configMapAndSecretChangeDetectionStrategy reservedSystemCPUs "
    "showHiddenMetricsForVersion systemReservedCgroup kubeReservedCgroup volumePluginDir providerID "
    "memoryReservationPolicy containerRuntimeEndpoint imageServiceEndpoint " + _DURATIONS,
    dict: "staticPodURLHeader authentication authorization cpuManagerPolicyOptions topologyManagerPolicyOptions "
    "qosReserved evictionHard evictionSoft evictionSoftGracePeriod evictionMinimumReclaim featureGates memorySwap "
    "systemReserved kubeReserved defaultPodSysctls logging crashLoopBackOff tracing userNamespaces",
    list: "tlsCipherSuites tlsCurvePreferences preloadedImagesVerificationAllowlist clusterDNS enforceNodeAllocatable "
    "allowedUnsafeSysctls shutdownGracePeriodByPodPriority reservedMemory registerWithTaints",
    float: "memoryThrottlingFactor",
}

FIELDS: dict[str, type] = {name: kind for kind, names in _OF_KIND.items() for name in names.split()}
"""Field of a KubeletConfiguration (kubelet.config.k8s.io/v1beta1) -> the type of its value."""

KINDS = {
    bool: "true or false",
    int: "a whole number, without quotes",
    str: "a text, in quotes where it looks like a number",
    dict: "a mapping of names to values",
    list: "a list",
    float: "a number",
}
"""Type -> its name in messages."""

_GATE_OF = {
    "cpuManagerPolicyOptions": "CPUManagerPolicyOptions",
    "crashLoopBackOff": "KubeletCrashLoopBackOffMax",
    "enableSystemLogQuery": "NodeLogQuery",
    "imageMaximumGCAge": "ImageMaximumGCAge",
    "imagePullCredentialsVerificationPolicy": "KubeletEnsureSecretPulledImages",
    "memoryManagerPolicy": "MemoryManager",
    "memorySwap": "NodeSwap",
    "memoryThrottlingFactor": "MemoryQoS",
    "preloadedImagesVerificationAllowlist": "KubeletEnsureSecretPulledImages",
    "reservedMemory": "MemoryManager",
    "seccompDefault": "SeccompDefault",
    "shutdownGracePeriodByPodPriority": "GracefulNodeShutdownBasedOnPodPriority",
    "topologyManagerPolicyOptions": "TopologyManagerPolicyOptions",
    "tracing": "KubeletTracing",
}
SINCE = {"failCgroupV1": 31, "defaultPodSysctls": 37, **{field: NEW_GATES[gate] for field, gate in _GATE_OF.items()}}
"""Field -> the first minor of Kubernetes 1 that has it. Sources: KEP-4569, the types of 1.36 and 1.37, and for others
the feature gate that was added with the field."""
LATER = frozenset(
    (
        *SINCE,
        *("containerLogMaxWorkers", "containerLogMonitorInterval", "containerRuntimeEndpoint", "imageServiceEndpoint"),
        *("enableDebugFlagsHandler", "enableProfilingHandler", "localStorageCapacityIsolation", "podLogsDir"),
        *("maxParallelImagePulls", "memoryReservationPolicy", "mergeDefaultEvictionSettings", "userNamespaces"),
        *("registerNode", "registerWithTaints", "singleProcessOOMKill", "tlsCurvePreferences"),
    )
)
"""Fields that 1.20 does not have. Source: types.go of 1.20.2; its kubelet prints "found unknown field"."""

DURATIONS = tuple(_DURATIONS.split())
RANGES: dict[str, tuple[int, int | None]] = {
    **dict.fromkeys(("port", "readOnlyPort", "healthzPort"), (0, 65535)),
    **dict.fromkeys(("containerLogMaxWorkers", "maxParallelImagePulls"), (1, None)),
    **dict.fromkeys(("eventBurst", "kubeAPIQPS", "maxOpenFiles", "nodeLeaseDurationSeconds"), (0, None)),
    **dict.fromkeys(("podsPerCore", "registryPullQPS"), (0, None)),
    "containerLogMaxFiles": (2, None),
    "oomScoreAdj": (-1000, 1000),
}
"""Field -> its minimum and maximum. Source: what the kubelets of 1.37.2, 1.36.3 and 1.20.2 reject."""
WORDS = {
    "hairpinMode": ("none", "hairpin-veth", "promiscuous-bridge"),
    "topologyManagerPolicy": ("none", "best-effort", "restricted", "single-numa-node"),
    "topologyManagerScope": ("container", "pod"),
}
"""Field -> its valid words. Source: as above."""
ENFORCEABLE = ("pods", "system-reserved", "system-reserved-compressible", "kube-reserved", "kube-reserved-compressible")
"""Valid items of enforceNodeAllocatable, besides "none" alone. Source: as above."""
SWAP_BEHAVIORS = ("LimitedSwap", "NoSwap", "UnlimitedSwap")
UNLIMITED_SWAP_GONE = 36
"""The first tested minor that rejects UnlimitedSwap."""
NESTED: dict[str, type] = {
    **dict.fromkeys(("authentication.anonymous", "authentication.webhook", "authentication.x509"), dict),
    **dict.fromkeys(("authentication.anonymous.enabled", "authentication.webhook.enabled"), bool),
    **dict.fromkeys(("authentication.webhook.cacheTTL", "authentication.x509.clientCAFile"), str),
    **dict.fromkeys(("authorization.mode", "crashLoopBackOff.maxContainerRestartPeriod", "logging.format"), str),
    "authorization.webhook": dict,
    "memorySwap.swapBehavior": str,
}
"""Path in the configuration -> its type, as in types.go; the kubelet does not start with another type."""
TEXTS = ("evictionSoftGracePeriod", "cpuManagerPolicyOptions", "topologyManagerPolicyOptions", "qosReserved")
"""Mappings whose values are texts; `evictionMinimumReclaim` is checked as an amount."""
ITEMS: dict[str, type] = {
    **dict.fromkeys(("clusterDNS", "enforceNodeAllocatable", "tlsCipherSuites", "allowedUnsafeSysctls"), str),
    **dict.fromkeys(("registerWithTaints", "reservedMemory", "shutdownGracePeriodByPodPriority"), dict),
}
"""List -> the type of its items. Source: as above."""

CGROUP_DRIVERS = ("systemd", "cgroupfs")
SIGNALS = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "containerfs.available",
    "containerfs.inodesFree",
    "pid.available",
)
"""The eviction signals that users may set."""
RESERVABLE = ("cpu", "memory", "ephemeral-storage", "pid")
GC_DEFAULTS = {"imageGCHighThresholdPercent": 85, "imageGCLowThresholdPercent": 80}
"""If only one of the two is set, the other one has this value."""

_SPELLED = {field.lower(): field for field in FIELDS}
_QUANTITY = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_DURATION = re.compile(r"[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)%")


def is_quantity(value: object) -> bool:
    """Whether this is a text like 250Mi or 500m, not negative. Source: Kubernetes' Quantity."""
    return isinstance(value, str) and _QUANTITY.fullmatch(value) is not None


def is_threshold(value: object) -> bool:
    """Whether this is a text like 100Mi, greater than zero, or like 10%, up to 100%."""
    if not isinstance(value, str):
        return False
    if percent := _PERCENT.fullmatch(value):
        return float(percent[1]) <= 100
    quantity = _QUANTITY.fullmatch(value)
    return quantity is not None and float(quantity[1]) > 0


def is_duration(text: str) -> bool:
    """Whether this is a duration like 1m30s. Source: Go's time.ParseDuration."""
    return _DURATION.fullmatch(text) is not None


def nearest_field(name: str) -> str:
    """The most similar field, or an empty text. The kubelet's field names are case-sensitive."""
    return _SPELLED.get(nearest(name.lower(), _SPELLED, 0.75), "")
