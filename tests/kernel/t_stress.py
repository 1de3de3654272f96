# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack against others that write rules all the time, and against itself.

UNTRACK_STRESS=SECONDS: how long; 20 unless told."""

import itertools
import os
import random
import re
import signal
import subprocess
import time

from faults import CONFIGS, DENIED, FAULT, Kernel, Site
from harness import Failure, claim, equal, same_text, test, together

SECONDS = int(os.environ.get("UNTRACK_STRESS") or 20)
KEPT = 12  # rules of one writer, about
PATIENCE = 45  # seconds for one of our commands, however busy the others are
RESULTS = {0: None, 3: re.compile(r"\[(contended|iptables-legacy|xtables-lock|nf-tables)\]")}
WORD = re.compile(r"\bw\d-\d+\b")


def run(server, *command):
    done = server.run(*command, check=False, timeout=60)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: status {done.returncode}: {done.stderr}")
    return done.stdout


def write_until(end, add, delete):
    """Adds and deletes rules of its own; the words of those that must be there, in order."""
    there, n, changes = [], 0, 0
    while time.monotonic() < end:
        if random.random() < (0.7 if len(there) < KEPT else 0.3) or not there:
            n += 1
            there.append((n, add(n)))
        else:
            delete(*there.pop(random.randrange(len(there))))
        changes += 1
    return {"there": [n for n, _ in there], "changes": changes}


def nft_writer(server, name, end):
    """Writes where twins of ours are."""
    def add(n):
        said = run(server, "nft", "-a", "-e", "add", "rule", "inet", "filter", "input", "udp",
                   "dport", str(1000 + n % 60000), "counter", "accept", "comment", f'"{name}-{n}"')
        return re.search(r"# handle (\d+)", said)[1]

    def delete(_, handle):
        run(server, "nft", "delete", "rule", "inet", "filter", "input", "handle", handle)
    return write_until(end, add, delete)


def iptables_writer(server, form, name, end):
    """In INPUT of one family or the other."""
    def change(what, n):
        tool = list(DENIED)[n % 2]
        wait = ["-w", "30"] if form == "legacy" else []
        run(server, f"{tool}-{form}", *wait, what, "INPUT", "-p", "udp", "-m", "udp", "--dport",
            str(1000 + n % 60000), "-m", "comment", "--comment", f"{name}-{n}", "-j", "ACCEPT")
    return write_until(end, lambda n: change("-A", n), lambda n, _: change("-D", n))


def we(site, end):
    """Our commands, one after the other; how they ended, and how long the longest took."""
    ended, longest = {}, 0
    for state in itertools.cycle(("api", "web", "nothing")):
        if time.monotonic() > end:
            return {"ended": ended, "longest": longest}
        site.untrack.configure(CONFIGS[state])
        start = time.monotonic()
        done = site.untrack.run("apply" if state != "nothing" else "remove", timeout=2 * PATIENCE)
        longest = max(longest, time.monotonic() - start)
        ended[str(done.returncode)] = ended.get(str(done.returncode), 0) + 1
        claim(done.returncode in RESULTS, f"status {done.returncode}: {done.stderr}")
        why = RESULTS[done.returncode]
        claim(not why or why.search(done.stderr), f"does not say why: {done.stderr}")


def written(kernel, name):
    """The numbers of a writer's rules in the order in which they stand, tool by tool."""
    return [int(n) for text in kernel.text.values()
            for n in re.findall(rf"\b{name}-(\d+)\b", text)]


def without_writers(rules):
    return {tool: "".join(line for line in text.splitlines(True) if not WORD.search(line))
            for tool, text in rules.items()}


def claim_accounted(site, found, what):
    """Each writer's rules are those that it says, in its order; with iptables, family by family."""
    kernel = Kernel(site.server)
    for name in ("w1", "w2", "w3", "w4"):
        there = found[name]["there"]
        if name in ("w3", "w4"):
            there = [n for n in there if n % 2 == 0] + [n for n in there if n % 2]
        equal(written(kernel, name), there, f"{what}: the rules of {name}")
    claim(not kernel.lost(), f"{what}: packets of port 22 were lost: {kernel.lost()}")
    return without_writers(kernel.rules())


@test("stress: two nft and two iptables writers beside us: nothing of theirs is lost", both=True)
def stress():
    site = Site()
    end = time.monotonic() + SECONDS
    server = site.server
    found = together({"w1": lambda: nft_writer(server, "w1", end),
                      "w2": lambda: nft_writer(server, "w2", end),
                      "w3": lambda: iptables_writer(server, "legacy", "w3", end),
                      "w4": lambda: iptables_writer(server, "nft", "w4", end),
                      "we": lambda: we(site, end)})
    claim(found["we"]["longest"] < PATIENCE, f"one of ours took {found['we']['longest']:.1f} s")
    claim(found["we"]["ended"].get("0", 0) >= 3, f"ours ended {found['we']['ended']}")
    claim_accounted(site, found, "right after")
    for state in ("api", "nothing"):
        site.become(state)
        rules = claim_accounted(site, found, state)
        for tool, text in site.expected[state].items():
            same_text(rules[tool], text, f"{state}: {tool}")
    site.claim_traffic("after all")
    changes = ", ".join(f"{name} {found[name]['changes']}" for name in ("w1", "w2", "w3", "w4"))
    print(f"{SECONDS} s: ours ended {found['we']['ended']}, longest {found['we']['longest']:.1f} s; "
          f"changes of others: {changes}")


def stopped_apply(site):
    """An apply that stands still in front of its commit; the process and its number."""
    with site.server:
        process = subprocess.Popen([FAULT, "stop", "sendmsg:1", *site.untrack.command("apply")],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, int(process.stdout.readline())


@test("two at a time: one that hangs is waited for, but not for ever, and named")
def hanging():
    site = Site(legacy=False)
    site.untrack.configure(CONFIGS["web"])
    process, pid = stopped_apply(site)
    start = time.monotonic()
    text = site.untrack.expect(3, "apply")
    took = time.monotonic() - start
    claim("[locked]" in text and f"process {pid}" in text, text)
    claim(9 < took < 25, f"took {took:.1f} s")
    with site.server:
        second = subprocess.Popen(site.untrack.command("apply"), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
    told = second.stdout.readline()  # after a second, not at the end
    claim("waiting for it" in told and f"process {pid}" in told, f"the second said: {told}")
    claim(second.poll() is None, "the second did not wait")
    os.kill(pid, signal.SIGCONT)
    equal(process.wait(timeout=30), 0, "the first, once it goes on")
    said = second.communicate(timeout=30)[0]
    claim(second.returncode == 0 and "unchanged" in said, f"the second: {said}")
    site.claim_state("web", "in the end")
