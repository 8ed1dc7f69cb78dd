"""Which worker has what: claims and leases, shares of each owner, and the permission to start."""
