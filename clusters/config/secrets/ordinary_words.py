"""Words that occur in every log and message: a secret that equals one is masked only where it must be the secret."""

_WORDS = """
    access address admin administrator alpine already apiserver apply archive bridge calico cancelled centos
    certificate certificates change changed changeme check cilium client cluster command completed config
    configuration configure connected connection container containerd control control-plane controller coredns created
    credentials database debian default default-token delete demo deploy developer directory disabled docker done
    download enabled endpoint error etcd failed false fedora file files finish finished flannel forward found guest
    haproxy healthy hello host hostname image images info init install installation installed installer internal join
    keepalived kernel key kube-proxy kube-system kubeadm kubeconfig kubectl kubekey kubelet kubeovn kubernetes
    kubesphere label linux local localhost login machine manager master memory message metrics module mount namespace
    network node nodes none null online operator package packages pass passw0rd passwd password plane plugin pod pods
    port postgres prometheus proxy public pull ready redis registry remote reset restart restarted rocky role root
    router running runtime schedule script secret server service services slipway source started starting state static
    status step stopped storage succeeded success sudo swap sysctl system systemd tenant test testing tests timeout
    token true ubuntu unchanged update upgrade user users vagrant version volume waiting warning welcome worker
    workers write
"""
ORDINARY = frozenset(_WORDS.split())
