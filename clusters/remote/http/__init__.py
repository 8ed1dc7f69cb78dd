"""HTTP requests that end in bounded time."""
