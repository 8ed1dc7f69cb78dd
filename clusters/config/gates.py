"""Feature gates that Kubernetes no longer knows: a component does not start with one it does not know.

Source: the page "Feature Gates (removed)" of Kubernetes' documentation, as of 1.27, and of those that went
later the ones it told of since. What is not in the table is believed to be known.
"""

from __future__ import annotations

_LAST_MINOR = {
    20: "HyperVContainer ServiceLoadBalancerFinalizer SupportIPVSProxyMode TaintBasedEvictions WindowsGMSA "
    "WindowsRunAsUserName",
    21: "AttachVolumeLimit BlockVolume CSIBlockVolume CSIDriverRegistry CSIMigrationAWSComplete "
    "CSIMigrationAzureDiskComplete CSIMigrationAzureFileComplete CSIMigrationGCEComplete CSIMigrationOpenStackComplete "
    "EvenPodsSpread RotateKubeletClientCertificate TokenRequest TokenRequestProjection VolumePVCDataSource",
    22: "BalanceAttachedNodeVolumes CRIContainerLogRotation CSIMigrationvSphereComplete CSINodeInfo "
    "ExternalPolicyForExternalIP LegacyNodeRoleBehavior NodeDisruptionExclusion RootCAConfigMap RunAsGroup SCTPSupport "
    "ServiceAppProtocol ServiceNodeExclusion ServiceTopology Sysctls VolumeSnapshotDataSource",
    23: "BoundServiceAccountTokenVolume CronJobControllerV2 EnableEquivalenceClassCache NamespaceDefaultLabelName "
    "NodeLease ServiceAccountIssuerDiscovery StartupProbe SupportNodePidsLimit SupportPodPidsLimit",
    24: "CSIServiceAccountToken EndpointSlice EndpointSliceNodeName EndpointSliceProxying GenericEphemeralVolume "
    "HugePageStorageMediumSize IPv6DualStack ImmutableEphemeralVolumes IngressClassNamespacedParams RuntimeClass "
    "SetHostnameAsFQDN StorageObjectInUseProtection StreamingProxyRedirects TTLAfterFinished ValidateProxyRedirects "
    "VolumeSubpath VolumeSubpathEnvExpansion WarningHeaders WindowsEndpointSliceProxying",
    25: "AllowInsecureBackendProxy CSIMigrationOpenStack CSIVolumeFSGroupPolicy CSRDuration ConfigurableFSGroupPolicy "
    "DefaultPodTopologySpread DynamicKubeletConfig IndexedJob NonPreemptingPriority PodAffinityNamespaceSelector "
    "PodDisruptionBudget PodOverhead PreferNominatedNode SelectorIndex ServiceLBNodePortControl "
    "ServiceLoadBalancerClass SuspendJob",
    26: "CSIInlineVolume CSIMigration CSIMigrationAWS CSIMigrationAzureDisk ControllerManagerLeaderMigration "
    "DaemonSetUpdateSurge EphemeralContainers ExpandCSIVolumes ExpandInUsePersistentVolumes ExpandPersistentVolumes "
    "IdentifyPodOS LocalStorageCapacityIsolation NetworkPolicyEndPort StatefulSetMinReadySeconds",
    27: "AdvancedAuditing CSIStorageCapacity",
    32: "APIListChunking AdmissionWebhookMatchConditions AggregatedDiscoveryEndpoint",
}
"""The last minor of Kubernetes 1 that knows a gate -> gates."""

REMOVED_GATES = {name: last + 1 for last, names in _LAST_MINOR.items() for name in names.split()}
"""Feature gate -> the first minor that does not know it any more."""
