#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# good/*.conf: 'untrack show' prints exactly the .rules beside it, and the .iptables and .ip6tables
# where there are some. UPDATE=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$here/good" || exit 1

shows() { # FILE
	"$untrack" show -v --as rules "$1" >"$SCRATCH/rules" || return 1
	same "${1%.conf}.rules" "$SCRATCH/rules"
}

shows_as() { # FORM FILE
	"$untrack" show --as "$1" "${2%.*}.conf" >"$SCRATCH/$1" || return 1
	same "$2" "$SCRATCH/$1"
}

for conf in *.conf; do
	claim "${conf%.conf}" shows "$conf"
done
for text in *.iptables *.ip6tables; do
	claim "$text" shows_as "${text##*.}" "$text"
done
finish
