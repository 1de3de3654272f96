# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# TAP from shell: claim WHAT COMMAND..., then finish. A failing command's output explains.

TESTS=0
FAILED=0
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT TERM HUP

claim() {
	what=$1
	shift
	TESTS=$((TESTS + 1))
	if "$@" >"$SCRATCH/claim" 2>&1; then
		echo "ok $TESTS - $what"
	else
		FAILED=$((FAILED + 1))
		echo "not ok $TESTS - $what"
		sed 's/^/# /' "$SCRATCH/claim"
	fi
}

skip() { # WHAT WHY
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1 # SKIP $2"
}

# claim_with TOOL WHAT COMMAND...
claim_with() {
	tool=$1
	shift
	if command -v "$tool" >/dev/null; then
		claim "$@"
	else
		skip "$1" "no $tool here: make deps-test"
	fi
}

# Is the file GOT what EXPECTED says? With UPDATE=1 it becomes that.
same() { # EXPECTED GOT
	[ "${UPDATE:-}" != 1 ] || cp "$2" "$1"
	diff -u "$1" "$2"
}

# own_namespace WHAT SCRIPT [inside]: goes on in a network namespace of its own that forwards nothing,
# whatever this host does (rules depend on it); skips all where there can be none.
own_namespace() {
	if [ "${3-}" != inside ] && unshare --net nft list tables 2>/dev/null; then
		exec unshare --net "$2" inside
	elif [ "${3-}" != inside ]; then
		skip "$1" "no network namespace of our own, or no nft"
		finish
	fi
	for f in ipv4/ip_forward ipv6/conf/all/forwarding; do
		[ "$(cat /proc/sys/net/$f 2>/dev/null)" != 1 ] || echo 0 >/proc/sys/net/$f
	done
}

finish() {
	echo "1..$TESTS"
	[ "$FAILED" = 0 ]
	exit
}
