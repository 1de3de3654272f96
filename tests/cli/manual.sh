#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# untrack(8) and the help texts name the same commands and options, and the manual explains every
# finding that the source can make.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/../.." || exit 1
page=man/untrack.8

commands() {
	"$untrack" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort
}

# The manual's items in a section: ".It Cm NAME ..." of COMMANDS.
manual_commands() {
	sed -n '/^\.Sh COMMANDS/,/^\.Sh OPTIONS/s/^\.It Cm \([a-z]*\).*/\1/p' $page | sort
}

options_of_help() { # COMMAND
	"$untrack" help "$1" | sed -n '/^Options of this/,/^$/s/^ .\{5\}--\([a-z-]*\).*/\1/p' | sort
}

options_of_manual() { # COMMAND
	awk -v name="$1" '/^\.It Cm / { inside = $3 == name; next }
		/^\.Sh / { inside = 0 }
		inside && /^\.It Fl -/ { sub("-", "", $3); print $3 }' $page | sort
}

general_of_help() {
	"$untrack" help | sed -n '/^Options:/,/^$/s/^ .\{5\}--\([a-z-]*\).*/\1/p' | sort
}

general_of_manual() {
	sed -n '/^\.Sh OPTIONS/,/^\.Sh THE/s/^\.It Fl \(. , \)*-\([a-z-]*\).*/\2/p' $page | sort
}

equal() { # A B: two commands that print lists
	eval "$1" >"$SCRATCH/a"
	eval "$2" >"$SCRATCH/b"
	[ -s "$SCRATCH/b" ] || [ "${3:-}" = may-be-empty ] && diff -u "$SCRATCH/a" "$SCRATCH/b"
}

# show --as stands in the line of the command itself.
synopsis_has_as() {
	grep -q '^\.It Cm show Oo Fl -as' $page
}

findings_of_manual() {
	sed -n '/^\.Sh FINDINGS/,$s/^\.It Ql //p' $page | tr -d ',' | tr ' ' '\n' | sort -u
}

source_is_explained() {
	tr -d '\n\t' <"$SCRATCH/source" |
		grep -oE 'diag_(error|warn|note)\([^"]*, *"[a-z][a-z-]*"' |
		sed 's/.*"\(.*\)"/\1/' | sort -u >"$SCRATCH/a"
	findings_of_manual >"$SCRATCH/b"
	[ -s "$SCRATCH/a" ] && ! comm -23 "$SCRATCH/a" "$SCRATCH/b" | grep .
}

manual_is_true() {
	! findings_of_manual | while read -r id; do
		grep -qF "\"$id\"" "$SCRATCH/source" || echo "$id"
	done | grep .
}

cat src/*.c src/*/*.c >"$SCRATCH/source"
claim "commands" equal commands manual_commands
claim "general options" equal general_of_help general_of_manual
for c in check diff apply remove status history rollback; do
	claim "options of $c" equal "options_of_help $c" "options_of_manual $c" may-be-empty
done
claim "options of show" synopsis_has_as
claim "every finding is in the manual" source_is_explained
claim "every finding of the manual exists" manual_is_true
finish
