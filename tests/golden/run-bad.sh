#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# bad/*.conf: 'untrack check' says exactly the .err beside it, and that the answer is no. UPDATE=1
# writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/bad" || exit 1

refuses() { # FILE
	"$untrack" --color never check "$1" >"$SCRATCH/out" 2>"$SCRATCH/err"
	status=$?
	same "${1%.conf}.err" "$SCRATCH/err" || return 1
	[ $status = 1 ] || { echo "exit status $status"; return 1; }
}

for conf in *.conf; do
	claim "${conf%.conf}" refuses "$conf"
done
finish
