#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# good/*.iptables: what iptables-legacy-save lists after 'untrack apply' of the .conf beside it, in an
# empty network namespace, is what it lists after the text of 'untrack show --as iptables', and so
# for ip6tables; and 'untrack remove' leaves nothing.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
own_namespace "rules in the tables of iptables-legacy" "$here/$(basename "$0")" "$@"
if ! iptables-legacy -t raw -S >/dev/null 2>&1 || ! ip6tables-legacy -t raw -S >/dev/null 2>&1; then
	skip "rules in the tables of iptables-legacy" "no iptables-legacy here, or none in the kernel"
	finish
fi
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/good" || exit 1
export XTABLES_LOCKFILE="$SCRATCH/lock"
echo 1-65535 >/proc/sys/net/ipv4/ip_local_reserved_ports

run() { # COMMAND CONF
	"$untrack" -q --config "$2" --state "$SCRATCH/state" --backend iptables "$1"
}

listing() { # IPTABLES
	"$1-legacy-save" -t raw | sed '/^#/d; s/\[[0-9:]*\]//'
}

applied() { # CONF
	rm -rf "$SCRATCH/state"
	run apply "$1" || return 1
	listing iptables >"$SCRATCH/iptables"
	listing ip6tables >"$SCRATCH/ip6tables"
	run remove "$1" || return 1
	! { listing iptables && listing ip6tables; } | grep UNTRACK
}

shown() { # CONF
	for family in iptables ip6tables; do
		"$family-legacy-restore" -n <"${1%.conf}.$family" || return 1
		listing "$family" >"$SCRATCH/shown"
		"$family-legacy" -t raw -F && "$family-legacy" -t raw -X
		diff -u "$SCRATCH/$family" "$SCRATCH/shown" || return 1
	done
}

for text in *.iptables; do
	conf=${text%.iptables}.conf
	claim "${conf%.conf}: applied and removed" applied "$conf"
	claim "${conf%.conf}: restored" shown "$conf"
done
finish
