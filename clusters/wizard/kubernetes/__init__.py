"""What the Kubernetes page offers: versions, options of network plugins, artifacts."""
