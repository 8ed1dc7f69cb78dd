"""Small work beside the runs: connection tests, scans of networks, inspections."""
