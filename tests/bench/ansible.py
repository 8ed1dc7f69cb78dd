"""The alternative to the engine: ansible-core, configured to be as fast as possible, in a separate environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sshd import Sshd

# The newest series for the Pythons that Slipway runs on; never among Slipway's own requirements.
VERSION = "2.19.14"
SECONDS = 900

CONFIG = """\
[defaults]
forks = 40
gathering = explicit
inventory = {place}/inventory
retry_files_enabled = False
interpreter_python = {python}
local_tmp = {place}/tmp
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={place}/known_hosts -o IdentitiesOnly=yes
control_path_dir = {place}/cp
"""


def installed() -> Path:
    """Its directory; the first call installs it from the package index into the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-bench" / f"ansible-{VERSION}"
    playbook = cache / "bin" / "ansible-playbook"
    if not playbook.exists():
        subprocess.run([sys.executable, "-m", "venv", cache], check=True, timeout=SECONDS)
        wanted = [str(cache / "bin" / "pip"), "install", "-q", f"ansible-core=={VERSION}"]
        subprocess.run(wanted, check=True, timeout=SECONDS, stdout=sys.stderr)
    return playbook


def seconds(playbook: Path, place: Path, hosts: list[Sshd], steps: int) -> float:
    """How long a play of so many trivial `raw` tasks takes on all hosts, from its start to its end."""
    place.mkdir()
    tasks = "".join(f"    - raw: echo step {number}\n" for number in range(steps))
    (place / "play.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    lines = [f"{host.addresses[0]} ansible_port={host.port} ansible_user={host.user}" for host in hosts]
    key = f"ansible_ssh_private_key_file={hosts[0].directory}/client"
    (place / "inventory").write_text("\n".join(f"{line} {key}" for line in lines) + "\n")
    known = [f"[{host.addresses[0]}]:{host.port} {host.key.key_type} {host.key.key}" for host in hosts]
    (place / "known_hosts").write_text("\n".join(known) + "\n")
    (place / "ansible.cfg").write_text(CONFIG.format(place=place, python=sys.executable))
    lives = {**os.environ, "ANSIBLE_CONFIG": str(place / "ansible.cfg"), "HOME": str(place), "LC_ALL": "C.UTF-8"}
    began = time.monotonic()
    done = subprocess.run(
        [playbook, "play.yml"], cwd=place, env=lives, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    took = time.monotonic() - began
    if done.returncode or done.stdout.count(f"ok={steps}") != len(hosts):
        raise AssertionError(f"ansible failed: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return took
