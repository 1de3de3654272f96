# SPDX-License-Identifier: GPL-2.0-or-later
"""Commits to the tables of iptables-legacy that fail: before, after, without the counts, once or
from then on. Whatever apply says of the kernel is true."""

import errno
import os
import pathlib
import re

import harness
from harness import Skip, Untrack, claim, equal, same_text, test
from lab import Host
from t_legacy import load, no_policies, saved

SHIM = pathlib.Path(harness.PROGRAM).parent / "shim.so"
CHANGED, BEFORE, UNKNOWN = 0, 3, 4
EVER = 1000000
COMMITS = 4  # the tables filter and raw of both families

TWO = """[service web]
protocol = tcp
port = 80
[service api]
protocol = tcp
port = 8000
"""


def faulty(untrack, fault, *args):
    """Runs it; its exit status and what it said."""
    done = untrack.run(*args, env={**os.environ, "LD_PRELOAD": str(SHIM), "UNTRACK_FAULT": fault})
    return done.returncode, f"{fault}: status {done.returncode}\n{done.stdout}{done.stderr}"


def check(untrack, before, status, said):
    """What it said is so, and afterwards it works."""
    server = untrack.host
    claim(status in (CHANGED, BEFORE, UNKNOWN), said)
    if status == CHANGED:
        untrack.expect(0, "diff")
    if status == BEFORE:
        same_text(no_policies(saved(server, False)), no_policies(before), said)
    if status == UNKNOWN:
        claim("[unproven]" in said, said)
    untrack.apply()
    untrack.expect(0, "diff")


def try_all(faults, lossy=False):
    """Each fault for an apply that adds an exemption and one that removes it; the statuses seen.
    lossy: libiptc had no chance to give policies and rules their counts back."""
    if not SHIM.exists():
        raise Skip(f"no {SHIM.name} beside the program: make kernel")
    server = Host()
    load(server)
    for tool in ("iptables", "ip6tables"):
        server.run(f"{tool}-legacy", "-t", "raw", "-S")  # makes the table, which stays
    clean = saved(server)
    Untrack.backend = "iptables"
    untrack = Untrack(server)
    untrack.apply()
    seen = {}
    for fault in faults:
        for config in (TWO, harness.WEB):
            before = saved(server, False)
            untrack.configure(config)
            status, said = faulty(untrack, fault, "apply")
            check(untrack, before, status, said)
            seen.setdefault(fault, []).append(status)
    untrack.remove()
    same_text(counted(saved(server), lossy), counted(clean, lossy), "removed")
    return seen


def counted(listing, lossy):
    return no_policies(re.sub(r"^\[.*?\] ", "", listing, flags=re.M)) if lossy else listing


def each(when, call, error, last=None):
    return [f"{when} {call} {error} {n} {last or n}" for n in range(1, COMMITS + 1)]


@test("faults: a commit is refused once: before it, or all of it")
def refused_once():
    seen = try_all(each("before", "replace", errno.EINVAL) + each("before", "replace", errno.ENOMEM)
                   + each("before", "replace", errno.EAGAIN))
    claim(all(s in (CHANGED, BEFORE) for two in seen.values() for s in two), seen)


@test("faults: a commit is done and reported as failed")
def done_and_denied():
    seen = try_all(each("after", "replace", errno.EINVAL) + each("after", "replace", errno.ENOMEM),
                   lossy=True)
    claim(all(s in (CHANGED, BEFORE) for two in seen.values() for s in two), seen)


@test("faults: a commit is done but for its counts")
def without_counts():
    seen = try_all(each("before", "counters", errno.EINVAL), lossy=True)
    claim(all(s in (CHANGED, BEFORE) for two in seen.values() for s in two), seen)


@test("faults: from one commit on all are refused: what cannot be taken back is not called so")
def refused_from_then_on():
    seen = try_all(each("before", "replace", errno.ENOMEM, EVER))
    equal(seen[f"before replace {errno.ENOMEM} 1 {EVER}"], [BEFORE, BEFORE], "none was written")
    for n in range(2, COMMITS + 1):
        claim(UNKNOWN in seen[f"before replace {errno.ENOMEM} {n} {EVER}"], (n, seen))


@test("faults: a table cannot be read, before a commit or after it")
def unreadable():
    def fault(last):
        return (f"before entries {errno.ENOMEM} {n} {last or n}" for n in range(1, 12))
    try_all(fault(None))
    seen = try_all(fault(EVER), lossy=True)
    claim(any(UNKNOWN in two for two in seen.values()), seen)
