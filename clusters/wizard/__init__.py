"""The wizard: pages that read from and write to one document."""
