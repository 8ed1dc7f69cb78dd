"""kubeadm, kubelet and what they make."""
