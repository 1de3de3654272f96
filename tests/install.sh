#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# make install and uninstall: every path honoured, nothing of the administrator's overwritten. Built
# with another compiler and with nothing in CFLAGS, where no warning may remain.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
root=$SCRATCH/root
cc=clang
command -v clang >/dev/null || cc=gcc
to="PREFIX=/opt/u SYSCONFDIR=/opt/etc STATEDIR=/opt/state RUNDIR=/opt/run MANDIR=/opt/man ZSHDIR=/opt/zsh"

run_make() {
	# shellcheck disable=SC2086
	make -s -j2 B=build-install CC=$cc CFLAGS= $to DESTDIR="$root" "$@" </dev/null
}

quietly() {
	run_make all >"$SCRATCH/out" 2>&1
	code=$?
	cat "$SCRATCH/out"
	[ $code = 0 ] && ! grep -q warning "$SCRATCH/out"
}

files() {
	(cd "$root" && find . -type f | sort)
}

expected_files() {
	{
		echo ./opt/u/sbin/untrack
		echo ./opt/etc/untrack/untrack.conf
		echo ./opt/u/share/doc/untrack/README.md
		echo ./opt/u/share/bash-completion/completions/untrack
		echo ./opt/zsh/_untrack
		echo ./opt/u/share/fish/vendor_completions.d/untrack.fish
		for f in man/*.5; do echo "./opt/man/man5/${f#man/}"; done
		for f in man/*.7; do echo "./opt/man/man7/${f#man/}"; done
		for f in man/*.8; do echo "./opt/man/man8/${f#man/}"; done
		for f in systemd/*.service systemd/*.timer; do echo "./opt/u/lib/systemd/system/${f#*/}"; done
		echo ./opt/u/lib/tmpfiles.d/untrack.conf
		for f in rules.d/*.conf rules.d/*.expect; do
			echo "./opt/u/share/doc/untrack/examples/${f#rules.d/}"
		done
	} | sort
}

all_there() {
	expected_files >"$SCRATCH/want"
	files >"$SCRATCH/got"
	diff -u "$SCRATCH/want" "$SCRATCH/got" && [ -d "$root/opt/state" ] &&
		[ -d "$root/opt/etc/untrack/rules.d" ]
}

paths_are_compiled_in() {
	"$root/opt/u/sbin/untrack" help >"$SCRATCH/help" &&
		grep -q 'default /opt/etc/untrack' "$SCRATCH/help" &&
		grep -q 'default /opt/state' "$SCRATCH/help"
}

# No placeholder is left, and what is not below /var/lib and /run is named as it is.
units_know_their_paths() {
	units=$root/opt/u/lib/systemd/system
	! grep -n '@[A-Z]*@' "$units"/* "$root/opt/u/lib/tmpfiles.d/untrack.conf" &&
		grep -qx 'ExecStart=/opt/u/sbin/untrack apply --boot' "$units/untrack.service" &&
		grep -qx 'ReadWritePaths=/opt/state' "$units/untrack.service" &&
		grep -qx 'ReadWritePaths=-/opt/run' "$units/untrack-watch.service" &&
		grep -qx 'd /opt/run 0700 root root -' "$root/opt/u/lib/tmpfiles.d/untrack.conf"
}

# Settings that are all comments: nothing is exempt until somebody says so.
fresh_configuration_is_empty() {
	"$root/opt/u/sbin/untrack" check "$root/opt/etc/untrack" 2>"$SCRATCH/said"
	[ $? = 1 ] && grep -q 'nothing here asks for an exemption' "$SCRATCH/said"
}

commented_settings_are_valid() {
	sed 's/^#\([[a-z]\)/\1/' "$root/opt/etc/untrack/untrack.conf" >"$SCRATCH/real.conf" &&
		"$root/opt/u/sbin/untrack" check "$SCRATCH/real.conf"
}

examples_are_as_expected() {
	"$root/opt/u/sbin/untrack" test "$root/opt/u/share/doc/untrack/examples"
}

configuration_stays() {
	echo '# mine' >"$root/opt/etc/untrack/untrack.conf"
	run_make install >/dev/null && grep -qx '# mine' "$root/opt/etc/untrack/untrack.conf"
}

# Where bash looks for them, with the program in its search path.
completes() {
	# shellcheck disable=SC2016
	PATH=$root/opt/u/sbin:$PATH bash --norc -c '
		source "$1"; COMP_WORDS=(untrack sta); COMP_CWORD=1; _untrack
		[ "${COMPREPLY[*]}" = status ]' - \
		"$root/opt/u/share/bash-completion/completions/untrack"
}

hardened() {
	readelf -h "$root/opt/u/sbin/untrack" | grep -q 'Type:.*DYN' &&
		readelf -d "$root/opt/u/sbin/untrack" | grep -q BIND_NOW &&
		readelf -l "$root/opt/u/sbin/untrack" | grep -q GNU_RELRO
}

# As after a build for another machine.
asks_for_a_program_that_runs() {
	rm -r build-install/completion
	! run_make install COMPLETER=/nowhere/untrack 2>"$SCRATCH/said" &&
		grep -q '^/nowhere/untrack does not run here: COMPLETER=' "$SCRATCH/said" &&
		run_make install COMPLETER="env $PWD/build-install/untrack" >/dev/null && all_there
}

only_the_administrators_stays() {
	mine=opt/u/share/doc/untrack/examples/mine.conf
	for again in 1 2; do
		[ $again = 2 ] || echo '# mine' >"$root/$mine"
		run_make uninstall >/dev/null || return
		files >"$SCRATCH/got"
		{
			echo ./opt/etc/untrack/untrack.conf
			[ $again = 2 ] || echo ./$mine
		} | diff -u - "$SCRATCH/got" || return
		rm -f "$root/$mine"
	done
	[ ! -e "$root/opt/u/share/doc/untrack" ] && [ ! -e "$root/opt/state" ] &&
		[ ! -e "$root/opt/etc/untrack/rules.d" ]
}

claim "builds without a warning ($cc)" quietly
claim "installs" run_make install
claim "every file is where it belongs" all_there
claim "paths are compiled in" paths_are_compiled_in
claim "units know their paths" units_know_their_paths
claim "hardened by default" hardened
claim "completion of command lines" completes
claim "the fresh configuration asks for nothing" fresh_configuration_is_empty
claim "its commented settings are valid" commented_settings_are_valid
claim "the examples do what their expectations say" examples_are_as_expected
claim "an existing configuration stays" configuration_stays
claim "a program that does not run here completes by another one" asks_for_a_program_that_runs
claim "uninstall leaves what is the administrator's, and nothing else" only_the_administrators_stays
finish
