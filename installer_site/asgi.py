"""Where requests come in: pages go to Django, websockets by origin and session to `clusters.web.sockets`."""

from __future__ import annotations

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
# Django has to be set up before anything that knows models is imported.
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

import installer_site.urls  # noqa: E402, F401 - the pages are there before the first visitor
from clusters.web.sockets import websocket_urls  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urls))),
    }
)

# What is there now stays until the end: the garbage collector need not look through it again and again, which takes
# longer than all else when a page of a draft with a thousand machines is saved.
gc.collect()
gc.freeze()
