#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# SARIF as a reader of others takes it: Microsoft's Sarif.Multitool holds it against the published
# schema and the rules of its own. SARIF_READER is the program (make test-sarif).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../build/untrack}")
reader=${SARIF_READER:-none}
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
if [ ! -x "$reader" ]; then
	skip "SARIF" "no Sarif.Multitool: make test-sarif" && finish
fi

# There is no address on the web that is about untrack: SARIF2005 asks for one, each time, or it did not
# look at all.
valid() { # FILE.sarif
	"$reader" validate "$1" --rule-kind Sarif --level 'Error;Warning' -o "$SCRATCH/verdict" \
		--log ForceOverwrite >said 2>&1 || { cat said; return 1; }
	grep -E ': (error|warning) ' said >found
	[ "$(wc -l <found)" = 1 ] && grep -q SARIF2005 found || { cat said; return 1; }
}

accepted() { # STATUS ARGUMENT...
	status=$1
	shift
	"$untrack" check --format sarif "$@" <faults.conf >got.sarif
	[ $? = "$status" ] && valid got.sarif
}

refused() { # SED-SCRIPT ID
	"$untrack" check --format sarif faults.conf | sed "$1" >got.sarif
	! valid got.sarif >seen && grep -q "$2" seen
}

cp "$here"/golden/formats/*.conf "$here"/golden/formats/*.facts "$SCRATCH"
cd "$SCRATCH" || exit 1
chmod go-w ./*
odd='50% o:dd, na&me ü.conf'
cp faults.conf "$odd"
claim "nothing found" accepted 0 valid.conf
claim "faults" accepted 1 faults.conf
claim "an odd name" accepted 1 "$odd"
claim "standard input" accepted 1 -
claim "files that are not there" accepted 2 nosuch.conf "$SCRATCH/nosuch.conf"
claim "hosts, and all severities" accepted 1 --facts web1.facts --facts web2.facts hosts.conf
claim "the kernel" accepted 0 --kernel valid.conf
claim "every fault of the tests" accepted 1 "$here/golden/bad"
claim "mistakes of meaning" accepted 1 "$here"/golden/meaning/*.conf
claim "a line 0 would be refused" refused 's/"startLine": [0-9]*/"startLine": 0/' JSON1008
claim "a finding without its rule would be refused" refused /ruleId/d SARIF1010
finish
