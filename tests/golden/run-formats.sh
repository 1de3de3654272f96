#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# formats/: the same findings as text, JSON, SARIF and GitHub's workflow commands are exactly the
# files CASE.FORMAT, and the exit status is the same in all of them. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
golden=$here/formats
cp "$golden"/*.conf "$golden"/*.facts "$SCRATCH"
cd "$SCRATCH" || exit 1
odd='50% o:dd, na&me ü.conf'
cp faults.conf "$odd"

# The version is not of interest, nor is what SARIF says of all other rules.
plain() { # FORMAT
	case $1 in
	json) sed 's/^  "version": "[^"]*"/  "version": "VERSION"/' ;;
	sarif) python3 "$here/sarif.py" ;;
	*) cat ;;
	esac
}

says() { # CASE FORMAT STATUS ARGUMENT...
	case=$1 format=$2 status=$3
	shift 3
	"$untrack" --color never check --format "$format" "$@" <faults.conf >out 2>err
	code=$?
	plain "$format" <out >plain || return 1
	# Findings of the text are on standard error, and nothing else ever is.
	[ "$format" = text ] && cat err out >plain || ! grep . err || return 1
	sed "s|$SCRATCH|/CHECKED-OUT|" plain >got
	same "$golden/$case.$format" got || return 1
	[ $code = "$status" ] || { echo "exit status $code"; return 1; }
}

in_all_formats() { # CASE STATUS ARGUMENT...
	label=$1
	shift
	for format in text json sarif github; do
		claim "$label as $format" says "$label" "$format" "$@"
	done
}

in_all_formats valid 0 valid.conf
in_all_formats faults 1 faults.conf "$odd" "./$odd"
in_all_formats stdin 1 -
in_all_formats hosts 1 --facts web1.facts --facts web2.facts hosts.conf
in_all_formats warned 1 --fail-on warning --facts web2.facts hosts.conf
in_all_formats absent 2 nosuch.conf "$SCRATCH/hosts.conf" /nosuch/at-all.conf
in_all_formats unchecked 1 --facts web1.facts faults.conf
in_all_formats unusable 2 --facts web1.facts --facts valid.conf valid.conf

full() { # FORMAT
	"$untrack" check --format "$1" valid.conf >/dev/full 2>err
	[ $? = 2 ] && grep -q "standard output cannot be written" err
}

[ ! -c /dev/full ] || for format in text json sarif github; do
	claim "$format that cannot be written" full "$format"
done
finish
