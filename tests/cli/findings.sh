#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Findings before acting on a live host: what refuses leaves the kernel alone, what is forced is on
# record, and what a cure says to do cures.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
own_namespace "findings on a live host" "$here/$(basename "$0")" "$@"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$SCRATCH" || exit 1
mkdir etc
unset SSH_CONNECTION
ip link set lo up

own() {
	"$untrack" --config etc --state state "$@" >said 2>&1
	code=$?
	cat said
}

# says STATUS WORDS COMMAND...: the status, and WORDS somewhere in what it says
says() {
	status=$1 words=$2
	shift 2
	own "$@"
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	grep -qF -- "$words" said
}


silent_about() { # ID COMMAND...: done, and no such finding
	id=$1
	shift
	own "$@"
	[ $code = 0 ] && ! grep -qF "[$id]" said
}

service() { # NAME SETTINGS
	printf '[service %s]\nprotocol = tcp\n%b\n' "$1" "$2" >etc/untrack.conf
}

ours() {
	nft list tables | grep -q "inet untrack"
}

refused() { # ID: exit 3, nothing of ours in the kernel, nothing on record
	says 3 "[$1]" apply && ! ours && ! ls state/generation-* 2>/dev/null
}

forced() { # ID
	says 0 "[$1]" apply --force && ours &&
		grep -qx "# findings: 1 error, [0-9]* warnings*" state/generation-1.conf &&
		grep -qx "# forced: $1" state/generation-1.conf
}

start_over() {
	own -q remove --force
	rm -rf state
}

# The command in the cure of the finding ID, up to the parenthesis.
cure_command() {
	sed -n "/\[$1\]/,/^  cure:/s/^  cure: [^:]*: \([^(]*\) (.*/\1/p" said
}

cure_of_ephemeral() {
	own apply
	command=$(cure_command ephemeral-overlap)
	echo "$command"
	echo 8080 >/proc/sys/net/ipv4/ip_local_reserved_ports
	eval "$command" && silent_about ephemeral-overlap apply
}

reservations_are_kept() {
	echo 8080,40001-40002 >/proc/sys/net/ipv4/ip_local_reserved_ports
	says 3 "ip_local_reserved_ports=8080,40000-40002 " apply
}

# ---- twins ---------------------------------------------------------------------------------------

# A table belongs to who made it as long as that one's socket is open: nft, reading from here.
own_table() {
	mkfifo owner || return 1
	nft -i <owner >nft-says 2>&1 &
	exec 3>owner
	cat >&3 <<-'END'
		add table inet filter { flags owner; }
		add chain inet filter input { type filter hook input priority 0; policy drop; }
		add rule inet filter input ct state established,related accept
		add rule inet filter input tcp dport 22-80 ct state new accept
	END
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! nft list ruleset | grep -q "state new" || break
		sleep 0.1
	done
	nft list ruleset | grep -q "flags owner"
}

disown_table() {
	exec 3>&-
	wait
}

# What the cure lists, added by the owner: insert rule inet filter CHAIN position HANDLE RULE.
rules_of_cure() {
	sed -n 's/^ *\([a-z]*\), before its rule \([0-9]*\): \(.*\)/\1 \2 \3/p' said
}

owner_writes_twins() {
	own apply
	rules_of_cure >rules
	cat rules
	[ "$(wc -l <rules)" = 4 ] || return 1
	nft -a list chain inet filter input | sed -n 's/.*accept # handle //p' >handles
	while read -r chain number rule; do
		echo "insert rule inet filter $chain position $(sed -n "${number}p" handles) $rule"
	done <rules >&3
	echo 'accept = none' >>etc/untrack.conf
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(nft list ruleset | grep -c untracked)" != 4 ] || break
		sleep 0.1
	done
	nft list ruleset
	cat nft-says
	[ "$(nft list ruleset | grep -c untracked)" = 4 ] && silent_about owned-table apply
}

negated_rule() {
	nft -f - <<-'END'
		table inet filter {
			chain input {
				type filter hook input priority 0
				ct state != { new, established, related } drop
				tcp dport 9 drop
			}
		}
	END
}

# ---- the host ------------------------------------------------------------------------------------

two_forwarding_links() {
	ip link add eth0 type veth peer name peer0
	ip link add eth1 type veth peer name peer1
	for i in eth0 eth1; do echo 1 >/proc/sys/net/ipv4/conf/$i/forwarding; done
}

# A connection to port 8080 of this host that NAT takes to port 80; then the rule is gone.
translated_connection() {
	nft add table ip t && nft add chain ip t out '{ type nat hook output priority -100; }' &&
		nft add rule ip t out tcp dport 8080 redirect to :80 || return 1
	python3 - <<-'END'
		import socket
		server = socket.create_server(("127.0.0.1", 80))
		client = socket.create_connection(("127.0.0.1", 8080))
		peer = server.accept()
		END
	nft delete table ip t
}

service web "port = 80, 40000"
claim "an ephemeral port refuses" refused ephemeral-overlap
claim "force goes over it and is on record" forced ephemeral-overlap
start_over
claim "present reservations are merged into the cure" reservations_are_kept
claim "the cure's command cures" cure_of_ephemeral
start_over

service web "port = 80"
negated_rule
claim "a negated state refuses" refused state-negated
claim "force goes over it and is on record, too" forced state-negated
start_over
service web "port = 80, 50000"
claim "what refuses is said in one go: the host's settings" refused ephemeral-overlap
claim "and its firewall" refused state-negated
service web "port = 80"
start_over
nft flush ruleset

if own_table; then
	claim "an owned table refuses" refused owned-table
	claim "its owner writes the rules of the cure" owner_writes_twins
	start_over
else
	skip "an owned table" "this nft makes none"
fi
disown_table

two_forwarding_links
printf '[interface storage]\nname = eth1\n' >etc/untrack.conf
claim "half a path is said" says 0 "between eth1 and eth0 is exempt on one half" apply
start_over
printf '[interface storage]\nname = eth1, eth0\n' >etc/untrack.conf
claim "a whole path is fine" silent_about half-interface apply
start_over

service web "port = 8080"
claim "a connection is translated" translated_connection
claim "live translated connections refuse" refused nat-conflict
claim "and say how many, of what" says 3 "NAT translates 1 live connection of tcp port 8080" apply
service web "port = 80"
claim "what they are translated to is not theirs" silent_about nat-conflict apply
finish
