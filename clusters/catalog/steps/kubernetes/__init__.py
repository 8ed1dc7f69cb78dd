"""kubeadm, kubelet and the components that they start."""
