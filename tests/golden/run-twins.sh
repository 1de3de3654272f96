#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Firewalls (kernel/rulesets/*.nft, twins/*.nft) and the twins that they get: what apply changes in
# their listing, and what it says, is twins/NAME.twins. Then removal restores the listing, byte for
# byte. That nobody listens here is left out of what it says. UPDATE=1 writes .twins anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
own_namespace "twins in the kernel" "$here/$(basename "$0")" "$@"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/twins" || exit 1
ip link add eth0 type veth peer name peer0 # for the rulesets that name it
ip link add eth1 type veth peer name peer1

run() {
	"$untrack" --config web.conf --state "$SCRATCH/state" --backend nftables "$@"
}

others() { # the listing of everybody else, counts aside
	nft -s list ruleset | sed '/^table inet untrack {$/,/^}$/d' | sed -f "$here/../spelling.sed"
}

twins() { # FILE
	nft flush ruleset && nft -f "$1" && rm -rf "$SCRATCH/state" || return 1
	others >"$SCRATCH/before"
	{
		run apply 2>&1
		echo "status $?"
		others | diff "$SCRATCH/before" -
	} | sed -e 's/__chain[0-9]*/__chain/' -e '/\[no-listener\]$/,/^  cure: /d' >"$SCRATCH/twins"
	run -q remove || return 1
	others | diff -u "$SCRATCH/before" - || return 1
	same "$(basename "$1" .nft).twins" "$SCRATCH/twins"
}

for f in ../../kernel/rulesets/*.nft *.nft; do
	[ -e "$f" ] && claim "$(basename "$f" .nft): its twins" twins "$f"
done
finish
