"""Small jobs beside the runs: connection tests, scans of networks, inspections."""
