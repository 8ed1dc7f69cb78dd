"""Access to machines: credentials, key files and accepted host keys."""
