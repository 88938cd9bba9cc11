# What becomes process 1 of a host of its own: makes a root file system over the one that is there, and boots the systemd in it.
# unshare has made the namespaces; nothing that is mounted here is seen outside, and all of it goes with the last process.
# $1: an empty directory. $2: the name of a cgroup to be made, vanadium-host-<process of the test>-<anything>.
set -eu
base=$1 cgroup=$2

# outside, where /proc has still the numbers of the caller
read -r pid _ < /proc/self/stat

mount --make-rprivate /
mount -t tmpfs tmpfs "$base"
mkdir "$base"/upper "$base"/work "$base"/root "$base"/cgroup
# a cgroup of its own, or two hosts would have the same system.slice
mount -t cgroup2 cgroup2 "$base/cgroup"
# of tests that were killed; what is still about to end the next one takes
for left in "$base"/cgroup/vanadium-host-* "${base%/*}"/vanadium-host-*; do
  owner=${left##*/vanadium-host-}
  if test -d "$left" && ! test -e "/proc/${owner%%-*}"; then find "$left" -depth -type d -exec rmdir {} + || true; fi
done
mkdir "$base/cgroup/$cgroup"
echo 0 > "$base/cgroup/$cgroup/cgroup.procs"

root=$base/root
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# the kernel is shared: what could be set for all of the machine can only be read
mount --bind /sys "$root/sys"
mount -o remount,bind,ro "$root/sys"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"

mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# of what the machine itself would start nothing is enabled, and what units of systemd's own would touch is masked
: > "$root/etc/fstab"
# images for containers have one that lets no package start or stop anything
rm -f "$root/usr/sbin/policy-rc.d"
rm -rf "$root"/etc/systemd/system/*.wants
mkdir -p "$root/etc/systemd/system"
for unit in dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount systemd-remount-fs.service systemd-modules-load.service \
  modprobe@.service systemd-sysctl.service systemd-binfmt.service systemd-random-seed.service systemd-hwdb-update.service \
  systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
  systemd-tmpfiles-setup-dev.service systemd-update-utmp.service systemd-journald-audit.socket systemd-initctl.socket \
  systemd-logind.service systemd-user-sessions.service systemd-tmpfiles-clean.timer getty.target; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# as systemd would have it where nothing says that this is a container: credentials are mounted elsewhere, and come by propagation
mount --make-rshared "$root"

echo "$pid"
cd "$root"
# the namespace after the cgroup was entered: its root is that cgroup. With container= systemd sets nothing of the machine
exec unshare --cgroup sh -c 'mount -t cgroup2 cgroup2 sys/fs/cgroup
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=test \
  chroot . /lib/systemd/systemd --system --unit=multi-user.target'
