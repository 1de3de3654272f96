#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The main job in throwaway network namespaces: nothing of this host is touched. See `make try`.
set -eu
PATH=/usr/sbin:/sbin:$PATH
here=$(cd "$(dirname "$0")" && pwd)
untrack=${UNTRACK:-$here/../build/untrack}
case $untrack in /*) ;; *) untrack=$PWD/$untrack ;; esac

fail() {
	echo
	echo "try: $*" >&2
	exit 1
}

if [ "${1-}" != inside ]; then
	[ "$(id -u)" = 0 ] || fail "network namespaces need root: sudo make try"
	[ -x "$untrack" ] || fail "$untrack is not built: make"
	exec unshare --mount --net --pid --fork --kill-child --mount-proc sh "$0" inside
fi
mount -t tmpfs tmpfs /run

title() {
	printf '\n== %s\n' "$*"
}

# What the reader should look at.
look() {
	printf '   %s\n' "$*"
}

on() {
	host=$1
	shift
	ip netns exec "$host" "$@"
}

entries() {
	on server cat /proc/sys/net/netfilter/nf_conntrack_count
}

own() {
	on server "$untrack" --config /run/etc --state /run/state "$@"
}

# The program's own words, and its success.
show() {
	own "$@" >/run/said 2>&1 || { cat /run/said; fail "untrack $1 failed"; }
	sed 's/^/   | /' /run/said
}

talk() {
	on "$1" "$here/kernel/talk" ask "$2" "$3" "$4" "$5" || true
}

# talk_all COUNT: connections to 80 and 443, over both families; they must all be answered.
talk_all() {
	for address in 192.0.2.10 2001:db8::10; do
		for port in 80 443; do
			said=$(talk client $address $port "$1" 512)
			look "$(printf '%-14s port %-4s %s' $address $port "$said")"
			case $said in "$1 of $1 "*) ;; *) fail "connections were lost" ;; esac
		done
	done
}

# cable A DEV ADDRESS4 ADDRESS6 B DEV ADDRESS4 ADDRESS6
cable() {
	ip -n "$1" link add "$2" type veth peer name "$6" netns "$5"
	for end in "$1 $2 $3 $4" "$5 $6 $7 $8"; do
		# shellcheck disable=SC2086
		set -- $end
		ip -n "$1" addr add "$3" dev "$2"
		ip -n "$1" addr add "$4" dev "$2" nodad
		ip -n "$1" link set "$2" up
	done
}

build() {
	for host in client router server; do
		ip netns add $host
		ip -n $host link set lo up
	done
	cable client eth0 198.51.100.20/24 2001:db8:1::20/64 router eth1 198.51.100.1/24 2001:db8:1::1/64
	cable router eth0 192.0.2.1/24 2001:db8::1/64 server eth0 192.0.2.10/24 2001:db8::10/64
	ip -n client route add default via 198.51.100.1
	ip -n client route add default via 2001:db8:1::1
	ip -n server route add default via 192.0.2.1
	ip -n server route add default via 2001:db8::1
	on router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n server link add eth2 type veth peer name eth3 # the storage network of rules.d/
	mkdir -p /run/etc/rules.d
	: >/run/etc/untrack.conf
	cp "$here"/../rules.d/*.conf /run/etc/rules.d/
	on server "$here/kernel/talk" serve 22 80 443 25 >/run/ready &
	while ! [ -s /run/ready ]; do sleep 0.05; done
	talk client 2001:db8::10 9 1 64 >/run/refused # neighbours find each other
}

firewall='table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		ct state invalid drop
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		ip saddr 203.0.113.0/24 drop
		tcp dport { 22, 53, 80, 443 } ct state new accept
		udp dport { 53, 443, 4789 } ct state new accept
	}
}'

build
title "A client, a router, and a server behind this firewall: stateful, drop by default"
echo "$firewall" | sed 's/^/   | /'
echo "$firewall" | on server nft -f -
on server nft list ruleset >/run/before

title "Connections from the client, tracked"
talk_all 75
look "entries in the conntrack table: $(entries)"
[ "$(entries)" -ge 300 ] || fail "the table should have filled"

title "untrack apply, with the examples in rules.d/"
show apply
own diff >/run/diff 2>&1 || fail "the kernel does not hold what was asked for"
look "entries in the conntrack table: $(entries). Those of exempt traffic were dropped"

title "What it wrote: a table of its own, and twins beside the firewall's state rules"
on server nft list chain inet filter input | grep '"untrack:' >/run/twins || fail "no twins"
look "$(wc -l </run/twins) twins in inet filter input: each gives exempt packets the verdict of the"
look "rule it stands before. To see them: nft list chain inet filter input"

title "The same connections, exempt"
was=$(entries)
talk_all 75
look "entries in the conntrack table: $(entries). None was added, every connection got through"
[ "$(entries)" -le "$was" ] || fail "exempt connections left entries"
said=$(talk client 192.0.2.10 22 1 64)
look "port 22 is not exempt: $said, new entries: $(($(entries) - was))"
[ "$(entries)" -gt "$was" ] || fail "port 22 should be tracked"
said=$(talk client 192.0.2.10 25 1 64)
look "port 25 is closed, as before: $said"
[ "$said" = "0 of 1 answered" ] || fail "port 25 was opened"

title "untrack status: the counters"
show status

title "Path MTU: the router's link to the client now takes 1300 bytes; a 5 MB answer"
ip -n router link set eth1 mtu 1300
for address in 192.0.2.10 2001:db8::10; do
	said=$(talk client $address 80 1 5000000)
	look "$(printf '%-14s %s' $address "$said")"
	[ "$said" = "1 of 1 answered" ] || fail "a large answer was lost"
done
on server ip route get 198.51.100.20 | grep -q 'mtu 1300' || fail "no path MTU was learnt"
look "the server learnt the path MTU: ICMP errors about exempt flows came through the firewall"

title "untrack remove"
show remove
on server nft list ruleset >/run/after
cmp /run/before /run/after || fail "the firewall is not as it was"
look "nft list ruleset: byte for byte as it was before"
echo
look "The README goes on with three tours of five minutes: a full table, the boot, rules in CI"
