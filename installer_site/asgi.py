"""Where requests come in: pages go to Django, websockets by origin and session to `clusters.web.sockets`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
# Django has to be set up before anything that knows models is imported.
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from clusters.heap import settle  # noqa: E402
from clusters.web.sockets import websocket_urls  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urls))),
    }
)

# All pages now rather than with the first request.
len(get_resolver().url_patterns)
settle()
