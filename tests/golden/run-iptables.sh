#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Firewalls of iptables (kernel/rulesets/ipt-*) and the twins that they get, in each of its homes:
# what apply changes in what iptables saves, and what it says, is twins/NAME-nft.twins or
# NAME-legacy.twins. Then removal restores the listing. That nobody listens here is left out of what
# it says. UPDATE=1 writes .twins anew.
# Goes through a namespace for each, in which it is called again: inside NAME FORM SAVES.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
own_namespace "twins of iptables" "$here/$(basename "$0")" "$@"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/twins" || exit 1

run() {
	"$untrack" --config web.conf --state "$SCRATCH/state" --backend nftables "$@"
}

saved() { # nft|legacy: what is listed, counts aside
	for tool in iptables ip6tables; do
		echo "$tool" && "$tool-$1-save" || return 1
	done | sed -e '/^#/d' -e 's/\[[0-9]*:[0-9]*\]/[0:0]/'
}

twins() { # NAME FORM SAVES
	ip link add eth0 type veth peer name peer0 # for the rulesets that name it
	ip link add eth1 type veth peer name peer1
	for tool in iptables ip6tables; do
		"$tool-$2-restore" <"$3/$1-$2.$tool" || return 1
	done
	saved "$2" >"$SCRATCH/before"
	{
		run apply 2>&1
		echo "status $?"
		saved "$2" | diff "$SCRATCH/before" -
	} | sed -e '/\[no-listener\]$/,/^  cure: /d' >"$SCRATCH/twins"
	run -q remove || return 1
	saved "$2" | diff -u "$SCRATCH/before" - || return 1
	same "$1-$2.twins" "$SCRATCH/twins"
}

if [ $# = 4 ]; then
	twins "$2" "$3" "$4"
	exit
fi
if ! command -v iptables-legacy-restore iptables-nft-restore >/dev/null; then
	skip "twins of iptables" "no iptables here: make deps-test"
	finish
fi
export UNTRACK="$untrack" XTABLES_LOCKFILE="$SCRATCH/lock"
mkdir "$SCRATCH/saves" && python3 -B ../../kernel/firewalls.py "$SCRATCH/saves"
for f in ../../kernel/rulesets/ipt-*/kind; do
	name=$(basename "$(dirname "$f")")
	for form in nft legacy; do
		claim "$name: its twins in iptables-$form" \
			unshare --net "$here/$(basename "$0")" inside "$name" "$form" "$SCRATCH/saves"
	done
done
finish
