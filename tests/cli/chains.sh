#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What status and diff say about the chains of a firewall: nft, iptables-nft and iptables-legacy, in
# a network namespace of its own.
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1-}" != inside ]; then
	if unshare --net true 2>/dev/null; then
		exec unshare --net sh "$here/$(basename "$0")" inside
	fi
	. "$here/../lib.sh"
	skip "status of a firewall's chains" "no network namespace of our own"
	finish
fi
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$SCRATCH" || exit 1
mkdir etc
unset SSH_CONNECTION
printf '[untrack]\nfamily = ipv4\n[service web]\nprotocol = tcp\nport = 80, 443\n' >etc/untrack.conf

own() {
	"$untrack" --config etc --state state "$@"
}

# says STATUS LINE COMMAND...: the status, and LINE as one whole line of the results
says() {
	status=$1 line=$2
	shift 2
	own "$@" >said 2>findings
	code=$?
	cat said findings
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	grep -qxF -- "$line" said
}

# counts STATUS NUMBER WORDS COMMAND...: lines that begin with WORDS
counts() {
	status=$1 number=$2 words=$3
	shift 3
	own "$@" >said 2>findings
	code=$?
	cat said findings
	[ $code = "$status" ] && [ "$(grep -c -- "^$words" said)" = "$number" ]
}

# In a form: what each word of drift looks like where it happens. The functions change the rule that
# lets web in: another verdict, another rule before it, no question about the state.
drift() { # FORM CHAIN
	form=$1 chain=$2
	claim "$form: missing twins" says 1 "  $chain: web: twins: 3 missing" status
	claim "$form: missing in diff" counts 1 3 "+ missing twin $chain before " diff
	claim "$form: apply" own -q apply
	claim "$form: present" says 0 "  $chain: web: twins: 3 present" status
	claim "$form: nothing in diff" counts 0 0 "[+-] " diff
	other_verdict
	claim "$form: a rule has changed" counts 1 2 "[+-] stale twin $chain before " diff
	claim "$form: stale" says 1 "  $chain: web: twins: 2 present, 1 stale" status
	claim "$form: repaired" own -q apply
	claim "$form: once" says 0 "  $chain: web: twins: 3 present" status
	rule_in_front
	claim "$form: another rule in front" counts 1 2 "[+-] displaced twin $chain before " diff
	claim "$form: displaced" says 1 "  $chain: web: twins: 2 present, 1 displaced" status
	claim "$form: repaired again" own -q apply
	ask_nothing
	claim "$form: the rule asks no more" counts 1 2 "- unneeded twin $chain before " diff
	claim "$form: unneeded" says 1 "  $chain: web error: twins: 1 present, 2 unneeded" status
	claim "$form: remove" own -q remove
}

# --- nft -----------------------------------------------------------------------------------------

handle() { # RULE: the handle of the last one
	nft -a list chain inet filter input | grep -F "$1 # handle" | sed -n '$s/.*# handle //p'
}

nft -f - <<END
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop
		ct state established,related accept
		tcp dport { 80, 443 } ct state new accept
		ip saddr 192.0.2.1 counter packets 0 bytes 0 drop
		ip saddr 192.0.2.2 accept
	}
	chain output {
		type filter hook output priority filter; policy accept
	}
	chain pre {
		type nat hook prerouting priority dstnat
	}
}
END
other_verdict() {
	nft replace rule inet filter input handle "$(handle 'ct state new accept')" \
		tcp dport '{ 80, 443 }' ct state new counter accept
}
rule_in_front() {
	nft insert rule inet filter input handle "$(handle 'ct state new counter packets 0 bytes 0 accept')" \
		tcp dport 22 accept
}
ask_nothing() {
	nft delete rule inet filter input handle "$(handle 'ct state new counter packets 0 bytes 0 accept')"
	nft add rule inet filter input tcp dport '{ 80, 443 }' accept
}
claim "every chain on the way" says 1 "  inet filter output: web: none needed: accepted in either state" \
	status
claim "chains of nat, too" says 1 "  inet filter pre: web: none needed: it translates none of them" \
	status
drift nft "inet filter input"
nft flush ruleset

walks() {
	says 0 "      yes: accept  no         present  2  tcp dport { 80, 443 } ct state new accept" status -v
}
json() {
	own diff --json >diff.json 2>findings && own status -v --json >status.json 2>findings &&
		own status --json >short.json 2>findings && python3 -c '
import json
diff, st, short = (json.load(open(n + ".json")) for n in ("diff", "status", "short"))
assert diff["equal"] and diff["differences"] == [] and diff["twins"] == 3, diff
assert {t["state"] for t in st["twins"]} == {"present"} and len(st["twins"]) == 3
assert all(t["handle"] for t in st["twins"])
assert {n["need"] for n in st["needs"]} == {"twins"}
assert "walks" not in short
walk = [w for w in st["walks"] if w["packets"][0]["class"] == "opening"]
assert [(r["first"], r["last"], r["tracked"], r["untracked"], r["twin"]) for r in walk[0]["rules"]] == [
    (1, 1, "no", "no", None), (2, 2, "yes: accept", "no", "present")], walk
assert (walk[0]["tracked"], walk[0]["untracked"], walk[0]["twinned"]) == (
    "accepted", "dropped", "accepted")
'
}
nft -f - <<END
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop
		ct state established,related accept
		tcp dport { 80, 443 } ct state new accept
	}
}
END
own -q apply
claim "status -v walks" walks
claim "as JSON" json
nft insert rule inet filter input ct mark 7 drop
claim "refused: by which finding" says 1 \
	"  inet filter input: web: refused (state-lost): no twin makes it the same" status
claim "refused: the finding" grep -q "error: rule 1 of inet filter input .*\[state-lost\]" findings
claim "refused: diff" counts 3 0 "nothing" diff
claim "refused: in JSON" sh -c "\"$untrack\" --config etc --state state status --json 2>/dev/null |
	grep -q '\"finding\": \"state-lost\"'"
nft flush ruleset
rm -rf state

nft -f - <<END
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop
		ct state established,related accept
		tcp dport 80 ct state new accept
	}
}
END
claim "ports that fare otherwise" says 1 \
	"  inet filter input: web port 443 opening: closed: it accepts no new connection" status
nft flush ruleset
rm -rf state

# --- iptables ------------------------------------------------------------------------------------

other_verdict() { # -R would number the twins, too
	"$ipt" -D INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
	"$ipt" -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -m limit \
		--limit 10/sec -j ACCEPT
}
rule_in_front() {
	number=$("$ipt" -S INPUT | sed 1d | grep -n 'ctstate NEW' | cut -d : -f 1)
	"$ipt" -I INPUT "$number" -p tcp --dport 22 -j ACCEPT
}
ask_nothing() {
	"$ipt" -D INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -m limit \
		--limit 10/sec -j ACCEPT
	"$ipt" -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
}
for ipt in iptables-nft iptables-legacy; do
	if ! "$ipt" -w 10 -P INPUT DROP 2>/dev/null; then
		skip "$ipt" "it does not work here"
		continue
	fi
	"$ipt" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	"$ipt" -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
	drift "$ipt" "$ipt ip filter INPUT"
	"$ipt" -F
	"$ipt" -P INPUT ACCEPT
	nft flush ruleset
	rm -rf state
done
finish
