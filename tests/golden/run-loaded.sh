#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# good/*.conf: what nft lists after 'untrack apply' in a fresh network namespace is the .loaded
# beside it, and 'untrack show --as nft' loads to the same. UPDATE=1 writes .loaded anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/good" || exit 1

# A namespace of its own that does not forward, whatever this host does.
alone() {
	# shellcheck disable=SC2016
	unshare -n sh -c 'for f in ipv4/ip_forward ipv6/conf/all/forwarding; do
		[ "$(cat /proc/sys/net/$f 2>/dev/null)" != 1 ] || echo 0 >/proc/sys/net/$f
	done; '"$1"
}

applied() { # FILE
	rm -rf "$SCRATCH/state"
	alone "'$untrack' -q --config $1 --state '$SCRATCH/state' apply &&
		nft -s list table inet untrack" >"$SCRATCH/loaded" || return 1
	same "${1%.conf}.loaded" "$SCRATCH/loaded"
}

shown() { # FILE
	"$untrack" -q show --as nft "$1" >"$SCRATCH/nft" || return 1
	alone "nft -f '$SCRATCH/nft' && nft -s list table inet untrack" >"$SCRATCH/listed" || return 1
	diff -u "${1%.conf}.loaded" "$SCRATCH/listed"
}

if ! alone 'nft list tables' >/dev/null 2>&1; then
	skip "rules in the kernel" "no network namespace of our own, or no nft"
	finish
fi
for conf in *.conf; do
	claim "${conf%.conf}: applied" applied "$conf"
	claim "${conf%.conf}: shown as nft" shown "$conf"
done
finish
