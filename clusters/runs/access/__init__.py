"""What a run logs in with: credentials, key files and accepted host keys."""
