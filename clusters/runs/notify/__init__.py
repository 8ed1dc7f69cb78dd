"""Messages to the outside: webhooks, mail, and the audit forwarded to syslog."""
