#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# machines.sh root DIR: a Debian of this machine's version with systemd and the firewalls that the
#   tests restart, as DIR/root and as an archive for the kernel, DIR/root.cpio.
# machines.sh kernel DIR SUITE: the kernel of another version of Debian, as DIR/vmlinuz, and what it
#   needs for netfilter, all of it modules, as DIR/modules.cpio. apt fetches it; nothing is installed.
set -eu
INCLUDE=systemd-sysv,dbus,kmod,procps,util-linux,nftables,iptables,iproute2,conntrack,strace,python3,ufw,firewalld
DEBIAN=${MIRROR:-http://deb.debian.org}

archive() { # DIR FILE FIND'S WORDS...
	dir=$1 file=$(realpath -m "$2")
	shift 2
	(cd "$dir" && find . -mindepth 1 "$@" | LC_ALL=C sort -z | cpio -0 -o -H newc --quiet) \
		>"$file.new"
	mv "$file.new" "$file"
}

root() { # DIR
	mkdir -p "$1"
	rm -rf "$1/root" "$1/root.new"
	mmdebstrap --quiet --mode=root --variant=minbase --include="$INCLUDE" \
		--aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--customize-hook='systemctl --quiet --root="$1" disable firewalld ufw nftables' \
		--customize-hook='rm -rf "$1/var/log/journal"' \
		"$(. /etc/os-release && echo "$VERSION_CODENAME")" "$1/root.new" </dev/null
	lib="./usr/lib/$(uname -m)-linux-gnu"
	archive "$1/root.new" "$1/root.cpio" \( -path ./var/cache -o -path ./var/lib/apt \
		-o -path ./usr/share/zoneinfo -o -path ./usr/share/perl -o -path ./usr/share/perl5 \
		-o -path "$lib/perl" -o -path "$lib/perl-base" -o -path "$lib/gconv" \
		-o -path ./usr/share/info -o -path ./usr/include \) -prune -o -print0
	mv "$1/root.new" "$1/root"
}

# apt, with lists and archives of its own, which know this suite alone.
fetch() { # DIR SUITE
	mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	echo "deb [signed-by=$key] $DEBIAN/debian $2 main" >"$1/sources.list"
	echo "deb [signed-by=$key] $DEBIAN/debian-security $2-security main" >>"$1/sources.list"
	set -- -qq -o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o "Dir::State::lists=$1/lists" -o "Dir::Cache=$1/cache" \
		-o Acquire::Languages=none -o APT::Sandbox::User=root
	apt-get "$@" update
	meta=linux-image-cloud-$(dpkg --print-architecture)
	name=$(apt-cache "$@" depends "$meta" | sed -n 's/.* Depends: \(linux-image-[^ ]*\)$/\1/p')
	apt-get "$@" download "$name"
}

kernel() { # DIR SUITE
	rm -rf "$1"
	mkdir -p "$1/unpacked"
	dir=$(realpath "$1")
	cd "$dir"
	fetch "$dir" "$2"
	dpkg -x linux-image-*.deb unpacked
	from=$(echo unpacked/lib/modules/* unpacked/usr/lib/modules/* | tr ' ' '\n' | grep -v '\*$')
	version=${from##*/}
	to=layer/usr/lib/modules/$version
	mkdir -p "$to/kernel"
	cp "$from"/modules.order "$from"/modules.builtin "$from"/modules.builtin.modinfo "$to"
	(cd "$from/kernel" && tar -c net lib crypto drivers/net/veth.ko* drivers/net/dummy.ko*) |
		tar -x -C "$to/kernel"
	ln -s usr/lib layer/lib # where depmod looks
	depmod -b layer "$version"
	rm layer/lib
	archive layer modules.cpio -print0
	mv unpacked/boot/vmlinuz-"$version" vmlinuz.new
	rm -rf lists cache unpacked layer linux-image-*.deb
	mv vmlinuz.new vmlinuz
}

"$@"
