#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules -> rules: tests/golden/rules/*.rules as they are read, normalised and printed. What is in
# normal form comes out as it is; the others have a .out beside them, which UPDATE=1 writes.
set -eu

cd "$(dirname "$0")/../.."
build=$(dirname "${UNTRACK:-build/untrack}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM

# The flags that the library was built with: the sanitizers have to be the same.
eval "$(cat "$build/flags") -o $tmp/rules_rules tests/golden/rules_rules.c $build/libuntrack.a"

n=0
failed=0
for rules in tests/golden/rules/*.rules; do
	n=$((n + 1))
	out=${rules%.rules}.out
	"$tmp/rules_rules" "$rules" >"$tmp/got" 2>&1 || true
	if [ "${UPDATE:-}" = 1 ] && cmp -s "$rules" "$tmp/got"; then
		rm -f "$out"
	elif [ "${UPDATE:-}" = 1 ]; then
		cp "$tmp/got" "$out"
	fi
	[ -e "$out" ] || out=$rules
	if diff -u "$out" "$tmp/got" >"$tmp/diff"; then
		echo "ok $n - $(basename "$rules")"
	else
		echo "not ok $n - $(basename "$rules")"
		sed 's/^/# /' "$tmp/diff"
		failed=1
	fi
done
echo "1..$n"
exit $failed
