"""Slipway: builds multi-node Kubernetes clusters over SSH, from the browser or the terminal."""
