#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The package in a clean root: installed, upgraded with a changed conffile, removed and purged, with
# rules in a kernel. build-deb has it (make deb), and is where the clean root is made.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.." || exit 1
deb=$(echo build-deb/untrack_[0-9]*_*.deb)
clean=build-deb/root
# It is fetched from where there is a network, so before there is a namespace without one.
if [ "${1-}" != inside ] && [ ! -d $clean ] && command -v mmdebstrap >/dev/null; then
	needs=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/ //g')
	mmdebstrap --quiet --variant=minbase --include="$needs" \
		"$(. /etc/os-release && echo "$VERSION_CODENAME")" $clean >build-deb/root.log 2>&1 ||
		rm -rf $clean
fi
own_namespace "the package" "$here/$(basename "$0")" "$@"
root=$SCRATCH/root
conf=$root/etc/untrack/untrack.conf

clean_root() {
	cp -a $clean "$root" || {
		cat build-deb/root.log
		false
	}
}

within() {
	unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" "$@"
}

package() { # DPKG'S WORDS
	within env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		dpkg --force-confdef --force-confold "$@" </dev/null
}

install() { # DEB
	cp "$1" "$root/tmp/untrack.deb" && package -i /tmp/untrack.deb
}

# By the names of the sources: what is added there is in the package, too.
everything_is_in_it() {
	{
		echo usr/sbin/untrack etc/untrack/untrack.conf usr/lib/tmpfiles.d/untrack.conf
		echo usr/share/doc/untrack/README.md.gz usr/share/bash-completion/completions/untrack
		echo usr/share/zsh/vendor-completions/_untrack
		echo usr/share/fish/vendor_completions.d/untrack.fish
		for f in systemd/*.service systemd/*.timer; do echo "lib/systemd/system/${f#*/}"; done
		for f in rules.d/*.conf rules.d/*.expect; do
			echo "usr/share/doc/untrack/examples/${f#*/}"
		done
		for f in man/*.[578]; do echo "usr/share/man/man${f##*.}/${f#*/}.gz"; done
	} | tr ' ' '\n' | sort >"$SCRATCH/want"
	dpkg-deb -c "$deb" | awk '!/^d/ { print substr($6, 3) }' |
		grep -vE '^usr/share/(doc/untrack/(changelog.gz|copyright)|lintian/overrides/untrack)$' |
		sort >"$SCRATCH/got"
	diff -u "$SCRATCH/want" "$SCRATCH/got" &&
		[ "$(dpkg-deb -I "$deb" conffiles)" = /etc/untrack/untrack.conf ]
}

# The same program as a later version, with another configuration.
later() {
	dpkg-deb -R "$deb" "$SCRATCH/later" &&
		sed -i 's/^Version: .*/&+later/' "$SCRATCH/later/DEBIAN/control" &&
		echo '# a later version says more' >>"$SCRATCH/later/etc/untrack/untrack.conf" &&
		dpkg-deb -b "$SCRATCH/later" "$SCRATCH/later.deb"
}

exempt() {
	nft list table inet untrack | grep -q notrack
}

installed() {
	install "$deb" && within untrack --version &&
		within untrack check /usr/share/doc/untrack/examples/web.conf &&
		! nft list tables | grep -q untrack
}

empty_is_said() {
	! within untrack apply >"$SCRATCH/said" 2>&1
	grep -q 'nothing here asks for an exemption' "$SCRATCH/said"
}

applied() {
	cp "$root/usr/share/doc/untrack/examples/web.conf" "$root/etc/untrack/rules.d/" &&
		within untrack -q apply && exempt
}

upgraded() { # the rules stay in force, and so does what the administrator wrote
	echo '# mine' >>"$conf"
	install "$SCRATCH/later.deb" && exempt && grep -q '^# mine' "$conf" &&
		grep -q 'says more' "$conf.dpkg-dist" && within untrack status
}

# As systemctl does it: links in /etc.
enabled() {
	systemctl --quiet --root="$root" enable untrack untrack-watch untrack-verify.timer &&
		[ -L "$root/etc/systemd/system/sysinit.target.wants/untrack.service" ] &&
		[ -L "$root/etc/systemd/system/nftables.service.wants/untrack-after@nftables.service" ]
}

removed() { # what the administrator wrote and the records stay
	package -r untrack && ! nft list tables | grep -q untrack && grep -q '^# mine' "$conf" &&
		ls "$root"/var/lib/untrack/generation-* && [ ! -e "$root/usr/sbin/untrack" ]
}

purged() {
	rm "$root/etc/untrack/rules.d/web.conf"
	package -P untrack && [ ! -e "$root/etc/untrack" ] && [ ! -e "$root/var/lib/untrack" ] &&
		! find "$root/etc" "$root/usr" "$root/var" -name '*untrack*' | grep -v dpkg
}

unchanged_conffile() {
	install "$deb" && install "$SCRATCH/later.deb" && grep -q 'says more' "$conf" &&
		[ ! -e "$conf.dpkg-dist" ] && package -P untrack
}

claim_with mmdebstrap "a clean root" clean_root
claim "installed: nothing starts, nothing is exempt" installed
claim "without a configuration there is nothing to apply" empty_is_said
claim "everything that is installed is in the package" everything_is_in_it
claim "a later version is packed" later
claim_with systemctl "the units can be enabled" enabled
claim "applied" applied
claim "an upgrade changes neither the rules nor the administrator's configuration" upgraded
claim "removed: the kernel is clean, configuration and records stay" removed
claim "purged: nothing stays" purged
claim "a configuration that nobody has changed is upgraded" unchanged_conffile
finish
