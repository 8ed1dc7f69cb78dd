"""The list of pictures: a name, an address, the actions on the page before, and a title."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from clusters import services
from clusters.models import Cluster, Event, Run
from tests.screenshots.example import LIST, Examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

BROKEN = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: sandbank
spec:
  hosts:
  - {name: sand-1, address: 192.0.2.91, user: ubuntu, password: a,b}
  roleGroups: {etcd: [sand-1], control-plane: [sand-1], worker: [sand-1]}
"""
SEARCHED = "?search=coredns:%5Cd&regex=yes&all=yes#L41-L43"
Deed = Callable[["Page", Examples], None]


def nothing(page: Page, examples: Examples) -> None:
    """Leave the page as it is."""


def no_more(examples: Examples) -> None:
    """Nothing has to be done before the page is opened."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One page. `narrow`: also at the width of a telephone; `signed_in` is false for what strangers see."""

    name: str
    words: str
    address: str
    deed: Deed = nothing
    narrow: bool = False
    signed_in: bool = True
    before: Callable[[Examples], None] = no_more


def shots(examples: Examples) -> Iterator[Shot]:
    """Every page, in the order in which a person meets them."""
    yield Shot("login", "Sign-in", "/accounts/login/", signed_in=False, narrow=True)
    yield Shot("clusters", "List of clusters with their last runs", "/", narrow=True)
    yield Shot("import", "Import of a config-sample.yaml", "/clusters/import/", import_broken)
    yield from _wizard(examples)
    yield from _runs(examples)
    yield Shot("cluster", "A ready cluster", f"/clusters/{examples.harbour.pk}/", narrow=True)
    yield from _people(examples)
    yield Shot("missing", "Page not found", "/clusters/4096/")


def _people(examples: Examples) -> Iterator[Shot]:
    yield Shot("credentials", "Credentials", "/credentials/", narrow=True)
    address = f"/credentials/{examples.credential.pk}/"
    yield Shot("credential", "One credential, with its users and addresses", address, narrow=True)
    yield Shot("audit", "Audit", "/audit/", narrow=True)
    yield Shot("password", "Change your password", "/accounts/password/")
    yield Shot(
        "password-again", "Password required before downloading secrets", "/accounts/password/again/", narrow=True
    )
    yield Shot("sessions", "Your sessions", "/accounts/sessions/", narrow=True)


def _wizard(examples: Examples) -> Iterator[Shot]:
    start = f"/clusters/{examples.delta.pk}/wizard/"
    yield Shot("wizard-machines", "Machines, one per row", f"{start}machines/", narrow=True)
    yield Shot("wizard-layouts", "The first page of a new draft", f"/clusters/{examples.empty.pk}/wizard/machines/")
    yield Shot("wizard-many", "Machines from a list, before they are added", f"{start}machines/add/", pasted)
    yield Shot("wizard-login", "One login for many machines", f"{start}machines/login/?row=0:lock-1&row=1:lock-2")
    yield Shot("wizard-jump", "Machines behind a jump host", f"{start}machines/jump/?row=0:lock-1&row=1:lock-2")
    yield Shot("wizard-rename", "Renaming machines by a pattern", f"{start}machines/rename/")
    yield Shot("wizard-scan", "Network scan", f"{start}machines/scan/")
    yield Shot("wizard-connection", "Connection tests and new host keys", f"{start}connection/", narrow=True)
    yield Shot("wizard-roles", "Roles: etcd, control plane, workers", f"{start}roles/", narrow=True)
    yield Shot("wizard-endpoint", "Control plane endpoint", f"{start}endpoint/", narrow=True)
    yield Shot(
        "wizard-kubernetes", "Kubernetes version, networks, plugin options", f"{start}kubernetes/", opened, narrow=True
    )
    yield Shot("wizard-prechecks", "Precheck findings and waivers", f"{start}prechecks/", narrow=True)
    yield Shot("wizard-review", "Review before the installation", f"{start}review/", narrow=True)
    yield Shot("wizard-editor", "Document as text, with marked errors", f"{start}kubernetes/", broken_text)
    yield Shot("export", "Document in each dialect, with losses", f"/clusters/{examples.delta.pk}/export/")
    yield Shot("wizard-conflict", "Two tabs, one draft: conflict", f"{start}kubernetes/", conflict)


def _runs(examples: Examples) -> Iterator[Shot]:
    runs = examples.runs
    words = {
        "running": "Active run: steps on machines, and the log below",
        "failed": "Failed run: expected, found, what to try",
        "cancelled": "Cancelled run",
        "finished": "Successful run",
        "cancelling": "Run being cancelled, with the steps that finish first",
        "large": "Run with three hundred machines",
    }
    going_on = ("running", "cancelling", "large")
    for name, run in runs.items():
        now = partial(as_if_now, name=name) if name in going_on else no_more
        yield Shot(f"run-{name}", words[name], f"/runs/{run.pk}/", settled, narrow=True, before=now)
    done = f"/runs/{runs['finished'].pk}/"
    search = f"/runs/{runs['cancelled'].pk}/{SEARCHED}"
    yield Shot("run-search", "Log search from hit to hit, with marked lines", search, stepped, narrow=True)
    yield Shot("run-timeline", "Timeline with the critical path", f"{done}timeline/")
    yield Shot("run-plan", "Plan: dependencies of steps", f"{done}plan/")
    yield Shot("run-facts", "Facts: machines, findings and waivers", f"{done}facts/")
    yield Shot("run-summary", "Summary to print", f"{done}summary/")


def as_if_now(examples: Examples, *, name: str) -> None:
    """Shift a running run's times, so that taking the earlier pictures does not age it."""
    run = Run.objects.get(pk=examples.runs[name].pk)
    last = Event.objects.filter(run=run).latest("seq").at
    late = timezone.now() - last
    times = {name: F(name) + late for name in ("started_at", "created_at", "cancel_asked_at")}
    Run.objects.filter(pk=run.pk).update(**times)
    run.steps.filter(started_at__isnull=False).update(started_at=F("started_at") + late)
    Event.objects.filter(run=run).update(at=F("at") + late)


def settled(page: Page, examples: Examples) -> None:
    """Wait until the log has been loaded."""
    expect(page.locator(".ln").first).to_be_visible()


def stepped(page: Page, examples: Examples) -> None:
    """Go two hits back, with keys."""
    settled(page, examples)
    for _ in range(2):
        expect(page.locator("#log-place")).to_contain_text(" ")
        page.locator("#log-search").press("Shift+Enter")
        expect(page.locator(".ln[aria-current]")).to_be_in_viewport()
    expect(page.locator("#log-place")).to_contain_text(" of ")


def import_broken(page: Page, examples: Examples) -> None:
    """Submit a document with a mistake."""
    page.locator("#id_text, textarea[name=text]").first.fill(BROKEN)
    page.locator("main form button[type=submit]").first.click()
    expect(page.locator(".findings, .note-error").first).to_be_visible()


def pasted(page: Page, examples: Examples) -> None:
    """Paste a list with duplicates."""
    page.locator("#id_text").fill(LIST)
    expect(page.locator("#take")).to_contain_text("Add")


def opened(page: Page, examples: Examples) -> None:
    """Open the options of the plugin."""
    page.locator("#plugin-options summary").click()


def broken_text(page: Page, examples: Examples) -> None:
    """Type invalid YAML."""
    show_text(page)
    yaml = page.locator("#yaml")
    yaml.fill(yaml.input_value().replace("plugin: calico", "plugin: [calico"))
    expect(page.locator("#marks")).to_contain_text("Not saved")
    page.locator("#marks [data-line]").first.click()


def show_text(page: Page) -> None:
    """Unfold the document."""
    page.locator("#preview").evaluate("fold => { fold.open = true; }")


def conflict(page: Page, examples: Examples) -> None:
    """Another user saves while this one types; afterwards the draft is restored."""
    cluster = Cluster.objects.get(pk=examples.delta.pk)
    before = services.document_of(cluster)
    kubernetes = before.kubernetes.model_copy(update={"cluster_name": "theirs.local"})
    fresh = before.model_copy(update={"kubernetes": kubernetes})
    services.draft_update(actor=examples.owner, cluster=cluster, document=fresh, version=cluster.version)
    page.locator("#id_cluster_name").fill("mine.local")
    expect(page.locator("#conflict")).to_contain_text("theirs.local")
    Cluster.objects.filter(pk=cluster.pk).update(document=examples.delta.document, version=examples.delta.version)
