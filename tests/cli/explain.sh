#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# untrack explain: how it is called, and on a live host whose firewall it walks through.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
own_namespace "explain on a live host" "$here/$(basename "$0")" "${1-}"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$SCRATCH" || exit 1
web="tcp 198.51.100.7:51000 -> 192.0.2.10:443 in eth0"

# exits STATUS WORDS ARGUMENT...: the status, and WORDS somewhere in what it says (- for nothing)
exits() {
	status=$1 words=$2
	shift 2
	"$untrack" --config etc explain "$@" >said 2>&1 </dev/null
	code=$?
	cat said
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	[ "$words" != - ] || { ! grep -q . said; return; }
	grep -qF -- "$words" said
}

without() { # WORDS ARGUMENT...
	unsaid=$1
	shift
	exits 0 "" "$@" && ! grep -qF -- "$unsaid" said
}

unchanged() {
	nft -s list ruleset >before
	exits 0 "twin" --live "$web" && nft -s list ruleset | diff before -
}

mkdir etc
printf '[service web]\nprotocol = tcp\nport = 80, 443\n' >etc/untrack.conf
printf '[service web]\nprotocol = tcp\n' >bad.conf
printf '[service names]\nprotocol = udp\nport = 53\n' >names.conf
ip link set lo up
ip link add eth0 type veth peer name eth1
ip addr add 192.0.2.10/24 dev eth0
ip link set eth0 up
nft -f - <<'END'
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		tcp dport 443 ct state new accept
	}
}
END

claim "no flow" exits 2 "which flow?"
claim "the configuration directory" exits 0 "untracked by web, etc/untrack.conf:1" "$web"
claim "a file of its own" exits 0 "no rule of ours" names.conf "$web"
claim "two files" exits 0 "untracked by web" names.conf etc/untrack.conf "$web"
claim "its reply" exits 0 "reply: tcp 192.0.2.10:443 -> 198.51.100.7:51000 continuing out eth0" \
	"$web"
claim "a flow that cannot be read" exits 2 "flow:1:27: error: no port '192.0.2.10' [flow]" \
	"tcp 198.51.100.7:51000 -> 192.0.2.10 in eth0"
claim "a file instead of a flow" exits 2 "no protocol 'names.conf'" names.conf
claim "a path, and no flow" exits 2 "no protocol 'nosuch.d'" nosuch.d
claim "a flow without quotes" exits 2 "a flow is one argument, in quotes" tcp 198.51.100.7:51000 - \
	in eth0
claim "a configuration that is not valid" exits 2 "bad.conf:1:1" bad.conf "$web"
claim "no flows on standard input" exits 0 - -
claim "no firewall unless it is asked for" without "input" "$web"
claim "live: the twin decides" exits 0 \
	"input       inet filter input, untracked: accepted by rule 2, by its twin: tcp dport 443" \
	--live "$web"
claim "live: dropped" exits 0 "untracked, dropped" --live \
	"tcp 198.51.100.7:51000 -> 192.0.2.10:80 in eth0"
claim "live: no address of this host" exits 0 "the destination is no address of this host" --live \
	"tcp 198.51.100.7:51000 -> 192.0.2.11:443 in eth0"
claim "live as JSON" exits 0 '"verdict": "accepted"' --live --json "$web"
claim "live: nothing has changed" unchanged
claim "two hosts" exits 2 "on one host only" --live --facts x "$web"
claim "facts that are not there" exits 2 "nosuch.facts" --facts nosuch.facts "$web"
"$untrack" facts >host.facts
claim "facts" exits 0 "accepted by rule 2, by its twin" --facts host.facts "$web"
nft 'insert rule inet filter input tcp dport 443 ct mark 5 drop'
claim "live: a host that refuses" exits 0 "this host refuses the configuration" --live "$web"
finish
