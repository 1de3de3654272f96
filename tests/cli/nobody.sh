#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What CI asks needs no privileges: an ordinary user without a capability checks, tries, explains and
# tests rules, and loads what show prints with the tools of others, in namespaces of its own.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
root=$(realpath "$here/../..")
flow="tcp 198.51.100.7:51000 -> 192.0.2.10:443 in eth0"
cd "$SCRATCH" || exit 1

if [ "$(id -u)" = 0 ]; then
	nobody="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all"
else
	nobody=
fi
# shellcheck disable=SC2086
if ! $nobody unshare --user --map-root-user --net true 2>/dev/null; then
	skip "what an ordinary user can do" "no user namespaces here"
	finish
fi

# exits STATUS WORDS ARGUMENT...: as that user
exits() {
	status=$1 words=$2
	shift 2
	# shellcheck disable=SC2086
	$nobody "./untrack" --color never "$@" >said 2>&1 </dev/null
	code=$?
	cat said
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	grep -qF -- "$words" said
}

# Everything that checks files, in every format that it has.
every_format() {
	formats=$("$untrack" help "$1" | sed -n 's/.*--format \([a-z|]*\).*/\1/p' | tr '|' ' ')
	for f in ${formats:-none}; do
		[ "$f" != none ] || continue
		exits 0 "" "$@" --format "$f" || return 1
	done
}

nothing_is_privileged() {
	# shellcheck disable=SC2086
	$nobody grep -E '^(Cap(Prm|Eff|Bnd|Amb)|Uid)' /proc/self/status >said
	cat said
	! grep -E '^Cap[A-Za-z]*:.*[1-9a-f]' said && ! grep -P '^Uid:\t0\t' said
}

nft_loads() {
	exits 0 "table inet untrack" show --as nft rules.d || return 1
	cp said rules.nft
	# shellcheck disable=SC2086
	$nobody unshare --user --map-root-user --net sh -ec '
		nft -f rules.nft
		nft list ruleset
		nft -f rules.nft
		nft list ruleset >&2' >first 2>second || return 1
	diff -u first second || return 1
	sed -n '3,$p' rules.nft | sed -f "$here/../spelling.sed" >want
	sed -f "$here/../spelling.sed" first | diff -u want -
}

restores() { # iptables|ip6tables
	exits 0 "*raw" show --as "$1" rules.d || return 1
	cp said rules.save
	# shellcheck disable=SC2086
	XTABLES_LOCKFILE=/dev/null $nobody unshare --user --map-root-user --net sh -ec '
		"$1-legacy-restore" -n <rules.save
		"$1-legacy-save" -t raw' - "$1" >saved || return 1
	grep -e '^-A UNTRACK' rules.save | sed 's/-p icmpv6/-p ipv6-icmp/' | sort >want
	grep -e '^-A UNTRACK' saved | sort | diff -u want - &&
		[ "$(grep -c -e '^-A \(PREROUTING\|OUTPUT\) -j UNTRACK-' saved)" = 2 ]
}

chmod 755 .
# The build directory may be closed to others.
cp "$untrack" untrack && cp -r "$root/rules.d" rules.d && chmod -R a+rX .
printf '[service web]\nprotocol = tcp\nport = 99999\n' >bad.conf
mkdir empty && chmod 777 empty
"$untrack" --config empty facts >facts.json 2>/dev/null
chmod 644 facts.json bad.conf

claim "no privileges" nothing_is_privileged
claim "check" exits 0 "valid: 6 exemptions" check rules.d
claim "check: a fault" exits 1 "bad.conf:3:" check bad.conf
claim "check: every format" every_format check rules.d
claim "check --kernel" exits 0 "rules loaded and read back" check --kernel rules.d
claim "check --kernel: every format" every_format check --kernel rules.d
if [ "$(id -u)" = 0 ]; then
	claim "check --facts" exits 0 " rules, " check --facts facts.json rules.d
	claim "explain --facts" exits 0 "untracked" explain --facts facts.json rules.d "$flow"
else
	skip "check --facts" "facts are written by root"
	skip "explain --facts" "facts are written by root"
fi
claim "explain" exits 0 "web.conf" explain rules.d "$flow"
claim "test" exits 0 "" test rules.d
claim "test: every format" every_format test rules.d
for form in rules json; do
	claim "show --as $form" exits 0 "web" show --as $form rules.d
done
claim_with nft "show --as nft: nft loads it, again too, and lists the same" nft_loads
for tool in iptables ip6tables; do
	claim_with $tool-legacy-restore "show --as $tool: $tool-restore loads it and lists the same" \
		restores $tool
done
for shell in bash zsh fish; do
	claim "completion $shell" exits 0 "untrack" completion $shell
done
finish
