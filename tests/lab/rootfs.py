"""The root file system every lab host starts from: a plain Debian server with a user who may sudo."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.lab import packages
from tests.lab.commands import run
from tests.lab.recipe import Build, Product, digest_of

USER = "ubuntu"
PASSWORD = "Testing123"

# What a Debian server has, and what kubeadm's preflight, kubelet and runc look for. No Kubernetes in it:
# that is the installer's work.
PACKAGES = (
    "ca-certificates",
    "conntrack",
    "curl",
    "dbus",
    "ebtables",
    "ethtool",
    "gzip",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "keepalived",
    "kmod",
    "libdevmapper1.02.1",
    "libseccomp2",
    "mount",
    "openssh-server",
    "openssl",
    "procps",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tar",
    "util-linux",
)

# Three hosts share the machine's cores: nothing runs on them that was not asked for.
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "motd-news.timer",
    "console-getty.service",
    "getty.target",
    "getty-static.service",
    "systemd-networkd.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
)

CGROUPS_UNIT = """\
[Unit]
Description=Give this lab host its control groups to write to
DefaultDependencies=no
Before=basic.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do \
mount -o remount,rw,bind "$d" 2>/dev/null || mount -o remount,rw "$d" 2>/dev/null || true; done'

[Install]
WantedBy=sysinit.target
"""

FILES = {
    "etc/systemd/system/lab-cgroups.service": CGROUPS_UNIT,
    # Else sshd may answer while logins are still refused with "System is booting up".
    "etc/systemd/system/ssh.service.d/lab.conf": "[Unit]\nAfter=systemd-user-sessions.service\n",
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n",
    "etc/ssh/sshd_config.d/lab.conf": "PasswordAuthentication yes\nPermitRootLogin prohibit-password\nUseDNS no\n",
    "etc/resolv.conf": "# This host has no way out to any network.\n",
    "etc/fstab": "",
    "etc/default/locale": "LANG=C.UTF-8\n",
}


def _make(build: Build) -> None:
    root = build.target
    run(
        [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            packages.RELEASE,
            root,
            packages.source_line(),
        ],
        log=build.log,
    )
    for name, content in FILES.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(content)
    run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/sh", "--groups", "sudo", USER], log=build.log)
    run(["chroot", root, "chpasswd"], stdin=f"{USER}:{PASSWORD}\n", log=build.log)
    run(["systemctl", f"--root={root}", "enable", "lab-cgroups.service", "ssh.service"], log=build.log)
    run(["systemctl", f"--root={root}", "mask", *MASKED], log=build.log)
    # Keys and ids are a host's own; the rest would only be copied for nothing.
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").unlink(missing_ok=True)
    for name in ("var/lib/apt/lists", "var/cache/apt", "var/log/apt"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)


BASE = Product("base", digest_of(Path(__file__), packages.RELEASE), 35, _make)
