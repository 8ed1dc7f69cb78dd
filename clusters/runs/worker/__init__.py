"""The worker: which work it claims, for how long, and how it shows that it runs."""
