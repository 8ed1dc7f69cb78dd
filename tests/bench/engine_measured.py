"""The measurements of `bench_engine`, in the process that it starts; prints seconds as JSON."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
os.environ["SLIPWAY_CARRY_OUT"] = "tests.bench.forty.by_engine"
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402

from clusters.models import Cluster, Run  # noqa: E402
from clusters.runs.documents import write_document  # noqa: E402
from clusters.runs.execute import execute  # noqa: E402
from tests.bench import forty  # noqa: E402


def by_engine() -> float:
    """A run of its own, carried out here as a worker does it, its events in the database, with one watcher."""
    owner, _made = get_user_model().objects.get_or_create(username="bench")
    text = write_document(forty.document())
    cluster = Cluster.objects.create(owner=owner, name=f"bench-{time.monotonic_ns()}", document=text)
    run = Run.objects.create(cluster=cluster, document=text, asked_by=owner)
    watcher = forty.Watcher(run.pk)
    watcher.start()
    began = time.monotonic()
    done = execute(run.pk, worker_name=f"bench-{run.pk}")
    took = time.monotonic() - began
    watcher.over.set()
    watcher.join()
    if done is None or done.state != "succeeded":
        raise SystemExit(f"the run ended as {done and done.state}: {done and done.message}")
    return took


def main() -> None:
    """The faster of two rounds each, so that what is loaded only once counts for nobody."""
    call_command("migrate", verbosity=0)
    with forty.forty_sshds(), tempfile.TemporaryDirectory() as place:
        found = {
            "paramiko": min(forty.by_paramiko() for _ in range(2)),
            "engine": min(by_engine() for _ in range(2)),
            "ansible": forty.by_ansible(Path(place)),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
