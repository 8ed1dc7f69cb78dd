"""A runc for machines with restricted rights (inside LXC): containers request no more than the machine has.

containerd does this itself (restrict_oom_score_adj, and privileged containers get the available capabilities); docker
has no setting for it, and requests an OOM score and capabilities that such a machine refuses.
"""

from __future__ import annotations

RUNC = "/usr/local/sbin/runc"
PATH = "/usr/local/lib/slipway/gentle-runc"

CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
"""In the order of their numbers. Source: capability.h of Linux."""

TEXT = f"""#!/bin/sh
# Written by Slipway; changes are overwritten by its next run.
# Removes from a container's configuration what this machine is not allowed to do itself, then calls runc.
bundle=. next=
for word in "$@"; do
  case $next in bundle) bundle=$word next= ;; esac
  case $word in --bundle|-b) next=bundle ;; --bundle=*) bundle=${{word#*=}} ;; esac
done
config=$bundle/config.json
if [ -f "$config" ]; then
  number=0 change=
  has=$((0x$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)))
  for name in {CAPABILITIES}; do
    [ $((has >> number & 1)) = 1 ] || change="$change;s/\\"CAP_$name\\",//g;s/,\\"CAP_$name\\"//g;s/\\"CAP_$name\\"//g"
    number=$((number + 1))
  done
  own=$(cat /proc/self/oom_score_adj)
  asked=$(sed -n 's/.*"oomScoreAdj":\\(-\\{{0,1\\}}[0-9]*\\).*/\\1/p' "$config")
  if [ -n "$asked" ] && [ "$asked" -lt "$own" ]; then
    change="$change;s/\\"oomScoreAdj\\":-\\{{0,1\\}}[0-9]*/\\"oomScoreAdj\\":$own/"
  fi
  [ -z "$change" ] || sed -i "${{change#;}}" "$config"
fi
exec {RUNC} "$@"
"""
