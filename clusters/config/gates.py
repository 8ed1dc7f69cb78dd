"""Feature gates that Kubernetes does not know yet or no longer: a component does not start with one it does not know.

Sources: of those that went the page "Feature Gates (removed)" of Kubernetes' documentation, as of 1.27, and the ones it
told of since; of those that came `versioned_feature_list.yaml` in Kubernetes' tree, and of older ones the page
"Feature Gates". What came and went with 1.37 is the difference between these lists (and the gates of kubeadm) of 1.36.3
and 1.37.2. Gates that came with a patch of an older series are left out. What is in no table is believed to be known.
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
    36: "APIServerTracing AnonymousAuthConfigurableEndpoints AnyVolumeDataSource AuthorizeNodeWithSelectors "
    "AuthorizeWithSelectors BtreeWatchCache ConsistentListFromCache GangScheduling JobBackoffLimitPerIndex "
    "JobPodReplacementPolicy JobSuccessPolicy LogarithmicScaleDown NodeLocalCRISocket "
    "OrderedNamespaceDeletion PodLifecycleSleepAction PodLifecycleSleepActionAllowZero "
    "PreventStaticPodAPIReferences PublicKeysECDSA RelaxedDNSSearchValidation "
    "ResilientWatchCacheInitialization RetryGenerateName SchedulerQueueingHints SidecarContainers "
    "StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf "
    "StructuredAuthenticationConfiguration WorkloadAwarePreemption",
}
"""The last minor of Kubernetes 1 that knows a gate -> gates."""

REMOVED_GATES = {name: last + 1 for last, names in _LAST_MINOR.items() for name in names.split()}
"""Feature gate -> the first minor that does not know it any more."""

_FIRST_MINOR = {
    21: "ControllerManagerLeaderMigration CSIVolumeHealth DaemonSetUpdateSurge IndexedJob "
    "IngressClassNamespacedParams LogarithmicScaleDown MemoryManager NamespaceDefaultLabelName "
    "NetworkPolicyEndPort PodAffinityNamespaceSelector PodDeletionCost PreferNominatedNode "
    "ProbeTerminationGracePeriod ServiceInternalTrafficPolicy ServiceLoadBalancerClass SuspendJob "
    "TopologyAwareHints",
    22: "APIServerTracing CPUManagerPolicyOptions CSRDuration DelegateFSGroupToCSIDriver ExpandedDNSConfig "
    "JobTrackingWithFinalizers KubeletInUserNamespace MemoryQoS NodeSwap PodSecurity "
    "ProxyTerminatingEndpoints ReadWriteOncePod SeccompDefault StatefulSetMinReadySeconds",
    23: "CPUManagerPolicyAlphaOptions CPUManagerPolicyBetaOptions CSIMigrationPortworx "
    "CustomResourceValidationExpressions GracefulNodeShutdownBasedOnPodPriority GRPCContainerProbe "
    "HonorPVReclaimPolicy IdentifyPodOS InTreePluginPortworxUnregister OpenAPIEnums OpenAPIV3 "
    "PodAndContainerStatsFromCRI RecoverVolumeExpansionFailure ServerSideFieldValidation "
    "StatefulSetAutoDeletePVC",
    24: "ContextualLogging CronJobTimeZone LoggingAlphaOptions LoggingBetaOptions MaxUnavailableStatefulSet "
    "MinDomainsInPodTopologySpread NodeOutOfServiceVolumeDetach ServiceIPStaticSubrange",
    25: "ContainerCheckpoint JobPodFailurePolicy KubeletTracing MatchLabelKeysInPodTopologySpread "
    "NodeInclusionPolicyInPodTopologySpread PodDisruptionConditions SELinuxMountReadWriteOncePod "
    "UserNamespacesSupport",
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
    "RuntimeClassInImageCriAPI SeparateTaintEvictionController ServiceAccountTokenJTI "
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
"""Feature gate -> the first minor that knows it, for those that came after 1.20."""


def is_known(gate: str, minor: int) -> bool:
    """Whether Kubernetes 1.`minor` knows it, as far as is known here."""
    return NEW_GATES.get(gate, 0) <= minor and (gate not in REMOVED_GATES or minor < REMOVED_GATES[gate])


def why_unknown(gate: str, minor: int) -> tuple[str, str] | None:
    """Why Kubernetes 1.`minor` does not know it, as the beginning of a sentence, and which do; None where it does."""
    gone, came = REMOVED_GATES.get(gate), NEW_GATES.get(gate, 0)
    if gone is not None and minor >= gone:
        return f"The feature gate {gate} was removed in v1.{gone}", f"before v1.{gone}"
    return (f"The feature gate {gate} came with v1.{came}", f"v1.{came} and newer") if minor < came else None
