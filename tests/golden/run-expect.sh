#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# expect/good/*.expect: 'untrack test' with the .conf, and with the .facts where there are some,
# prints exactly the .out beside it, as TAP the .tap and as JUnit the .xml. expect/bad/*.expect: it
# says exactly the .err, and that it cannot tell. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/expect/good" || exit 1

prints() { # NAME FORMAT SUFFIX
	name=$1 format=$2 suffix=$3
	set -- "$name.conf" "$name.expect" --format "$format"
	[ ! -e "$name.facts" ] || set -- "$@" --facts "$name.facts"
	"$untrack" --color never test "$@" >"$SCRATCH/out" 2>"$SCRATCH/err"
	status=$?
	[ "$format" != text ] || cat "$SCRATCH/err" >>"$SCRATCH/out"
	same "$name.$suffix" "$SCRATCH/out" || return 1
	want=0
	! grep -q FAIL "$name.out" || want=1
	[ $status = $want ] || { echo "exit status $status"; return 1; }
}

refuses() { # FILE
	set -- "$1" base.conf
	[ "${1%.conf}" = "$1" ] || set -- "$1" 20*.expect
	"$untrack" --color never test "$@" >"$SCRATCH/out" 2>"$SCRATCH/err"
	status=$?
	same "${1%.*}.err" "$SCRATCH/err" || return 1
	[ $status = 2 ] && [ ! -s "$SCRATCH/out" ] || { echo "exit status $status"; return 1; }
}

for f in *.expect; do
	claim "${f%.expect}" prints "${f%.expect}" text out
	claim "${f%.expect} as TAP" prints "${f%.expect}" tap tap
	claim "${f%.expect} as JUnit" prints "${f%.expect}" junit xml
done
cd ../bad || exit 1
for f in [0-9]*.expect [0-9]*.conf; do
	claim "${f%.*}" refuses "$f"
done
finish
