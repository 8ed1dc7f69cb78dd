"""KubeKey 4's Inventory and Config, read and written."""
