#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules/*.rules as they are read, normalised and printed: what is in normal form comes out as it is,
# the others have a .out beside them. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
build=$(dirname "$(realpath "${UNTRACK:-$here/../../build/untrack}")")
cd "$here/../.." || exit 1

# The flags that the library was built with: the sanitizers have to be the same.
builds() {
	eval "$(cat "$build/flags") -o '$SCRATCH/rules_rules' tests/golden/rules_rules.c \
		'$build/libuntrack.a'"
}

reads() { # FILE
	# shellcheck disable=SC2086
	${UNTRACK_EMULATOR:-} "$SCRATCH/rules_rules" "$1" >"$SCRATCH/got" || return 1
	cmp -s "$1" "$SCRATCH/got" && [ ! -e "${1%.rules}.out" ] && return
	same "${1%.rules}.out" "$SCRATCH/got"
}

claim "the reader is built" builds
for rules in tests/golden/rules/*.rules; do
	claim "$(basename "$rules")" reads "$rules"
done
finish
