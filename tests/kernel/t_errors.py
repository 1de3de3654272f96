# SPDX-License-Identifier: GPL-2.0-or-later
"""apply with every system call failing in turn, and every allocation: what it says is so.

UNTRACK_FAULTS=all: every call with every error that it may have; otherwise a sample."""

import os
import re

from faults import API, NO_MEMORY, Kernel, Site
from harness import Failure, claim, equal, test

ALL = os.environ.get("UNTRACK_FAULTS") == "all"
DONE, NO, FILES, REFUSED, PERSON = range(5)
SOME = 97
OLD, NEW = "web", "api"


def run(site, words, env=None):
    """An apply from OLD to NEW with a fault."""
    site.become(OLD)
    site.untrack.configure(API)
    done = site.broken(words, "apply", env=env)
    fault = " ".join(map(str, words)) if words else " ".join(f"{k}={v}" for k, v in env.items())
    return done, f"{fault} ({done.call}): status {done.returncode}\n{done.stderr}"


def claim_true(site, done, what, lossy):
    """Exit status, message and kernel agree. Lossy: the fault may last, or take away knowledge and
    counts."""
    kernel = Kernel(site.server)
    rules = kernel.rules()
    said = done.stderr
    is_old, is_new = (rules == site.expected[state] for state in (OLD, NEW))
    claim(0 <= done.returncode <= 4 and "Sanitizer" not in said, what)
    claim(done.returncode != DONE or is_new, f"{what}: but the rules are not the new ones")
    claim(done.returncode not in (NO, FILES, REFUSED) or is_old,
          f"{what}: but the rules are not the old ones")
    gave_up = "out of memory" in said or "a library gave up" in said
    mute = what.startswith("errors write:")  # nothing can be said
    claim(done.returncode == DONE or gave_up or mute or re.search(r"error: .*\[[a-z-]+\]", said),
          what)
    if done.returncode == PERSON and not lossy:
        unrecorded = "not on record" in said or "[state-file]" in said
        claim(gave_up or unrecorded and is_new, f"{what}: it could know")
    if done.returncode == PERSON and not (is_old or is_new):
        claim(site.evidence(), f"{what}: half done, and no evidence")
    # A table that was replaced must still get its counts.
    site.claim_foreign(kernel, what, lossy or "begin anew" in said or not (is_old or is_new))


def claim_repaired(site, what):
    """The next command puts everything right."""
    site.untrack.expect(0, "apply")
    site.claim_state(NEW, f"apply after {what}")


def try_faults(site, faults, lossy=False):
    """Faults: (words, environment). What fails is told together, a few at most."""
    site.become(OLD)
    bad, seen, what = [], {}, "no fault yet"
    for words, env in faults:
        try:
            done, what = run(site, words, env)
            seen[done.returncode] = seen.get(done.returncode, 0) + 1
            claim_true(site, done, what, lossy)
            claim_repaired(site, what)
        except Failure as e:
            bad.append(f"{e}\nafter {what}")
        claim(len(bad) < 6, "\n".join(bad))
    claim(not bad, "\n".join(bad))
    print(f"{len(faults)} faults: " + ", ".join(f"status {k} {n} times"
                                               for k, n in sorted(seen.items())))


def chosen(site, mode, names=None):
    """Each call with each of its errors, as words for a fault."""
    site.become(OLD)
    site.untrack.configure(API)
    every = [[mode, place, error] for _, place, errors in site.calls("apply") for error in errors
             if not names or place.split(":")[0] in names]
    if mode == "errors":  # what is to be tried again is not so for ever
        every = [words for words in every if words[2] not in ("EINTR", "EAGAIN")]
    return [(words, None) for n, words in enumerate(every) if ALL or n % SOME == 0]


@test("errors: every system call of apply fails in turn, and what it says is so", both=True)
def once():
    site = Site()
    try_faults(site, chosen(site, "error"))


@test("errors: a system call fails from then on, and what apply says is so", both=True)
def from_then_on():
    site = Site()
    try_faults(site, chosen(site, "errors"), lossy=True)


@test("errors: what the kernel did is reported as failed, and apply finds out", both=True)
def lies():
    site = Site()
    try_faults(site, chosen(site, "lie", {"sendmsg", "setsockopt", "renameat", "fsync", "close"}),
               lossy=True)


def allocations(site):
    """How many an apply makes."""
    site.become(OLD)
    site.untrack.configure(API)
    path = f"{site.untrack.dir}/count"
    done = site.broken([], "apply", env={"LD_PRELOAD": NO_MEMORY, "NO_MEMORY_COUNT": path})
    equal(done.returncode, 0, done.stderr)
    with open(path, encoding="ascii") as f:
        return int(f.read())


@test("errors: memory runs out at any allocation of apply, once or for good", both=True)
def out_of_memory():
    site = Site()
    n = allocations(site)
    claim(n > 100, f"only {n} allocations: does the library see them?")
    step = 7 if ALL else n // 12
    faults = [([], {"LD_PRELOAD": NO_MEMORY, name: str(i)})
              for i in range(1, n + 1, step) for name in ("NO_MEMORY_AT", "NO_MEMORY_AFTER")]
    try_faults(site, faults, lossy=True)
