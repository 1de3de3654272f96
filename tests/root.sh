#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# root.sh SUITE PACKAGES COMMAND...: a command in this tree's copy in a root of another release of
# Debian, with mounts, processes and a network of its own. The root is made once, in
# build-root-SUITE, and never changed: what the command writes is in memory, and gone with it.
cd "$(dirname "$0")/.." || exit 1
suite=$1
packages=$2
shift 2
root=$PWD/build-root-$suite

# Complete once the list of its packages is there, and made anew when that changes.
if [ "$(cat "$root/packages" 2>/dev/null)" != "$packages" ]; then
	echo "making $root"
	rm -rf "$root" && mkdir "$root" || exit 1
	# shellcheck disable=SC2086
	mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$root/files" &&
		tr -d - </proc/sys/kernel/random/uuid >"$root/files/etc/machine-id" &&
		printf '%s\n' "$packages" >"$root/packages" || exit 1
fi

# shellcheck disable=SC2016
exec unshare --mount --pid --net --ipc --uts --fork --kill-child sh -ec '
	root=$1
	shift
	mkdir -p "$root/now"
	mount -t tmpfs -o mode=755 tmpfs "$root/now"
	cd "$root/now"
	mkdir upper work all
	mount -t overlay -o "lowerdir=$root/files,upperdir=upper,workdir=work" overlay all
	mkdir all/untrack
	tar -c -C "$OLDPWD" --exclude="./build*" --exclude=./.git . | tar -x -C all/untrack
	mount -t proc proc all/proc
	mount -t sysfs sysfs all/sys
	mount -t cgroup2 cgroup2 all/sys/fs/cgroup
	mount --rbind /dev all/dev
	mount -t tmpfs tmpfs all/run
	ip link set lo up
	mkdir all/before
	cd all
	pivot_root . before # chroot would do, but for namespaces of users, which nobody there may make
	umount -l before
	rmdir before
	cd /untrack
	exec "$@"
' sh "$root" "$@"
