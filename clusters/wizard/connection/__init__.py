"""The connection page: connection tests, host keys, and routes through jump hosts."""
