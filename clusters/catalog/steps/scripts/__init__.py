"""The user's own commands on machines."""
