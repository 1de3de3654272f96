#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# man/untrack-findings.7 is what 'untrack help' says of every finding. UPDATE=1 writes it.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
page=$here/../../man/untrack-findings.7

# Sentences begin lines of mdoc, and no line begins with its control characters.
mdoc() {
	tr '\n' ' ' | sed 's/  */ /g; s/ $//; s/\\/\\e/g; s/\([a-z0-9)"]\)\. \([A-Z]\)/\1.\n\2/g' |
		sed "s/^[.']/\\\\\&&/" | fold -s -w 78 | sed "s/ *\$//; s/^[.']/\\\\\&&/"
	echo
}

part() { # LABEL FILE: its paragraph
	sed -n "/^$1:/,/^[A-Z][a-z]*:  /p" "$2" | sed "1s/^$1: *//; 1!{/^[A-Z][a-z]*:  /d;}"
}

entry() { # ID
	"$untrack" help "$1" | sed -n "/^$1: /,\$p" >"$SCRATCH/one"
	severity=$(sed -n "1s/^$1: //p" "$SCRATCH/one")
	printf '.It Sy %s No (%s)\n' "$1" "$severity"
	sed -n 3p "$SCRATCH/one" | mdoc
	echo .Pp
	part Why "$SCRATCH/one" | mdoc
	echo .Pp
	echo '.Em Cure :'
	part Cure "$SCRATCH/one" | mdoc
}

made() {
	cat <<-'END'
		.\" SPDX-License-Identifier: GPL-2.0-or-later
		.\" Made by UPDATE=1 tests/golden/run-findings.sh from src/report/finding_table.c.
		.Dd November 22, 2026
		.Dt UNTRACK-FINDINGS 7
		.Os
		.Sh NAME
		.Nm untrack-findings
		.Nd what the findings of untrack mean, why they matter, and what cures them
		.Sh DESCRIPTION
		Whatever
		.Xr untrack 8
		has to say about a configuration, a host or its own run is a finding:
		a severity, a text that names the object and the reason, an id in brackets that does
		not change, and a cure for the case at hand.
		This page says of every id what is so in general.
		.Ql untrack help ID
		prints one of them,
		.Ql untrack help findings
		a list.
		.Pp
		The severity is the usual one:
		errors refuse
		.Cm apply
		with status 3, and
		.Fl -force
		goes over those that can be gone over.
		.Sh FINDINGS
		.Bl -tag -width Ds
	END
	for id in $("$untrack" help findings | cut -d' ' -f1); do entry "$id"; done
	cat <<-'END'
		.El
		.Sh SEE ALSO
		.Xr untrack.conf 5 ,
		.Xr untrack 8
	END
}

up_to_date() {
	made >"$SCRATCH/page" && same "$page" "$SCRATCH/page"
}

every_id_once() {
	"$untrack" help findings | cut -d' ' -f1 | sort >"$SCRATCH/want"
	sed -n 's/^\.It Sy \([^ ]*\) .*/\1/p' "$page" | sort >"$SCRATCH/got"
	[ "$(wc -l <"$SCRATCH/want")" -gt 50 ] && diff -u "$SCRATCH/want" "$SCRATCH/got"
}

readable() {
	mandoc -Tlint -W warning "$page" && mandoc -Tutf8 "$page" | col -b | grep 'nat-conflict (error)'
}

claim "untrack-findings.7 says what untrack help says" up_to_date
claim "every id once" every_id_once
claim_with mandoc "mandoc reads it" readable
finish
