"""Feature gates by Kubernetes version: a component does not start with a gate that it does not know.

For the minors in feature_gate_lists.py the list is complete, because their kubelets were tested. For the others, the
tables below list what was added and removed; a gate without an entry is assumed to be known. Sources: for removed gates
the pages "Feature Gates (removed)" of Kubernetes' documentation; for added ones `versioned_feature_list.yaml` in
Kubernetes' tree, and for older ones the page "Feature Gates". Gates added in a patch of an older series are omitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.component_settings import feature_gate_lists
from clusters.config.syntax import switch_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    27: "AdvancedAuditing CSIMigrationGCE CSIStorageCapacity DelegateFSGroupToCSIDriver DevicePlugins "
    "DisableAcceleratorUsageMetrics DryRun EndpointSliceTerminatingCondition MixedProtocolLBService "
    "NetworkPolicyStatus PodHasNetworkCondition PodSecurity ServiceIPStaticSubrange ServiceInternalTrafficPolicy "
    "UserNamespacesStatelessPodsSupport WindowsHostProcessContainers",
    28: "CSIMigrationvSphere CronJobTimeZone DownwardAPIHugePages GRPCContainerProbe KubeletCredentialProviders "
    "OpenAPIV3 SeccompDefault TopologyManager",
    29: "ExpandedDNSConfig ExperimentalHostUserNamespaceDefaulting KubeletPodResources ProxyTerminatingEndpoints "
    "RemoveSelfLink",
    30: "APIPriorityAndFairness CustomResourceValidationExpressions ReadWriteOncePod",
    31: "HPAContainerMetrics MinDomainsInPodTopologySpread NodeOutOfServiceVolumeDetach ServerSideApply "
    "ServerSideFieldValidation ValidatingAdmissionPolicy",
    32: "APIListChunking AdmissionWebhookMatchConditions AggregatedDiscoveryEndpoint AppArmor RemainingItemCount "
    "WatchBookmark",
    33: "DevicePluginCDIDevices",
    34: "LoadBalancerIPMode UserNamespacesPodSecurityStandards",
    36: "APIServerTracing AnonymousAuthConfigurableEndpoints AnyVolumeDataSource AuthorizeNodeWithSelectors "
    "AuthorizeWithSelectors BtreeWatchCache ConsistentListFromCache GangScheduling JobBackoffLimitPerIndex "
    "JobPodReplacementPolicy JobSuccessPolicy LogarithmicScaleDown "
    "OrderedNamespaceDeletion PodLifecycleSleepAction PodLifecycleSleepActionAllowZero "
    "PreventStaticPodAPIReferences RelaxedDNSSearchValidation "
    "ResilientWatchCacheInitialization RetryGenerateName SchedulerQueueingHints SidecarContainers "
    "StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf "
    "StructuredAuthenticationConfiguration WorkloadAwarePreemption",
}
"""The last minor of Kubernetes 1 that knows a gate -> gates."""

REMOVED_GATES = {name: last + 1 for last, names in _LAST_MINOR.items() for name in names.split()}
"""Feature gate -> the first minor that no longer knows it."""

_GONE_SOMETIME = (
    "APISelfSubjectReview AppArmorFields CPUManager CSIMigrationAzureFile CSIMigrationPortworx CSIMigrationRBD "
    "CSINodeExpandSecret CloudDualStackNodeIPs ComponentSLIs CronJobsScheduledAnnotation EfficientWatchResumption "
    "HonorPVReclaimPolicy InPlacePodVerticalScalingAllocatedStatus InTreePluginPortworxUnregister "
    "JobPodFailurePolicy JobTrackingWithFinalizers MemoryManager PodDisruptionConditions PodIndexLabel "
    "ProbeTerminationGracePeriod ServiceTrafficDistribution SizeMemoryBackedVolumes StatefulSetAutoDeletePVC "
    "StatefulSetStartOrdinal StructuredAuthorizationConfiguration TopologyAwareHints"
)
"""Removed gates without a documented minor; the kubelet of 1.36.3 does not know them."""

_KUBEADM = (
    "ControlPlaneKubeletLocalMode EtcdLearnerMode NodeLocalCRISocket PublicKeysECDSA RootlessControlPlane "
    "UpgradeAddonsBeforeControlPlane WaitForAllControlPlaneComponents"
)
"""kubeadm's gates, which no component has ever known. Source: kubeadm's documentation, "kubeadm init"."""

OF_A_STAGE = frozenset(("AllAlpha", "AllBeta"))
"""Names for all gates of a stage, which every version knows."""

_FIRST_MINOR = {
    21: "ControllerManagerLeaderMigration CSIVolumeHealth DaemonSetUpdateSurge IndexedJob "
    "IngressClassNamespacedParams LogarithmicScaleDown MemoryManager NamespaceDefaultLabelName "
    "NetworkPolicyEndPort PodAffinityNamespaceSelector PodDeletionCost PreferNominatedNode "
    "ProbeTerminationGracePeriod ServiceInternalTrafficPolicy ServiceLoadBalancerClass SuspendJob "
    "TopologyAwareHints",
    22: "APIServerTracing CPUManagerPolicyOptions CSRDuration DelegateFSGroupToCSIDriver ExpandedDNSConfig "
    "JobTrackingWithFinalizers KubeletInUserNamespace MemoryQoS NodeSwap PodSecurity "
    "ProxyTerminatingEndpoints ReadWriteOncePod SeccompDefault StatefulSetMinReadySeconds "
    "WindowsHostProcessContainers",
    23: "CPUManagerPolicyAlphaOptions CPUManagerPolicyBetaOptions CSIMigrationPortworx "
    "CustomResourceValidationExpressions GracefulNodeShutdownBasedOnPodPriority GRPCContainerProbe "
    "HonorPVReclaimPolicy IdentifyPodOS InTreePluginPortworxUnregister OpenAPIEnums OpenAPIV3 "
    "PodAndContainerStatsFromCRI RecoverVolumeExpansionFailure ServerSideFieldValidation "
    "StatefulSetAutoDeletePVC",
    24: "ContextualLogging CronJobTimeZone LoggingAlphaOptions LoggingBetaOptions MaxUnavailableStatefulSet "
    "MinDomainsInPodTopologySpread NetworkPolicyStatus NodeOutOfServiceVolumeDetach ServiceIPStaticSubrange",
    25: "ContainerCheckpoint JobPodFailurePolicy KubeletTracing MatchLabelKeysInPodTopologySpread "
    "NodeInclusionPolicyInPodTopologySpread PodDisruptionConditions PodHasNetworkCondition "
    "SELinuxMountReadWriteOncePod UserNamespacesStatelessPodsSupport UserNamespacesSupport",
    26: "AggregatedDiscoveryEndpoint ComponentSLIs CrossNamespaceVolumeDataSource DynamicResourceAllocation "
    "EventedPLEG PodSchedulingReadiness StatefulSetStartOrdinal TopologyManagerPolicyAlphaOptions "
    "TopologyManagerPolicyBetaOptions TopologyManagerPolicyOptions ValidatingAdmissionPolicy "
    "WindowsHostNetwork",
    27: "AdmissionWebhookMatchConditions CloudControllerManagerWebhook ClusterTrustBundle "
    "InPlacePodVerticalScaling KubeletPodResourcesDynamicResources KubeletPodResourcesGet "
    "MultiCIDRServiceAllocator NodeLogQuery WatchList",
    28: "ConsistentListFromCache CRDValidationRatcheting CronJobsScheduledAnnotation DevicePluginCDIDevices "
    "JobBackoffLimitPerIndex JobPodReplacementPolicy KubeletCgroupDriverFromCRI PodIndexLabel "
    "PodReadyToStartContainersCondition SchedulerQueueingHints SidecarContainers "
    "UnknownVersionInteroperabilityProxy",
    29: "ClusterTrustBundleProjection DisableNodeKubeProxyVersion ImageMaximumGCAge KubeletSeparateDiskGC "
    "LoadBalancerIPMode MatchLabelKeysInPodAffinity NFTablesProxyMode PodLifecycleSleepAction "
    "RuntimeClassInImageCriApi SeparateTaintEvictionController ServiceAccountTokenJTI "
    "ServiceAccountTokenNodeBinding ServiceAccountTokenNodeBindingValidation ServiceAccountTokenPodNodeInfo "
    "StructuredAuthenticationConfiguration StructuredAuthorizationConfiguration "
    "TranslateStreamCloseWebsocketRequests UserNamespacesPodSecurityStandards VolumeAttributesClass",
    30: "CustomResourceFieldSelectors JobManagedBy JobSuccessPolicy PortForwardWebsockets RecursiveReadOnlyMounts "
    "RelaxedEnvironmentVariableValidation RetryGenerateName SELinuxMount ServiceTrafficDistribution "
    "StorageVersionMigrator",
    31: "AnonymousAuthConfigurableEndpoints AuthorizeNodeWithSelectors AuthorizeWithSelectors "
    "ConcurrentWatchObjectDecode CoordinatedLeaderElection DisableAllocatorDualWrite ImageVolume "
    "ReloadKubeletServerCertificateFile ResilientWatchCacheInitialization ResourceHealthStatus "
    "SupplementalGroupsPolicy WatchCacheInitializationPostStartHook",
    32: "AllowUnsafeMalformedObjectDeletion BtreeWatchCache CBORServingAndStorage ComponentFlagz ComponentStatusz "
    "DRAAdminAccess DRAResourceClaimDeviceStatus ExternalServiceAccountTokenSigner "
    "InPlacePodVerticalScalingAllocatedStatus InPlacePodVerticalScalingExclusiveCPUs "
    "KubeletCrashLoopBackOffMax KubeletFineGrainedAuthz MutatingAdmissionPolicy PodLevelResources "
    "PodLifecycleSleepActionAllowZero PodLogsQuerySplitStreams RelaxedDNSSearchValidation "
    "RemoteRequestHeaderUID SchedulerAsyncPreemption SELinuxChangePolicy "
    "ServiceAccountNodeAudienceRestriction SystemdWatchdog WindowsCPUAndMemoryAffinity "
    "WindowsGracefulNodeShutdown",
    33: "AllowParsingUserUIDFromCertAuth ContainerStopSignals DeclarativeValidation DeclarativeValidationTakeover "
    "DeploymentReplicaSetTerminatingReplicas DisableCPUQuotaWithExclusiveCPUs DRADeviceTaints "
    "DRAPartitionableDevices DRAPrioritizedList HPAConfigurableTolerance KubeletEnsureSecretPulledImages "
    "KubeletPSI KubeletServiceAccountTokenForCredentialProviders ListFromCacheSnapshot "
    "MutableCSINodeAllocatableCount PodObservedGenerationTracking PodTopologyLabelsAdmission "
    "PreferSameTrafficDistribution ReduceDefaultCrashLoopBackOffDecay SchedulerPopFromBackoffQ "
    "StorageCapacityScoring StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf "
    "StrictIPCIDRValidation",
    34: "ClearingNominatedNodeNameAfterBinding DetectCacheInconsistency DRASchedulerFilterTimeout "
    "MatchLabelKeysInPodTopologySpreadSelectorMerge NominatedNodeNameForExpectation "
    "PreventStaticPodAPIReferences RelaxedServiceNameValidation SchedulerAsyncAPICalls "
    "SizeBasedListCostEstimate StructuredAuthenticationConfigurationEgressSelector "
    "TokenRequestServiceAccountUIDValidation",
    35: "AuthorizePodWebsocketUpgradeCreatePermission CloudControllerManagerWatchBasedRoutesReconciliation "
    "ConstrainedImpersonation CRDObservedGenerationTracking CSIServiceAccountTokenSecrets",
    36: "AtomicFIFO ControllerManagerReleaseLeaderElectionLockOnExit CRIListStreaming DeclarativeValidationBeta "
    "DRAListTypeAttributes DRANodeAllocatableResources DRAResourceClaimGranularStatusAuthorization "
    "DRAResourcePoolStatus DRAWorkloadResourceClaims ExtendWebSocketsToKubelet "
    "InPlacePodVerticalScalingInitContainers ManifestBasedAdmissionControlConfig NativeHistograms "
    "PersistentVolumeClaimUnusedSinceTime PLEGOnDemandRelist PodLevelResourceManagers PodsAPI "
    "ReloadKubeletClientCAFile ResourceHealthStatusMessage ShardedListAndWatch "
    "StaleControllerConsistencyDaemonSet StaleControllerConsistencyJob StaleControllerConsistencyReplicaSet "
    "StaleControllerConsistencyStatefulSet TopologyAwareWorkloadScheduling WorkloadAwarePreemption "
    "WorkloadWithJob",
    37: "APIServerWebhookAuthenticationToken AtomicWriteVolumeUserFields CompositePodGroup "
    "ConsistentListFromCacheSkipTimeoutFallback DRADerivedAttributes DRADeviceCompatibilityGroups "
    "DRAFractionalCapacityRange DRAOptionalNodeOperations DRAPartitionableDevicesType DefaultPodSysctls "
    "EmptyDirVolumeMode EtcdRangeStream EvictionRequestAPI ExcludeAdmissionWebhookVirtualResources "
    "GRPCContainerProbeTLS H2CContainerProbe HPAGeneration HPAOptimizedSelectorStore HugepageAwareEviction "
    "InPlacePodVerticalScalingMemoryBackedVolumes InPlacePodVerticalScalingSchedulerPreemption "
    "InterPodAffinityHostnameFastPath KubeProxyIPVS KubeProxyNFTablesLocalhostNodePorts "
    "KubeletAllocatedPodsEndpoint NFTablesNetlink NodeControllerLeaseCircuitBreaker NodeLifecycleConditions "
    "PodGroupPreemptionPolicy PodLevelResourcesFixDefaulting PodLevelResourcesFixKubeletQOSClass "
    "SchedulerPreQueueingHints StaleControllerConsistencyHPA StatefulSetRecreateStrategy "
    "VolumeBindMountOptions WatchListCompression WebhookRoundTripLoadBalancing",
}
"""The first minor of Kubernetes 1 that knows a gate -> gates."""

NEW_GATES = {name: first for first, names in _FIRST_MINOR.items() for name in names.split()}
"""Feature gate -> the first minor that knows it, for gates added after 1.20."""


_TAKEN = {minor: frozenset(names.split()) for minor, names in feature_gate_lists.TAKEN.items()}
_LOCKED = {
    True: {minor: frozenset(names.split()) for minor, names in feature_gate_lists.LOCKED_ON.items()},
    False: {minor: frozenset(names.split()) for minor, names in feature_gate_lists.LOCKED_OFF.items()},
}

LISTED = OF_A_STAGE.union(_KUBEADM.split(), _GONE_SOMETIME.split(), REMOVED_GATES, NEW_GATES, *_TAKEN.values())
"""Every feature gate that Slipway knows."""


def is_known(gate: str, minor: int) -> bool:
    """Whether Kubernetes 1.`minor` knows the gate, as far as Slipway knows; a gate in no list is assumed known."""
    return why_unknown(gate, minor) is None


def why_unknown(gate: str, minor: int) -> tuple[str, str] | None:
    """Why Kubernetes 1.`minor` does not know a gate, as the start of a sentence, and what is allowed; else None."""
    if gate in _KUBEADM.split():
        return f"The feature gate {gate} belongs to kubeadm", "feature gates of the components"
    taken = _TAKEN.get(minor)
    if gate in OF_A_STAGE or gate not in LISTED or (taken is not None and gate in taken):
        return None
    gone, came = REMOVED_GATES.get(gate), NEW_GATES.get(gate, 0)
    if gone is not None and minor >= gone:
        return f"The feature gate {gate} was removed in v1.{gone}", f"before v1.{gone}"
    if minor < came:
        return f"The feature gate {gate} was added in v1.{came}", f"v1.{came} and newer"
    if taken is not None:
        return f"Kubernetes v1.{minor} has no feature gate {gate}", f"feature gates of v1.{minor}"
    return None


def locked_to(gate: str, minor: int) -> bool | None:
    """The only value that Kubernetes 1.`minor` accepts for a locked gate; None for others."""
    return next((value for value, minors in _LOCKED.items() if gate in minors.get(minor, ())), None)


def is_taken(gate: str, value: bool, minor: int) -> bool:
    """Whether the components of Kubernetes 1.`minor` start with this gate and value, as far as Slipway knows."""
    return is_known(gate, minor) and locked_to(gate, minor) in (None, value)


def gates_in(argument: str) -> Iterator[tuple[str, bool | None]]:
    """The gates of a line like `feature-gates=A=true,B=false`, in order; None if a value is neither true nor false."""
    name, _, value = argument.partition("=")
    if name.strip().lstrip("-") != "feature-gates":
        return
    for each in value.strip().strip("\"'").split(","):
        gate, equals, word = each.partition("=")
        if equals:
            yield gate.strip(), switch_of(word.strip())
