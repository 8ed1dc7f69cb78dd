"""A document that configures every kind of registry."""

from __future__ import annotations

from typing import Any

REGISTRY: dict[str, Any] = {
    "privateRegistry": "hub.example.com:5000",
    "registryMirrors": ["https://mirror.example.com"],
    "insecureRegistries": ["old.example.com"],
    "auths": {
        "hub.example.com:5000": {"username": "robot", "password": 'pass"word', "certsPath": "/etc/ssl/hub"},
        "plain.example.com": {"plainHTTP": True},
        "self.example.com": {"skipTLSVerify": True, "certFile": "/c.pem", "keyFile": "/k.pem"},
        "docker.io": {"username": "someone", "password": "hub-password"},
    },
    "remoteMirrors": {"quay.io": {"endpoint": ["https://self.example.com/quay", "http://plain.example.com"]}},
}
SECRETS = ('pass"word', "hub-password")
