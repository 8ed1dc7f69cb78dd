"""Django's settings: one file, all values from the environment, with defaults that are safe on a laptop."""

from __future__ import annotations

from bootstrap_wrapper import get_bootstrap_dir
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key
from django.utils.translation import gettext_lazy as _

from clusters.places import PAGES_DIR, default_data_dir
from installer_site import env
from installer_site.static_headers import add_security_headers

# --- Slipway -------------------------------------------------------------------------------------

# The directory of the database, the keys and all other persistent data.
SLIPWAY_DATA_DIR = env.directory("SLIPWAY_DATA_DIR", default_data_dir())

# Fernet keys, newest first: the first encrypts, all decrypt. `manage.py rotate_keys` encrypts data with the first.
SLIPWAY_SECRET_KEYS = env.words("SLIPWAY_SECRET_KEYS") or (
    env.stored_secret(SLIPWAY_DATA_DIR / "fernet-keys", lambda: Fernet.generate_key().decode()).split()
)
# A directory or URL with artifacts; empty means upstream, "none" no artifacts.
SLIPWAY_ARTIFACTS = env.text("SLIPWAY_ARTIFACTS")
# Mirrors to use instead of upstream: `https://dl.k8s.io/=https://mirror.example/k8s/`, one or several.
SLIPWAY_ARTIFACTS_MIRRORS = env.words("SLIPWAY_ARTIFACTS_MIRRORS")
# The SHA-256 of a bundle's index; whether a bundle without it, or a mirror, may be used without https.
SLIPWAY_ARTIFACTS_SHA256 = env.text("SLIPWAY_ARTIFACTS_SHA256")
SLIPWAY_ARTIFACTS_ALLOW_HTTP = env.flag("SLIPWAY_ARTIFACTS_ALLOW_HTTP")
# A JSON or YAML file with practice machines; empty means none.
SLIPWAY_PRACTICE_FILE = env.text("SLIPWAY_PRACTICE_FILE")
# Where `manage.py serve` listens.
SLIPWAY_LISTEN = env.text("SLIPWAY_LISTEN", "127.0.0.1:8000")
# Seconds: how long a worker's claim is valid without a heartbeat, between heartbeats, and between checks for work.
SLIPWAY_LEASE_SECONDS = env.number("SLIPWAY_LEASE_SECONDS", 30)
SLIPWAY_HEARTBEAT_SECONDS = env.number("SLIPWAY_HEARTBEAT_SECONDS", 5)
SLIPWAY_POLL_SECONDS = env.number("SLIPWAY_POLL_SECONDS", 0.5)
# How many runs one worker executes at the same time; half of them, rounded up, for the clusters of one owner.
SLIPWAY_WORKER_RUNS = int(env.number("SLIPWAY_WORKER_RUNS", 6))
# The functions that execute a run and test a connection; other values are only for tests of the worker.
SLIPWAY_RUN_ON_MACHINES = env.text("SLIPWAY_RUN_ON_MACHINES", "clusters.runs.run_on_machines.run_on_machines")
SLIPWAY_PROBE = env.text("SLIPWAY_PROBE", "clusters.runs.jobs.probes.probe_machine")
# Notifications about the end of a run: a webhook, signed when there is a secret, and mail addresses.
SLIPWAY_WEBHOOK_URL = env.text("SLIPWAY_WEBHOOK_URL")
SLIPWAY_WEBHOOK_SECRET = env.text("SLIPWAY_WEBHOOK_SECRET")
SLIPWAY_NOTIFY_MAIL = env.words("SLIPWAY_NOTIFY_MAIL")
# Receivers of audit entries: a syslog server, and a webhook, signed when there is a secret.
SLIPWAY_AUDIT_SYSLOG = env.text("SLIPWAY_AUDIT_SYSLOG")
SLIPWAY_AUDIT_WEBHOOK_URL = env.text("SLIPWAY_AUDIT_WEBHOOK_URL")
SLIPWAY_AUDIT_WEBHOOK_SECRET = env.text("SLIPWAY_AUDIT_WEBHOOK_SECRET")
# The networks to which this server connects for users in a browser: machines, jump hosts and scans. Webhooks use the
# same networks unless theirs are set. `private` means RFC 1918 and fc00::/7.
SLIPWAY_ALLOWED_NETWORKS = env.words("SLIPWAY_ALLOWED_NETWORKS", ("private",))
SLIPWAY_WEBHOOK_NETWORKS = env.words("SLIPWAY_WEBHOOK_NETWORKS")
# The address of these pages for browsers, for links in notifications.
SLIPWAY_PUBLIC_URL = env.text("SLIPWAY_PUBLIC_URL")
# Days after which the log of a finished run is deleted; the newest run of each cluster keeps its log.
SLIPWAY_KEEP_LOG_DAYS = env.number("SLIPWAY_KEEP_LOG_DAYS", 365)
# Seconds for counting the hits of a search in a log; after that the page shows "more than" the count.
SLIPWAY_COUNT_SECONDS = env.number("SLIPWAY_COUNT_SECONDS", 0.5)
# Whether logins may use keys of the SSH agent at SSH_AUTH_SOCK.
SLIPWAY_SSH_AGENT = env.flag("SLIPWAY_SSH_AGENT")
# A directory with private key files that every author of a document may use to log in; empty means none.
SLIPWAY_KEY_DIR = env.text("SLIPWAY_KEY_DIR")
# The maximum size of a request, and the seconds that its headers and its body may take to arrive.
SLIPWAY_MAX_BODY_MB = env.number("SLIPWAY_MAX_BODY_MB", 12)
SLIPWAY_MAX_BODY = int(SLIPWAY_MAX_BODY_MB * 1024 * 1024)
SLIPWAY_HEADER_SECONDS = env.number("SLIPWAY_HEADER_SECONDS", 20)
SLIPWAY_BODY_SECONDS = env.number("SLIPWAY_BODY_SECONDS", 120)
# Seconds that a client may leave a response unread before its connection is closed.
SLIPWAY_UNREAD_SECONDS = env.number("SLIPWAY_UNREAD_SECONDS", 60)
# HTTP connections of one web process; live sockets of logged-in users do not count.
SLIPWAY_MAX_CONNECTIONS = int(env.number("SLIPWAY_MAX_CONNECTIONS", 512))
# Proxies whose X-Forwarded-For is trusted; no others are.
SLIPWAY_TRUSTED_PROXIES = env.networks("SLIPWAY_TRUSTED_PROXIES")
# Hours after which a session without opened pages or sent forms ends.
SLIPWAY_IDLE_HOURS = env.number("SLIPWAY_IDLE_HOURS", 8)
# Whether a proxy in front of Slipway uses HTTPS with the browser.
SLIPWAY_HTTPS = env.flag("SLIPWAY_HTTPS")

# --- Django --------------------------------------------------------------------------------------

DEBUG = env.flag("SLIPWAY_DEBUG")
SECRET_KEY = env.text("SLIPWAY_SECRET_KEY") or env.stored_secret(SLIPWAY_DATA_DIR / "secret-key", get_random_secret_key)
ALLOWED_HOSTS = env.words("SLIPWAY_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("SLIPWAY_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "daphne",
    "installer_site.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "template_partials",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "servestatic",
    "clusters.apps.ClustersConfig",
]

MIDDLEWARE = [
    "installer_site.middleware.LoopFirst",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "installer_site.middleware.NothingStored",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "installer_site.middleware.SignInFirst",
    "installer_site.middleware.AuditOrigin",
    "installer_site.middleware.SessionSeen",
    "installer_site.middleware.OwnPasswordFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "clusters.web.unreadable.UnreadableDocuments",
]

ROOT_URLCONF = "installer_site.urls"
ASGI_APPLICATION = "installer_site.asgi.application"
SLIPWAY_ASGI = "installer_site.asgi:application"  # as daphne spells it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PAGES_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            # The pages are not a separate app, so their template tags are listed.
            "libraries": {name: f"clusters.web.templatetags.{name}" for name in ("root_texts", "seen", "ui")},
        },
    },
]

DATABASES = {"default": env.database("SLIPWAY_DATABASE", SLIPWAY_DATA_DIR / "slipway.sqlite3")}

# The channel layer only signals news; without Redis it works within one process and the database is polled.
SLIPWAY_REDIS = env.text("SLIPWAY_REDIS")
CHANNEL_LAYERS = {
    "default": (
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [SLIPWAY_REDIS]}}
        if SLIPWAY_REDIS
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

# Mail goes through this server: smtp://user:password@host:port, or smtps:// for TLS from the start.
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL = env.mail("SLIPWAY_SMTP")
EMAIL_USE_TLS = env.flag("SLIPWAY_SMTP_STARTTLS")
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.text("SLIPWAY_MAIL_FROM", "slipway@localhost")

# --- Authentication ------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["clusters.web.backends.LimitedBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
SLIPWAY_PASSWORD_URL = "/accounts/password/"  # noqa: S105 - a page, not a password

# --- What browsers may do ------------------------------------------------------------------------

SESSION_ENGINE = "installer_site.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SLIPWAY_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "clusters.web.views.accounts.token_refused"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SLIPWAY_HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if SLIPWAY_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 3600

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's own style sheet draws its icons as data: images
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Language, files, logs -----------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = SLIPWAY_DATA_DIR / "static"
STATICFILES_DIRS = [("bootstrap", get_bootstrap_dir()), PAGES_DIR / "static"]
# Served from their source directories, so that nobody has to collect them first.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_ADD_HEADERS_FUNCTION = add_security_headers

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# A document with keys of a hundred machines is larger than Django's 2.5 MB and 1000 fields. The web server refuses
# larger requests before Django; Django's limit is the same, so that only one of them responds.
DATA_UPLOAD_MAX_MEMORY_SIZE = SLIPWAY_MAX_BODY
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "installer_site.logs.PlainFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "filters": {"brief": {"()": "installer_site.logs.WithoutTraceback"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "refused": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["brief"]},
    },
    "root": {"handlers": ["console"], "level": env.text("SLIPWAY_LOG_LEVEL", "INFO")},
    "loggers": {
        "paramiko": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "django.request": {"filters": ["brief"]},
        "django.security": {"handlers": ["refused"], "propagate": False},
    },
}
