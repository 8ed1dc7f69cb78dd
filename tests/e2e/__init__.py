"""From the first start to a running cluster, in a real browser and on the lab's machines."""
