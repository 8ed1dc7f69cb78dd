"""Pictures of every page for the documentation, taken from the real server with invented clusters."""
