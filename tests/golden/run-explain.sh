#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# explain/*.flows: what 'untrack explain' says of these packets with the .conf, and with the .facts
# where there are some, is exactly the .out beside them, and as JSON the .json where there is one;
# bad.flows: the .err. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/explain" || exit 1

explains() { # NAME OPTION...
	name=$1
	shift
	[ ! -e "$name.facts" ] || set -- "$@" --facts "$name.facts"
	"$untrack" explain "$name.conf" - "$@" <"$name.flows" >"$SCRATCH/out" 2>&1
}

says() { # NAME
	explains "$1" && same "$1.out" "$SCRATCH/out"
}

says_json() { # NAME
	explains "$1" --json --quiet && same "$1.json" "$SCRATCH/out"
}

refuses() {
	"$untrack" explain 01-raw.conf - <bad.flows >"$SCRATCH/out" 2>"$SCRATCH/err"
	[ $? = 2 ] && [ ! -s "$SCRATCH/out" ] && same bad.err "$SCRATCH/err"
}

for flows in [0-9]*.flows; do
	claim "${flows%.flows}" says "${flows%.flows}"
	[ ! -e "${flows%.flows}.json" ] ||
		claim "${flows%.flows} as JSON" says_json "${flows%.flows}"
done
claim "flows that cannot be read" refuses
finish
