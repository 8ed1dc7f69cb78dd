"""Messages to other systems: webhooks, mail, and the audit forwarded to syslog."""
