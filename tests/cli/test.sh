#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# untrack test: which files it takes, what it exits with, and the expectations of the examples.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cp -r "$here/../../rules.d" "$SCRATCH/examples" && cd "$SCRATCH" || exit 1

# exits STATUS WORDS ARGUMENT...: the status, and WORDS somewhere in what it says
exits() {
	status=$1 words=$2
	shift 2
	"$untrack" --config etc test "$@" >said 2>&1 </dev/null
	code=$?
	cat said
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
	grep -qF -- "$words" said
}

from_stdin() { # STATUS WORDS FILE ARGUMENT...
	status=$1 words=$2 file=$3
	shift 3
	"$untrack" test "$@" <"$file" >said 2>&1
	[ $? = "$status" ] && grep -qF -- "$words" said
}

expectation() { # NAME PORT RESULT
	printf '[expect %s]\nflow = tcp 198.51.100.7:51000 -> 192.0.2.10:%s in eth0\nresult = %s\n' "$@"
}

failures_only() {
	exits 1 "FAIL  ssh" -q etc wrong.expect && ! grep -E '^pass|expectations' said
}

each_example() {
	for f in examples/*.conf; do
		"$untrack" -q test "$f" "${f%.conf}.expect" || return 1
	done
}

every_example_is_tested() {
	for f in examples/*.conf; do
		sed -n 's/^\[\(service\|interface\) \(.*\)\]/\2/p' "$f"
	done | sort >names
	sed -n 's/^by *= *//p' examples/*.expect | grep -v '^loopback$' | sort -u | diff names -
}

# As the readers of CI systems would have it.
junit_is_xml() { # ARGUMENT...
	"$untrack" --config etc test --format junit "$@" >out.xml 2>said
	python3 - out.xml <<-'END'
		import sys
		import xml.etree.ElementTree as tree
		root = tree.parse(sys.argv[1]).getroot()
		assert root.tag == "testsuites"
		for suite in root:
		    cases = suite.findall("testcase")
		    assert suite.tag == "testsuite" and int(suite.get("tests")) == len(cases) > 0
		    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
		    assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
		    assert all(c.get("name") and c.get("classname") for c in cases)
		for count in "tests", "failures", "errors":
		    assert int(root.get(count)) == sum(int(s.get(count)) for s in root)
	END
}

# Our own counter of TAP takes it, diagnosis and all.
tap_is_tap() {
	printf '#!/bin/sh\nexec "%s" --config etc test --format tap etc wrong.expect\n' "$untrack" >t
	chmod +x t
	"$here/../run" ./t >counted
	cat counted
	grep -q '^2 passed, 1 failed$' counted
}

bails_out() {
	"$untrack" test --format tap nosuch.expect >said 2>/dev/null
	[ $? = 2 ] && grep -qx 'Bail out! cannot open: No such file or directory' said
}

# A configuration that sees the expectations beside it, and does not take them for its own.
ignores_expectations() {
	"$untrack" check etc && "$untrack" show etc >shown && ! grep -q expect shown
}

mkdir -p etc/rules.d only nothing odd
printf '[service web]\nprotocol = tcp\nport = 80, 443\n' >etc/rules.d/web.conf
expectation web 443 untracked >etc/rules.d/web.expect
expectation other 8080 tracked >etc/other.expect
expectation hidden 443 tracked >etc/.hidden.expect
expectation ssh 22 untracked >wrong.expect
expectation alone 80 untracked >only/a.expect
printf '[service dns]\nprotocol = udp\nport = 53\n' >dns.conf
odd=$(printf 'odd/<&"\001\033#.expect')
expectation odd 22 untracked >"$odd"

claim "the configuration directory, and both places in it" exits 0 "2 expectations: 2 passed, 0"
claim "the same by name" exits 0 "2 expectations: 2 passed, 0 failed" etc
claim "a file of expectations against the configuration directory" exits 1 "FAIL  ssh" wrong.expect
claim "a directory of expectations alone" exits 0 "1 expectation: 1 passed, 0 failed" only
claim "a file of each kind" exits 1 "FAIL  alone" dns.conf only/a.expect
claim "directories of each kind" exits 0 "3 expectations: 3 passed, 0 failed" only etc
claim "the configuration on standard input" from_stdin 0 "1 passed, 0 failed" etc/rules.d/web.conf \
	- only/a.expect
claim "quiet: failures only" failures_only
claim "no expectation is no success" exits 2 "nothing here is expected" dns.conf
claim "nor is an empty directory" exits 2 "nothing here is expected" nothing etc/rules.d/web.conf
claim "a file that is not there" exits 2 "nosuch.expect: error: cannot open" nosuch.expect etc
claim "a configuration that is not there" exits 2 "nosuch: error: cannot open" nosuch wrong.expect
claim "the same name in two files" exits 2 "the name 'ssh' is taken by" wrong.expect wrong.expect
claim "expectations given as configuration" from_stdin 2 "is an expectation, and this is" \
	wrong.expect - only
claim "two hosts" exits 2 "test: on one host only" --facts a --facts b etc
claim "facts that are not there" exits 2 "nosuch.facts" --facts nosuch.facts etc
claim "a format that there is not" exits 2 "--format takes text|tap|junit" --format json
claim "check and show pass expectations over" ignores_expectations
claim_with python3 "JUnit of passes and failures" junit_is_xml etc wrong.expect
claim_with python3 "JUnit of a file with the worst of names" junit_is_xml "$odd"
claim_with python3 "JUnit of a run that broke off" junit_is_xml nosuch.expect
claim "TAP" tap_is_tap
claim "TAP of a run that broke off" bails_out
claim "the examples are as expected" exits 0 "0 failed" examples
claim "each of them alone" each_example
claim "every exemption of the examples is expected" every_example_is_tested
finish
