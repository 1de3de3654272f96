#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# good/*.conf: what nft lists after 'untrack apply' in an empty network namespace is the .loaded
# beside it, and 'untrack show --as nft' loads to the same, and again to the same. UPDATE=1 writes
# .loaded anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
own_namespace "rules in the kernel" "$here/$(basename "$0")" "$@"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/good" || exit 1
# Some of them exempt every port, which nobody may whose own connections take theirs from there.
echo 1-65535 >/proc/sys/net/ipv4/ip_local_reserved_ports

listing() {
	nft -s list table inet untrack | sed -f "$here/../spelling.sed"
}

applied() { # FILE
	nft flush ruleset && rm -rf "$SCRATCH/state"
	"$untrack" -q --config "$1" --state "$SCRATCH/state" --backend nftables apply || return 1
	listing >"$SCRATCH/loaded" && same "${1%.conf}.loaded" "$SCRATCH/loaded"
}

shown() { # FILE
	"$untrack" -q show --as nft "$1" >"$SCRATCH/nft" || return 1
	nft flush ruleset
	for _ in once again; do
		nft -f "$SCRATCH/nft" && listing >"$SCRATCH/listed" || return 1
		diff -u "${1%.conf}.loaded" "$SCRATCH/listed" || return 1
	done
}

for conf in *.conf; do
	claim "${conf%.conf}: applied" applied "$conf"
	claim "${conf%.conf}: shown as nft" shown "$conf"
done
finish
