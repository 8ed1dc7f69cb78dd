"""Network plugins other than the built-in one, each on a cluster of the lab: traffic, policies, upstream's tests."""
