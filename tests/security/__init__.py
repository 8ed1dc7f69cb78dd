"""What Slipway promises in docs/security.md, tried as somebody would who wants to break it."""
