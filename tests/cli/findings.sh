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
	sed -n "/\[$1\]/{n;s/^  cure: [^:]*: \([^(]*\) (.*/\1/p;}" said
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

service web "port = 80, 40000"
claim "an ephemeral port refuses" refused ephemeral-overlap
claim "force goes over it and is on record" forced ephemeral-overlap
start_over
claim "present reservations are merged into the cure" reservations_are_kept
claim "the cure's command cures" cure_of_ephemeral
start_over
finish
