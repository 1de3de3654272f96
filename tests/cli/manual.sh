#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# untrack(8) and the help texts name the same commands and options; the sources, the table of findings
# and the manual the same findings.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/../.." || exit 1
page=man/untrack.8

commands() {
	"$untrack" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' | sort
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

fits() {
	for c in "" $(commands); do
		"$untrack" help ${c:+"$c"}
	done >"$SCRATCH/help"
	[ -s "$SCRATCH/help" ] && ! grep -n '.\{80\}' "$SCRATCH/help"
}

findings_of_manual() { # SECTION
	sed -n "/^\.Sh $1/,/^\.Sh /s/^\.It Ql //p" $page | tr -d ',' | tr -s ' ' '\n' | sort
}

findings_of_table() { # GROUP
	sed -n "s/^	{ \"\([a-z-]*\)\", SEVERITY_[A-Z]*, $1,.*/\1/p" src/report/finding_table.c | sort
}

commands_of_readme() {
	sed -n '/^## The commands/,/^## [^T]/s/^    untrack \([a-z][a-z]*\) .*/\1/p' README.md | sort -u
}

targets_of_readme() {
	sed -n 's/^    make \(.*\)/\1/p' README.md | sed 's/#.*//; s/&& make//g' | tr -s ' ' '\n' |
		grep -x '[a-z-][a-z-]*' | sort -u
}

targets_are_there() {
	[ "$(targets_of_readme | wc -l)" -gt 10 ] || return 1
	for t in $(targets_of_readme); do
		grep -qE "^([a-z-]+ )*$t( [a-z-]+)*:" Makefile || { echo "no target $t"; return 1; }
	done
}

# What stands between backquotes and looks like a file of ours.
files_are_there() {
	# shellcheck disable=SC2016 # backquotes are what is looked for
	files=$(grep -o '`[a-z.]*/[a-z./-]*`' README.md | tr -d '`' |
		grep -E '^(packaging|tests|rules\.d|man|systemd|src)/' | sort -u)
	[ -n "$files" ] || return 1
	for f in $files; do
		[ -e "$f" ] || { echo "no file $f"; return 1; }
	done
}

# The messages that are shown in the manual are those of the program: what stands between "...", ids.
messages_of_manual() {
	sed -n '/^\.Ss Met first/,/^\.Ss /s/^\.It Li "\(.*\) \[\([a-z-]*\)\]"$/\1...\2/p' $page |
		sed 's/\.\.\./\n/g; s/: /\n/g' | sed 's/^[ ,:]*//; s/[ ,:]*$//' | grep .
}

messages_are_real() {
	tr -d '\n\t' <"$SCRATCH/source" | sed 's/" *"//g' >"$SCRATCH/joined"
	cat src/report/finding_table.c >>"$SCRATCH/joined"
	[ "$(messages_of_manual | wc -l)" -gt 20 ] || return 1
	messages_of_manual | grep -vxE 'Operation not permitted|Read-only file system' |
		while IFS= read -r part; do
			grep -qF -- "$part" "$SCRATCH/joined" || { echo "nowhere: $part"; exit 1; }
		done
}

# As somebody reads them, on a terminal of 80 columns.
pages_fit() {
	for f in man/*; do
		mandoc -Tascii -Owidth=78 "$f" | sed 's/.\x08//g'
	done >"$SCRATCH/pages"
	[ -s "$SCRATCH/pages" ] && ! grep '.\{80\}' "$SCRATCH/pages"
}

# .Ql quotes the rest of its line.
no_list_is_quoted() {
	! grep -nE '^\.([A-Z][a-z] )?Ql [^"]* , [^ ]' man/*
}

# Ids are literals in calls of the recorders; refuse() of twin_finding.c hands its own on.
ids_of_source() {
	tr -d '\n\t' <"$SCRATCH/source" |
		grep -oE '(diag_(error|warn|note)\([^"]*|refuse\(f, t, s), *"[a-z][a-z-]*"' |
		sed 's/.*"\(.*\)"/\1/' | sort -u
}

ids_of_table() {
	findings_of_table '[A-Z_]*'
}

find src -name '*.c' ! -name finding_table.c -exec cat {} + >"$SCRATCH/source"
claim "commands" equal commands manual_commands
claim "general options" equal general_of_help general_of_manual
for c in $(commands); do
	claim "options of $c" equal "options_of_help $c" "options_of_manual $c" may-be-empty
done
claim "help fits 80 columns" fits
claim "commands of the README" equal commands commands_of_readme
claim "targets of the README" targets_are_there
claim "files of the README" files_are_there
claim "messages of the manual and of the sources" messages_are_real
claim_with mandoc "the manuals fit 80 columns" pages_fit
claim "the manuals quote words, not lists of them" no_list_is_quoted
claim "findings of the sources and of the table" equal ids_of_source ids_of_table
claim "findings of the table and of the manual" equal "findings_of_table GROUP_CHECK" \
	"findings_of_manual FINDINGS"
claim "health of the table and of the manual" equal "findings_of_table GROUP_TABLE" \
	"findings_of_manual HEALTH"
claim "diagnostics of the table and of the manual" equal "findings_of_table GROUP_OTHER" \
	"findings_of_manual DIAGNOSTICS"
finish
