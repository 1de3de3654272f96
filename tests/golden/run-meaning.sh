#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# meaning/*.conf: files that can be read and say something that was hardly meant. 'untrack check'
# with the facts that "# facts:" names finds what "# finds:" lists, in each format, and says exactly
# the .out beside them. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/meaning" || exit 1

word() { # KEY FILE
	sed -n "s/^# $1: //p" "$2"
}

check() { # FORMAT FILE
	facts=$(word facts "$2")
	"$untrack" --color never check --format "$1" ${facts:+--facts "$facts.facts"} "$2"
}

says() { # FILE
	check text "$1" >"$SCRATCH/stdout" 2>"$SCRATCH/out"
	cat "$SCRATCH/stdout" >>"$SCRATCH/out"
	same "${1%.conf}.out" "$SCRATCH/out"
}

finds() { # FILE
	check text "$1" >"$SCRATCH/text" 2>&1
	check json "$1" >"$SCRATCH/json"
	check sarif "$1" >"$SCRATCH/sarif"
	check github "$1" >"$SCRATCH/github"
	ids=$(word finds "$1")
	[ -n "$ids" ] || return 1
	for id in $ids; do
		grep -F "[$id]" "$SCRATCH/text" &&
			grep -F "\"id\": \"$id\"" "$SCRATCH/json" &&
			grep -F "\"ruleId\": \"$id\"" "$SCRATCH/sarif" &&
			grep -F ",title=$id%3A " "$SCRATCH/github" || { echo "no $id"; return 1; }
	done
}

for conf in *.conf; do
	claim "${conf%.conf}" says "$conf"
	claim "${conf%.conf} is found by id" finds "$conf"
done
finish
