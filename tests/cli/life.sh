#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The life of a configuration in a network namespace of its own: what each command says, with which
# exit status, and what it leaves on record.
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1-}" != inside ]; then
	if unshare --net true 2>/dev/null; then
		exec unshare --net sh "$here/$(basename "$0")" inside
	fi
	. "$here/../lib.sh"
	skip "the life of a configuration" "no network namespace of our own"
	finish
fi
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$SCRATCH" || exit 1
mkdir etc
unset SSH_CONNECTION

web() { # PORTS
	printf '[service web]\ndescription = front end\nprotocol = tcp\nport = %s\n' "$1" \
		>etc/untrack.conf
}

own() {
	"$untrack" --config etc --state state "$@"
}

# says STATUS WORDS COMMAND...: the status, and WORDS somewhere in what it says (- for nothing)
says() {
	status=$1 words=$2
	shift 2
	own "$@" >said 2>&1
	code=$?
	cat said
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	[ "$words" != - ] || { ! grep -q . said; return; }
	grep -qF -- "$words" said
}

listing() {
	nft -s list ruleset
}

generations() {
	find state -name 'generation-*.conf' | wc -l
}

recorded() { # NUMBER
	[ "$(generations)" = "$1" ] || { ls -R state; return 1; }
}

nothing_left() {
	! listing | grep .
}

web 80
claim "history before the first apply" says 0 "nothing was applied yet" history
claim "status before the first apply" says 1 "nothing applied yet" status
claim "diff before: everything is missing" says 1 "+ prerouting notrack web" diff
claim "apply" says 0 "applied: 1 exemption, 6 rules, 0 twins" apply
claim "a record" recorded 1
claim "diff after: equal" says 0 "equal: 6 rules, 0 twins" diff
claim "diff, quiet" says 0 - -q diff
claim "status after" says 0 "loaded" status
claim "status, verbose" says 0 "front end" status -v
claim "the same again" says 0 "unchanged: 1 exemption" apply
claim "the same again, quiet" says 0 - -q apply
claim "no record of it" recorded 1

web "80, 443"
claim "an edited file: diff" says 1 "+ prerouting notrack web protocol tcp dport 80,443" diff
claim "an edited file: status" says 0 "untrack diff" status
claim "a second apply" says 0 "applied:" apply
claim "its record" recorded 2
listing >second
claim "rollback" says 0 "rolled back to generation 1: 1 exemption" rollback
claim "rollback says what the files say" says 0 "untrack diff" status
claim "rollback of the rollback" says 0 "rolled back to generation 2" rollback
listing >again
claim "the same rules as then" diff second again
claim "which the files say, too" sh -c '! grep -q "say otherwise" said'
claim "rollback to a number" says 0 "rolled back to generation 1" rollback 1
claim "which the files do not say" grep -q "say otherwise" said
claim "rollback to where we are" says 0 "unchanged:" rollback 1
claim "history: what changed" says 0 "service web: port 80 -> 80, 443" history
claim "history: what is in force" sh -c 'grep -q "^generation 5 of .*, nftables, the current one$" said'
claim "history takes no operand" says 2 "usage: untrack history" history 1
claim "rollback to no such number" says 2 "there is no generation '99'" rollback 99

drift() {
	handle=$(nft -a list chain inet untrack output | sed -n 's/.*comment "web".*handle //p' | head -n 1)
	nft delete rule inet untrack output handle "$handle"
}
drift
claim "drift: status" says 1 "+ output notrack web" status
claim "drift: of how many" says 1 " of 4" status
claim "drift: diff" says 1 "+ output notrack web" diff
web 80
claim "drift: repaired" says 0 "applied:" apply
claim "drift: gone" says 0 "loaded" status

nft add rule inet untrack output tcp dport 99 drop
claim "a rule of others: status" says 1 "dport 99" status
claim "a rule of others: status names the cure" says 1 "cure: untrack apply --force" status
claim "no directory for the records" says 3 "or name another with --state DIR" \
	--state etc/untrack.conf/state apply
claim "a rule of others: apply refuses" says 3 "foreign-objects" apply
claim "a rule of others: remove refuses" says 3 "foreign-objects" remove
claim "a rule of others: is still there" sh -c 'nft list ruleset | grep -q "dport 99"'
claim "a rule of others: --force" says 0 "applied:" apply --force
claim "a rule of others: gone" sh -c '! nft list ruleset | grep -q "dport 99"'

json() {
	own status --json >status.json && python3 -c '
import json
st = json.load(open("status.json"))
assert st["drift"] == [] and st["backend"] == "nftables" and not st["blocked"]
assert [e["name"] for e in st["exemptions"]] == ["web"]
assert st["exemptions"][0]["rules"] == {"want": 4, "have": 4}
assert st["exemptions"][0]["in"] == {"packets": 0, "bytes": 0}
'
}
claim "status as JSON" json

printf '[service web]\nport = x\n' >etc/untrack.conf
claim "a broken file: apply touches nothing" says 2 "etc/untrack.conf:1:1: error" apply
claim "a broken file: apply at boot" says 1 "is in force instead" apply --boot
claim "a broken file: which is said on record" says 0 "good at boot" history
claim "a broken file: status works" says 0 "untrack check" status
claim "a broken file: rollback works" says 0 "rolled back" rollback
web "80, 443"
claim "remove" says 0 "removed: nothing of untrack is in the kernel" remove
claim "nothing is left" nothing_left
claim "remove again" says 0 "unchanged: nothing of untrack is in the kernel" remove
claim "status after remove" says 0 "0 exemptions" status
claim "rollback of remove" says 0 "rolled back to generation" rollback
claim "and it is there again" says 0 "equal" diff
claim "boot" says 0 "unchanged:" apply --boot
claim "boot, and a confirmation" says 2 "exclude each other" apply --boot --confirm
claim "remove at the end" says 0 "removed:" remove

unprivileged() {
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all ./program --config etc \
		--state nobody apply >said 2>&1
	code=$?
	cat said
	[ $code = 3 ] && grep -q 'run as root' said
}
chmod 755 . etc && chmod 644 etc/untrack.conf && cp "$untrack" program && chmod 755 program
claim "without privileges" unprivileged
claim "nothing is left at the end" nothing_left
finish
