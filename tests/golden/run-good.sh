#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# good/*.conf: 'untrack show' prints exactly the .rules beside it. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/good" || exit 1

shows() { # FILE
	"$untrack" show -v --as rules "$1" >"$SCRATCH/rules" || return 1
	same "${1%.conf}.rules" "$SCRATCH/rules"
}

for conf in *.conf; do
	claim "${conf%.conf}" shows "$conf"
done
finish
