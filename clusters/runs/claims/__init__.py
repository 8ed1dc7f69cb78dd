"""Who works on what: leases, shares of each person, and the permission to go on."""
