#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is booted on one other kernel, UNTRACK_MACHINE: tests/kernel/machine.py.
UNTRACK_LIMIT=3600 TIMES=1 exec "$(dirname "$0")/kernel/run" -j 1 "boot: reload" "boot with" \
	"boot after" "machine:" "$@"
