"""HTTP requests with bounded duration."""
