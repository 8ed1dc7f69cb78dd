"""The entry point for requests: pages go to Django, websockets from our pages to `clusters.web.sockets`."""

from __future__ import annotations

import os
import sys

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
# Django must be set up before modules that use models are imported.
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from clusters.gc_freeze import settle  # noqa: E402
from clusters.web.origins import OwnOriginOnly  # noqa: E402
from clusters.web.sockets import websocket_urls  # noqa: E402
from installer_site.fair_requests import FairRequests  # noqa: E402
from installer_site.form_bodies import LeanRequest  # noqa: E402
from installer_site.limits import limit_daphne  # noqa: E402
from installer_site.static_files import StaticFirst  # noqa: E402

limit_daphne()
pages.request_class = LeanRequest
# The event loop, which serves all clients, waits this many seconds for each busy thread; Python's default of 5 ms adds
# up to seconds when some threads read large documents.
sys.setswitchinterval(0.0005)

application = ProtocolTypeRouter(
    {
        "http": StaticFirst(FairRequests(pages)),
        "websocket": OwnOriginOnly(
            # The stubs of Channels want patterns of a class that exists in them alone.
            CookieMiddleware(URLRouter(websocket_urls))  # type: ignore[arg-type]
        ),
    }
)

# Load all pages now rather than with the first request.
len(get_resolver().url_patterns)
settle()
