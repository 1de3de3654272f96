# SPDX-License-Identifier: GPL-2.0-or-later
"""apply, remove and rollback killed at every system call, and the command after that.

UNTRACK_KILLS=all: every call; otherwise those that write and a few of the others."""

import os

from faults import CONFIGS, KILLED, Kernel, Site, between, same_rules
from harness import Failure, Untrack, claim, test

# What is killed, where it comes from and where it goes.
CHANGES = {
    "a first apply": ("apply", "nothing", "web"),
    "an apply": ("apply", "web", "api"),
    "a remove": ("remove", "api", "nothing"),
    "a rollback": ("rollback", "api", "web"),
}
NEXT = ("apply", "remove", "rollback")
COMMITS = {"sendmsg", "setsockopt", "renameat", "fsync"}
ALL = os.environ.get("UNTRACK_KILLS") == "all"
SOCKETS = 20  # calls until they are open
SOME = 199  # of the other calls every so many


def named(calls, names):
    """Those of these names, but for setting up a socket of netlink."""
    return [place for n, place, _ in calls if place.split(":")[0] in names and n > SOCKETS]


def chosen(calls):
    """Where to kill. The number of a call may differ by a few from run to run."""
    if ALL:
        return [n for n, _, _ in calls]
    return named(calls, COMMITS)[::4] + [n for n, _, _ in calls if n % SOME == 0]


def set_out(site, command, old, new):
    """The host holds old; the command would make it new."""
    site.become(old)
    if command == "rollback" and site.state_of(site.recorded() - 1) != new:
        site.become(new)
        site.become(old)
    site.untrack.configure(CONFIGS[old if command == "remove" else new])


def claim_half(site, old, new, what):
    """Right after the kill: whole tables of the old or of the new rules, and traffic. libiptc
    replaces a table with one call and gives its rules their counts with the next, as iptables does:
    killed between the two, they begin anew. The rules of the kernel."""
    kernel = Kernel(site.server)
    rules = kernel.rules()
    between(rules, site.expected[old], site.expected[new], what)
    if Untrack.backend != "iptables":
        same_rules({"nft": rules["nft"]}, {"nft": min(
            (site.expected[state]["nft"] for state in (old, new)),
            key=lambda text: text != rules["nft"])}, what)
    recorded = site.state_of(site.recorded())
    claim(site.evidence() or rules == site.expected[recorded],
          f"{what}: neither {recorded}, as recorded, nor evidence of anything else")
    site.claim_foreign(kernel, what, site.evidence() and rules != site.expected[old])
    site.claim_traffic(what)
    return rules


def rolled_back(site, rules):
    """Where a rollback goes. What was done by halves goes back to the newest on record, and so does
    what was done but not recorded; otherwise it is the one before the newest."""
    newest = site.recorded()
    recorded = site.expected[site.state_of(newest)]
    undoes = site.evidence() and rules != recorded
    return site.state_of(newest if undoes else newest - 1)


def go_on(site, command, asked, rules, what):
    """The next command, and what must be true after it."""
    was_open = site.evidence()
    goal = {"apply": asked, "remove": "nothing"}.get(command) or rolled_back(site, rules)
    text = site.untrack.expect(0, command)
    claim(not was_open or "[recovered]" in text, f"{what}: does not say so:\n{text}")
    site.claim_state(goal, what)
    site.claim_traffic(what)


def kill_at(site, change, words, turn):
    """One kill and the next command; was there anything left to kill?"""
    command, old, new = CHANGES[change]
    set_out(site, command, old, new)
    done = site.broken(words, command)
    what = f"{change}, {' '.join(map(str, words))} ({done.call})"
    claim(done.returncode in (0, KILLED), f"{what}: status {done.returncode}: {done.stderr}")
    rules = claim_half(site, old, new, what)
    following = NEXT[turn % len(NEXT)]
    go_on(site, following, old if command == "remove" else new, rules, f"{following} after {what}")
    return done.returncode == KILLED


def try_all(site, change, points):
    """Kills at all of them; how often it did. What fails is told together, a few at most."""
    kills, faults = 0, []
    for turn, words in enumerate(points):
        try:
            kills += kill_at(site, change, words, turn)
        except Failure as e:
            faults.append(str(e))
        claim(len(faults) < 5, "\n".join(faults))
    claim(not faults, "\n".join(faults))
    return kills


def kill_all(change):
    site = Site()
    command, old, new = CHANGES[change]
    set_out(site, command, old, new)
    calls = site.calls(command)
    points = [["kill", place] for place in chosen(calls)]
    kills = try_all(site, change, points)
    claim(kills >= len(points) - 9, f"{kills} of {len(points)} kills")
    if ALL:
        kills += try_all(site, change, [["inside", place, usec] for usec in (20, 100, 400, 1500)
                                        for place in named(calls, COMMITS)])
    print(f"{change}: {len(calls)} calls, killed {kills} times")


def killed(change):
    return lambda: kill_all(change)


for each in CHANGES:
    test(f"{each} killed anywhere: old or new, and the next command is right", both=True)(
        killed(each))
