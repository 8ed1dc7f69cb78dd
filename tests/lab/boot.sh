#!/bin/sh
# Boots one lab host in a separate mount namespace, so that nothing stays mounted when the host is killed.
# Usage: boot.sh BASE DISK NETNS MACHINE HOSTNAME CGROUP...
set -eu
base=$1 disk=$2 netns=$3 machine=$4 hostname=$5
shift 5
for group in "$@"; do echo $$ > "$group/cgroup.procs"; done
mount -t overlay overlay -o "lowerdir=$base,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
# modprobe succeeds for what is built into the kernel, as on any machine, and only for that.
chroot "$disk/root" depmod "$(uname -r)"
# Locks and directories that nspawn creates for a machine, and cannot remove when it is killed.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mkdir -p "$disk/sysctl"
mount -t tmpfs tmpfs "$disk/sysctl"
# Writable /proc/sys and /sys, and control groups that look like the host's own: kubelet needs both.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_NSPAWN_USE_CGNS=1
# /tmp on the disk, as Debian has it: artifacts that pass through it are large.
export SYSTEMD_NSPAWN_TMPFS_TMP=0
# Kernel settings that no namespace separates. A host has private files instead: a value that it sets is invisible
# to others, is gone after a reboot, and has no effect.
sysctls="vm fs/aio-max-nr fs/file-max fs/inotify fs/nr_open fs/pipe-max-size fs/protected_fifos
  fs/protected_hardlinks fs/protected_regular fs/protected_symlinks fs/suid_dumpable kernel/core_pattern
  kernel/core_uses_pid kernel/dmesg_restrict kernel/hung_task_panic kernel/hung_task_timeout_secs kernel/keys
  kernel/kptr_restrict kernel/numa_balancing kernel/panic kernel/panic_on_oops kernel/panic_on_warn
  kernel/perf_event_paranoid kernel/pid_max kernel/printk kernel/randomize_va_space kernel/softlockup_panic
  kernel/sysrq kernel/threads-max kernel/watchdog_thresh"
own_sysctls() {
  rm -rf "$disk/sysctl/"*
  mkdir "$disk/sysctl/fs" "$disk/sysctl/kernel"
  for name in $sysctls; do
    # Write-only settings cannot be read; those of vm get an empty file.
    cp -r "/proc/sys/$name" "$disk/sysctl/$name" 2>/dev/null || true
  done
  for path in /proc/sys/vm/*; do [ -e "$disk/sysctl/vm/${path##*/}" ] || : > "$disk/sysctl/vm/${path##*/}"; done
}
# /var/lib is a plain directory: containerd cannot stack an overlay on an overlay.
boot() {
  own_sysctls
  # nspawn mounts below /proc last, when it already looks for sources inside the host.
  # shellcheck disable=SC2046  # one word for each bind is meant
  systemd-nspawn --quiet --boot --directory="$disk/root" --machine="$machine" --hostname="$hostname" \
    --register=no --keep-unit --network-namespace-path="/run/netns/$netns" \
    --resolv-conf=off --timezone=off --link-journal=no \
    --capability=all --drop-capability=CAP_SYS_RESOURCE,CAP_SYS_TIME \
    --system-call-filter='@default add_key keyctl bpf @mount @keyring @privileged @resources' \
    --bind="$disk/var-lib:/var/lib" --bind=/dev/kmsg --property=DeviceAllow='* rwm' \
    --bind="$disk/sysctl:/run/lab-sysctl" \
    $(for name in $sysctls; do [ ! -e "$disk/sysctl/$name" ] || echo "--bind=/run/lab-sysctl/$name:/proc/sys/$name"; done)
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
