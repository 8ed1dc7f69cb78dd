"""Container images on the machines."""
