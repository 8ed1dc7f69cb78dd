#!/bin/sh
# Boots one lab host in a mount namespace of its own, so that nothing stays mounted when the host is killed.
# Usage: boot.sh BASE DISK NETNS MACHINE HOSTNAME CGROUP...
set -eu
base=$1 disk=$2 netns=$3 machine=$4 hostname=$5
shift 5
for group in "$@"; do echo $$ > "$group/cgroup.procs"; done
mount -t overlay overlay -o "lowerdir=$base,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
# Locks and directories nspawn makes for a machine, and cannot take away when it is killed.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
# Writable /proc/sys and /sys, and control groups the host takes for its own: kubelet needs both.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_NSPAWN_USE_CGNS=1
# /tmp on the disk, as Debian has it: artifacts that pass through it are large.
export SYSTEMD_NSPAWN_TMPFS_TMP=0
# /var/lib is a plain directory: containerd cannot stack an overlay on an overlay.
boot() {
  systemd-nspawn --quiet --boot --directory="$disk/root" --machine="$machine" --hostname="$hostname" \
    --register=no --keep-unit --network-namespace-path="/run/netns/$netns" \
    --resolv-conf=off --timezone=off --link-journal=no \
    --capability=all --drop-capability=CAP_SYS_RESOURCE \
    --system-call-filter='@default add_key keyctl bpf @mount @keyring @privileged @resources' \
    --bind="$disk/var-lib:/var/lib" --bind=/dev/kmsg --property=DeviceAllow='* rwm'
}
# 133 is how nspawn says that the host asked for a reboot.
outcome=133
while [ "$outcome" -eq 133 ]; do
  outcome=0
  boot || outcome=$?
done
# A machine that was switched off does not refuse connections, it is silent.
ip -netns "$netns" link set eth0 down
exit "$outcome"
