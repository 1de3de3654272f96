#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line: good calls, bad calls, exit statuses, help. Nothing here touches the kernel.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$SCRATCH" || exit 1

# exits STATUS WORDS ARGUMENT...: the status, and WORDS somewhere in what it says (- for nothing)
exits() {
	status=$1 words=$2
	shift 2
	"$untrack" --state "$SCRATCH/state" "$@" >said 2>&1
	code=$?
	cat said
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	[ "$words" != - ] || { ! grep -q . said; return; }
	grep -qF -- "$words" said
}

on_stdout_only() {
	"$untrack" "$@" 2>stderr >stdout && [ -s stdout ] && ! [ -s stderr ]
}

mkdir -p good/rules.d empty bad
printf '[service web]\nprotocol = tcp\nport = 80, 443\n' >good/untrack.conf
printf '[interface storage]\nname = nosuch0\n' >good/rules.d/storage.conf
printf '# nothing\n' >empty/untrack.conf
printf '[interface storage]\nname = nosuch0\n' >bare.conf
printf '[service web]\nprotocol = tcp\nprot = 80\n' >bad/untrack.conf
printf '[service web]\nprotocol = tcp\nport = 80\nport = 81\n' >bad/twice.conf

claim "no command" exits 2 "no command given"
claim "unknown command" exits 2 "unknown command 'aply'" aply
claim "unknown command: did you mean" exits 2 "did you mean 'apply'?" aply
claim "no prefixes of commands" exits 2 "unknown command 'app'" app
claim "empty command" exits 2 "unknown command ''" ""
claim "unknown option before the command" exits 2 "did you mean --config?" --confg x check
claim "unknown option of the command" exits 2 "did you mean --force?" apply --forse
claim "an option of another command" exits 2 "unknown option --json" apply --json
claim "no prefixes of options" exits 2 "unknown option --forc" apply --forc
claim "an option without its value" exits 2 "--config needs DIR" check --config
claim "a wrong choice" exits 2 "--backend takes auto|nftables|iptables, not 'nft'" --backend nft check
claim "watching takes seconds" exits 2 "--watch takes seconds from 1 to 86400, not '0'" \
	status --watch=0
claim "watching takes a number" exits 2 "not '2s'" status --watch=2s
claim "watching takes something" exits 2 "--watch= needs SECONDS, not nothing" status --watch=
claim "doctor takes no path" exits 2 "doctor: what is 'good'?" doctor good
claim "apply takes no path" exits 2 "apply: what is 'good'?" apply good
claim "usage of that command as the cure" exits 2 "usage: untrack diff" diff good
claim "rollback takes one number" exits 2 "rollback: what is '2'?" rollback 1 2
claim "rollback to what is no number" exits 2 "there is no generation 'x'" rollback x
claim "rollback before the first apply" exits 2 "nothing was applied yet" rollback
claim "help of an unknown command" exits 2 "unknown command 'nonsense'" help nonsense

claim "version" exits 0 "untrack " --version
claim "help" exits 0 "Commands:" --help
claim "help as a command" exits 0 "Commands:" help
claim "help of help" exits 0 "Commands:" help help
claim "help with an option" exits 0 "Commands:" help --help
claim "help of a command, with an option" exits 0 "--no-drain" help -q apply
claim "help of a command" exits 0 "--no-drain" help apply
claim "help behind a command" exits 0 "--no-drain" apply --help
claim "help of a finding" exits 0 "Exempt packets need address translation" help nat-conflict
claim "help of a finding with the name of a command" exits 0 "The finding of this name:" help confirm
claim "help of the command of that name" exits 0 "Usage: untrack [OPTION...] confirm" help confirm
claim "a list of all findings" exits 0 "half-interface " help findings
claim "a command that is not for people" exits 2 "is for untrack itself" help expire
claim "help does not act" exits 0 "Usage: untrack [OPTION...] remove" -q remove -h
claim "help goes to standard output" on_stdout_only help

claim "check: valid" exits 0 "valid: 2 exemptions" check good
claim "check: quiet" exits 0 - check -q good
claim "check: options on either side" exits 0 - -q --config good check
claim "check: --config is the default path" exits 0 "valid: 2 exemptions" --config good check
claim "check: standard input" exits 1 "nothing here asks for an exemption" check -
claim "check: wrong" exits 1 "did you mean" check bad/untrack.conf
claim "check: where" exits 1 "bad/untrack.conf:3:1: error" check bad/untrack.conf
claim "check: all faults of all files" exits 1 "bad/twice.conf:4:1: error" check bad/untrack.conf \
	bad/twice.conf
claim "check: empty" exits 1 "nothing here asks for an exemption" check empty
claim "check: no such file" exits 2 "nosuch" check good nosuch
claim "check: /dev/null" exits 1 "nothing here asks for an exemption" check /dev/null
# A host of which little is known, but enough: no firewall at all, and nothing unread.
cat >h1.json <<-'END'
	{"untrack-facts":1, "host":"h1", "ephemeral":{"lo":32768,"hi":60999},
	 "interfaces":[{"name":"lo"}], "firewall":{}}
END
sed 's/"h1"/"h2"/; s/"lo"}\]/"nosuch0"}]/' h1.json >h2.json
sed 's/"firewall":{}/"unread":["firewall: no privileges"]/' h1.json >blind.json
sed 's/"untrack-facts":1/"untrack-facts":2/' h1.json >newer.json
sed 's/"firewall":{}/"weather":"rain"/' h1.json >strange.json
head -c 70 h1.json >cut.json

claim "check: against facts" exits 0 "valid: 2 exemptions" check --facts h1.json good
claim "check: what the host would have" exits 0 "h1: " check --facts h1.json good
claim "check: quiet about the host" exits 0 - check -q --facts h2.json bare.conf
claim "check: a finding of one of two hosts names it" exits 0 "note: h1: storage: there is no" \
	check --facts h1.json --facts=h2.json good
claim "check: a finding of the only host does not" exits 0 "note: storage: there is no" \
	check --facts h1.json good
claim "check: faults of the files come before the host" exits 1 "bad/untrack.conf:3:1: error" \
	check --facts h1.json bad/untrack.conf
sed 's/"h1"/"h\\u001b[31m\\n1"/' h1.json >odd.json
claim "check: a host with a strange name" exits 0 "h%1B[31m%0A1: " check --facts odd.json good
claim "check: no such facts" exits 2 "cure: name a file that 'untrack facts' wrote" \
	check --facts nosuch.json good
claim "check: facts cut off" exits 2 "cut.json:2:" check --facts cut.json good
claim "check: facts of another version" exits 2 "facts of format 2; this version reads format 1" \
	check --facts newer.json good
claim "check: a fact that is not known" exits 2 "weather: this version knows no such member" \
	check --facts strange.json good
claim "check: facts without a firewall" exits 2 "is not among its facts" \
	check --facts blind.json good
claim "check: a directory of facts" exits 2 "error: cannot be read" check --facts good good
claim "check: --facts without a file" exits 2 "--facts needs FILE" check --facts
claim "check: --facts with nothing" exits 2 "--facts needs FILE, not nothing" check --facts= good
claim "facts takes no path" exits 2 "facts: what is 'h1.json'?" facts h1.json
claim "facts has no options" exits 2 "unknown option --live" facts --live
claim "show" exits 0 "notrack" show good
claim "show: as nft" exits 0 "table inet untrack" show --as nft good
claim "show: wrong" exits 2 "bad/untrack.conf:3:1: error" show bad/untrack.conf
claim "apply: wrong" exits 2 "bad/untrack.conf:3:1: error" --config bad/untrack.conf apply
claim "apply: empty" exits 2 "nothing here asks for an exemption" --config empty apply
claim "apply: no such directory" exits 2 "nosuch" --config nosuch apply
claim "diff: wrong" exits 2 "bad/untrack.conf:3:1: error" --config bad/untrack.conf diff
claim "no record was made" test ! -e state/generation-1.conf

json() {
	"$untrack" show --as json good | python3 -c '
import json, sys
doc = json.load(sys.stdin)
assert {r["exemption"] for r in doc["rules"]} == {"web", "storage", "loopback"}
assert {c["class"] for c in doc["classes"]} == {"opening", "continuing", "error"}
assert {r["origin"]["file"] for r in doc["rules"] if r["verdict"] == "notrack"} == {
    "good/untrack.conf", "good/rules.d/storage.conf"}
'
}
claim "show: as json" json

colours() { # yes|no ARGUMENT...
	want=$1
	shift
	"$untrack" "$@" check bad/untrack.conf 2>said
	got=no
	! grep -q "$(printf '\033')" said || got=yes
	[ "$got" = "$want" ]
}
claim "no colour without a terminal" colours no
claim "colour always" colours yes --color always
claim "colour never" colours no --color never

full() {
	"$untrack" show good >/dev/full 2>said
	[ $? = 2 ] && grep -q "standard output cannot be written" said
}
if [ -c /dev/full ]; then
	claim "results that cannot be written" full
fi

group_writable() {
	cp good/untrack.conf open.conf && chmod 666 open.conf
	exits 2 "open.conf" check open.conf
}
if [ "$(id -u)" = 0 ]; then
	claim "a file that others may write" group_writable
else
	skip "a file that others may write" "only root insists"
fi
finish
