"""Which address shows which page of clusters, runs and accounts; the wizard brings its own."""

from __future__ import annotations

from django.urls import include, path

from clusters.web.views import accounts, clusters, exports, notices, runlogs, runs, sign_in

urlpatterns = [
    path("", clusters.index, name="clusters"),
    path("clusters/new/", clusters.new, name="cluster-new"),
    path("clusters/import/", clusters.bring_in, name="cluster-import"),
    path("clusters/<int:pk>/", clusters.show, name="cluster"),
    path("clusters/<int:pk>/export/", exports.export, name="cluster-export"),
    path("clusters/<int:pk>/config.yaml", exports.config, name="cluster-config"),
    path("clusters/<int:pk>/kubeconfig", exports.kubeconfig, name="cluster-kubeconfig"),
    path("clusters/<int:pk>/install/", clusters.install, name="cluster-install"),
    path("clusters/<int:pk>/delete/", clusters.delete, name="cluster-delete"),
    path("schema/config-sample.json", exports.schema, name="config-schema"),
    path("notices/", notices.notices, name="notices"),
    path("runs/<int:pk>/", runs.show, name="run"),
    path("runs/<int:pk>/header/", runs.header, name="run-header"),
    path("runs/<int:pk>/grid/", runs.grid, name="run-grid"),
    path("runs/<int:pk>/timeline/", runs.timeline, name="run-timeline"),
    path("runs/<int:pk>/plan/", runs.plan, name="run-plan"),
    path("runs/<int:pk>/facts/", runs.facts, name="run-facts"),
    path("runs/<int:pk>/summary/", runs.summary, name="run-summary"),
    path("runs/<int:pk>/log/", runlogs.log, name="run-log"),
    path("runs/<int:pk>/log/hits/", runlogs.hits, name="run-log-hits"),
    path("runs/<int:pk>/log.txt", runlogs.log_text, name="run-log-text"),
    path("runs/<int:pk>/events.jsonl", runlogs.log_events, name="run-log-events"),
    path("runs/<int:pk>/support.zip", runlogs.bundle, name="run-bundle"),
    path("runs/<int:pk>/cancel/", runs.cancel, name="run-cancel"),
    path("runs/<int:pk>/wait/", runs.wait, name="run-wait"),
    path("runs/<int:pk>/retry/", runs.retry, name="run-retry"),
    path("runs/<int:pk>/waive/", runs.waive, name="run-waive"),
    path("accounts/login/", accounts.SignIn.as_view(), name="login"),
    path("accounts/logout/", accounts.SignOut.as_view(), name="logout"),
    path("accounts/password/", accounts.OwnPassword.as_view(), name="password_change"),
    path("accounts/password/again/", accounts.password_again, name="password-again"),
    path("accounts/sessions/", sign_in.sessions, name="sessions"),
    path("accounts/sessions/end/", sign_in.session_end, name="session-end"),
    path("accounts/limits/", sign_in.limits, name="password-limits"),
    path("accounts/limits/<int:pk>/lift/", sign_in.limit_lift, name="password-limit-lift"),
    path("", include("clusters.wizard.urls")),
]
