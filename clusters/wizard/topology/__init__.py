"""Which machine has which role, and where the API server is reached: layouts, diagram, endpoints."""
