"""Keys, agents, host keys, and logging in."""
