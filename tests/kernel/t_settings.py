# SPDX-License-Identifier: GPL-2.0-or-later
"""[conntrack] in the kernel: set, verified, put back; refused, rounded, out of reach, killed."""

import json
import os
import re
import subprocess
import time

import lab
from booted import Booted
from faults import KILLED, Site, need_helpers
from harness import PROGRAM, WEB, Failure, Skip, Untrack, claim, equal, test, together

NETFILTER = "/proc/sys/net/netfilter"
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
UDP, TCP, GRE = ("nf_conntrack_udp_timeout", "nf_conntrack_tcp_timeout_established",
                 "nf_conntrack_gre_timeout")
ENTRIES = os.path.join(os.path.dirname(PROGRAM), "entries")
API = "[service api]\nprotocol = tcp\nport = 443\n"
SHORT = "[conntrack]\ntimeout-udp = 10s\ntimeout-tcp-established = 1h\n"
LONG = "[conntrack]\ntimeout-udp = 20s\ntimeout-tcp-established = 2h\ntimeout-gre = 5s\n"
ALL = os.environ.get("UNTRACK_KILLS") == "all"


def value(host, name):
    with host, open(f"{NETFILTER}/{name}", encoding="ascii") as f:
        return int(f.read())


def values(host):
    return value(host, UDP), value(host, TCP), value(host, GRE)


def set_value(host, name, number):
    host.sysctl(f"net/netfilter/{name}", number)


def small_host(config):
    """A host with a stateful firewall, and conntrack as it comes."""
    host = lab.Host()
    host.nft("table inet filter { chain input { type filter hook input priority 0; policy drop;\n"
             "ct state established,related accept\nct state new tcp dport { 80, 443 } accept\n}\n}")
    with host:
        if not os.path.exists(f"{NETFILTER}/{UDP}"):
            raise Skip("no settings of conntrack in this namespace")
    for name, number in ((UDP, 30), (TCP, 432000), (GRE, 30)):
        set_value(host, name, number)
    return host, Untrack(host, config)


@test("settings: set with the rules, verified, and put back by rollback and remove", both=True)
def there_and_back():
    host, untrack = small_host(WEB + SHORT)
    said = untrack.apply()
    claim("2 settings of conntrack" in said, said)
    equal(values(host), (10, 3600, 30), "apply")
    claim(untrack.apply().startswith("unchanged: "), "a second apply")
    untrack.configure(WEB + LONG)
    claim("3 settings of conntrack" in untrack.apply(), "settings alone")
    equal(values(host), (20, 7200, 5), "another apply")
    untrack.expect(0, "rollback")
    equal(values(host), (10, 3600, 30), "rollback")
    said = untrack.remove()
    claim("2 settings of conntrack as before" in said, said)
    equal(values(host), (30, 432000, 30), "remove")
    said = untrack.expect(0, "history")
    claim("setting conntrack timeout-gre not given -> 5s" in said, said)


@test("settings: one that somebody has changed is drift, and theirs when ours go")
def of_somebody_else():
    host, untrack = small_host(WEB + SHORT)
    untrack.apply()
    untrack.expect(0, "diff")
    set_value(host, UDP, 11)
    said = json.loads(untrack.expect(1, "diff", "--json"))
    equal(said["differences"], ["- conntrack timeout-udp = 11s", "+ conntrack timeout-udp = 10s"],
          "diff --json")
    said = json.loads(untrack.expect(1, "status", "--json"))
    claim("+ conntrack timeout-udp = 10s" in said["drift"], said)
    said = untrack.expect(0, "watch", "--once")
    claim("set otherwise: timeout-udp; by somebody [repaired]" in said, said)
    equal(values(host), (10, 3600, 30), "watch --once")
    set_value(host, UDP, 12)
    said = untrack.remove()
    claim("timeout-udp is 12s, which somebody else has set" in said, said)
    claim("it was 11s before untrack set it" in said, said)
    equal(values(host), (12, 432000, 30), "remove")
    claim("somebody else" not in untrack.remove(), "a second remove says it again")


@test("settings: without exemptions, too")
def alone():
    host, untrack = small_host(SHORT)
    claim("valid: 0 exemptions, 2 settings of conntrack" in untrack.expect(0, "check"), "check")
    said = untrack.apply()
    claim("no rule of untrack is in the kernel; 2 settings of conntrack" in said, said)
    equal(values(host), (10, 3600, 30), "apply")
    claim("table inet untrack" not in host.listing(), "a table of ours")
    untrack.remove()
    equal(values(host), (30, 432000, 30), "remove")


@test("settings: max and buckets of another namespace are said, and the others are made")
def out_of_reach():
    host, untrack = small_host(WEB + SHORT + "max = 1000\nbuckets = 1000\n")
    with host:
        if os.stat(f"{NETFILTER}/nf_conntrack_max").st_mode & 0o222:
            raise Skip("max is writable here")
    said = untrack.expect(0, "check", "--live")
    claim("warning: max = 1000 cannot be set in this network namespace" in said, said)
    said = untrack.apply()
    for key in ("max", "buckets"):
        claim(f"warning: {key} = 1000 cannot be set in this network namespace" in said, said)
    claim("2 settings of conntrack; 2 settings not for this namespace" in said, said)
    equal(values(host), (10, 3600, 30), "apply")
    untrack.expect(0, "diff")
    with host, open(f"{NETFILTER}/nf_conntrack_max", encoding="ascii") as f:
        most = f.read().strip()
    untrack.configure(WEB + f"[conntrack]\nmax = {most}\n")
    claim("cannot be set" not in untrack.apply(), "as it is")


def bind(host, source, name):
    """A file in place of a setting, for who looks from this host and this test."""
    with host:
        lab.call("mount", str(source).encode(), f"{NETFILTER}/{name}".encode(), None, MS_BIND, None)


def refused(host, untrack, words):
    before = host.listing()
    said = untrack.expect(3, "apply")
    claim(words in said and "[conntrack-settings]" in said, said)
    equal(values(host)[1:], (432000, 30), words)
    equal(host.listing(), before, f"{words}: rules")
    claim(not list((untrack.dir / "state").glob("generation-*")), "a generation is on record")
    claim(not (untrack.dir / "state" / "run" / "settings").exists(), "a record is left")


@test("settings: one that cannot be written leaves everything as it was")
def read_only():
    host, untrack = small_host(WEB + SHORT)
    path = f"{NETFILTER}/{UDP}".encode()
    with host:
        lab.call("mount", path, path, None, MS_BIND, None)
        lab.call("mount", None, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None)
    claim("Read-only file system" in untrack.expect(1, "check", "--live"), "check --live")
    refused(host, untrack, "Read-only file system")


@test("settings: a value that the kernel does not take, after others were written")
def not_taken():
    host, untrack = small_host(WEB + SHORT.replace("10s", "5000s"))
    with subprocess.Popen(["sleep", "100"]) as sleeper:
        bind(host, f"/proc/{sleeper.pid}/oom_score_adj", UDP)  # takes no 5000
        refused(host, untrack, "cannot set net.netfilter.nf_conntrack_udp_timeout to 5000")
        sleeper.kill()


@test("settings: a value that the kernel rounds is an error, and one that stays so needs a person")
def rounded():
    host, untrack = small_host(WEB + SHORT.replace("10s", "5s"))
    with subprocess.Popen(["sleep", "100"]) as sleeper:
        name = f"/proc/{sleeper.pid}/oom_adj"  # makes 4 of 5
        if not os.path.exists(name):
            raise Skip("no oom_adj")
        bind(host, name, UDP)
        before = host.listing()
        done = untrack.run("apply")
        claim("the kernel made 4 of 5" in done.stderr, done.stderr)
        # To lower it again may need a privilege that nobody has here.
        unproven = value(host, UDP) != 0
        claim(unproven == ("[unproven]" in done.stderr), done.stderr)
        equal(done.returncode, 4 if unproven else 3, done.stderr)
        equal(host.listing(), before, "rules")
        equal(values(host)[1:], (432000, 30), "other settings")
        equal((untrack.dir / "state" / "run" / "transaction").exists(), unproven, "evidence")
        sleeper.kill()


@test("settings: stale entries go before max becomes less, and count no more against it")
def less_room():
    host, untrack = small_host(WEB + "[conntrack]\nmax = 20\n")
    host.ip("addr add 192.0.2.10/32 dev lo")
    host.run(ENTRIES,
             stdin="40 tcp 198.51.100.7 2000 192.0.2.10 80\n5 tcp 198.51.100.7 2000 192.0.2.10 22\n")
    room = lab.RUN / "max"
    room.write_text("262144\n", encoding="ascii")
    bind(host, room, "nf_conntrack_max")
    said = untrack.apply()
    claim("; 40 stale entries dropped" in said and "is not more than" not in said, said)
    equal(room.read_text(encoding="ascii").split()[0], "20", "max")
    room.write_text("262144\n", encoding="ascii")
    untrack.configure(WEB + "[conntrack]\nmax = 5\n")
    said = untrack.apply()
    claim("max = 5 is not more than the 5 entries" in said and "dropped;" not in said, said)


@test("settings: without conntrack in the kernel nothing is loaded, and it is said")
def not_there():
    host, untrack = small_host(SHORT)
    empty = lab.RUN / "empty"
    empty.mkdir()
    with host:
        lab.call("mount", str(empty).encode(), NETFILTER.encode(), None, MS_BIND, None)
    said = untrack.apply()
    claim("connection tracking is not in the kernel" in said and "apply --boot" in said, said)
    claim("2 settings waiting for conntrack" in said, said)
    untrack.expect(0, "diff")
    with host:
        lab.call("umount2", NETFILTER.encode(), 0)
    untrack.expect(1, "diff")
    untrack.expect(0, "apply", "--boot")
    equal(values(host), (10, 3600, 30), "apply --boot")


def not_confirmed(exemptions):
    host, untrack = small_host(exemptions + SHORT)
    untrack.apply()
    untrack.configure(exemptions + LONG)
    untrack.expect(0, "apply", "--confirm=1s")
    equal(values(host), (20, 7200, 5), "apply --confirm")
    end = time.monotonic() + 30
    while values(host) != (10, 3600, 30):
        claim(time.monotonic() < end, f"not back: {values(host)}")
        time.sleep(0.05)


@test("settings: what is not confirmed goes back, with rules and without")
def not_confirmed_twice():
    together({"with rules": lambda: not_confirmed(WEB), "without": lambda: not_confirmed("")})


@test("settings: the unit makes them from its sandbox, and puts them back")
def unit():
    with Booted(prepare=Booted.install_units) as booted:
        def settings():
            return [int(booted.run("cat", f"{NETFILTER}/{name}").stdout) for name in (UDP, TCP)]
        before = settings()
        booted.write("etc/untrack/rules.d/10-test.conf", WEB + SHORT)
        booted.run("systemctl", "start", "untrack.service")
        equal(settings(), [10, 3600], "start")
        booted.write("etc/untrack/rules.d/10-test.conf",
                     WEB + "[conntrack]\ntimeout-udp = 20s\n")
        booted.run("systemctl", "reload", "untrack.service")
        equal(settings(), [20, before[1]], "reload")
        booted.run("systemctl", "stop", "untrack.service")
        equal(settings(), before, "stop")


# Faults -------------------------------------------------------------------------------------------

STATES = {  # configuration; values; words of our table
    "nothing": ("", (30, 432000, 30), None),
    "short": (WEB + SHORT, (10, 3600, 30), "tcp dport 80 "),
    "long": (API + LONG, (20, 7200, 5), "tcp dport 443 "),
}


class Small(Site):
    """Of a Site only what breaks commands."""

    def __init__(self):  # pylint: disable=super-init-not-called
        need_helpers()
        self.server, self.untrack = small_host("")

    def become(self, state):
        self.untrack.configure(STATES[state][0])
        self.untrack.expect(0, "apply" if state != "nothing" else "remove")

    def state_of(self, generation):
        path = self.untrack.dir / "state" / f"generation-{generation}.conf"
        text = path.read_text(encoding="ascii") if generation > 0 else ""
        return next((s for s in ("short", "long")
                     if f"timeout-udp = {STATES[s][1][0]}s" in text), "nothing")

    def rules(self):
        """Which state the rules are of."""
        listing = self.server.listing()
        for state, (_, _, words) in STATES.items():
            if words and words in listing:
                return state
        return "nothing"

    def now(self):
        """The state that everything is of; None: more than one."""
        rules = self.rules()
        return rules if values(self.server) == STATES[rules][1] else None

    def claim_state(self, state, what):
        equal((self.rules(), values(self.server)), (state, STATES[state][1]), what)
        claim(not self.evidence(), f"{what}: evidence is left")


WRITES = {"write", "renameat", "sendmsg", "unlinkat"}


def chosen(site, command, modes):
    """Faults as words: at every call that writes, and at some of the others."""
    calls = site.calls(command)
    points = [place for n, place, _ in calls
              if not place.startswith("call-")
              and (ALL or place.split(":")[0] in WRITES and n > 20 or n % 97 == 0)]
    print(f"{len(points)} of {len(calls)} calls")
    return [[modes[i % len(modes)], place] for i, place in enumerate(points)]


def collect(tries):
    """Runs each; what fails is told together, a few at most."""
    faults = []
    for function, *args in tries:
        try:
            function(*args)
        except Failure as e:
            faults.append(str(e))
        claim(len(faults) < 4, "\n".join(faults))
    claim(not faults, "\n".join(faults))


def kill_and_go_on(site, words, following):
    site.become("short")
    site.untrack.configure(STATES["long"][0])
    done = site.broken(words, "apply")
    what = f"{' '.join(words)} ({done.call})"
    claim(done.returncode in (0, KILLED), f"{what}: {done.stderr}")
    for got, old, new in zip(values(site.server), STATES["short"][1], STATES["long"][1]):
        claim(got in (old, new), f"{what}: {got} is neither {old} nor {new}")
    newest, now = site.recorded(), site.now()
    claim(site.evidence() or now == site.state_of(newest), f"{what}: half, and no evidence")
    undoes = site.evidence() and now != site.state_of(newest)
    goal = {"apply": "long", "remove": "nothing"}.get(following) or \
        site.state_of(newest if undoes else newest - 1)
    was_open = site.evidence()
    said = site.untrack.expect(0, following)
    claim(was_open == ("[recovered]" in said), f"{following} after {what}: {said}")
    claim(now or "rules and settings are neither" in said, f"{following} after {what}: {said}")
    site.claim_state(goal, f"{following} after {what}")


@test("settings: apply killed at its writes: old, new or evidence, and the next command is right")
def killed():
    site = Small()
    site.become("short")
    site.untrack.configure(STATES["long"][0])
    points = chosen(site, "apply", ["kill"])
    collect([(kill_and_go_on, site, words, ("apply", "remove", "rollback")[i % 3])
             for i, words in enumerate(points)])
    print(f"killed at {len(points)} calls")


def fail_and_go_on(site, words):
    site.become("short")
    site.untrack.configure(STATES["long"][0])
    done = site.broken(words, "apply")
    what = f"{' '.join(words)} ({done.call}): status {done.returncode}: {done.stderr}"
    now = site.now()
    claim(done.returncode in (0, 3, 4), what)
    claim(done.returncode != 0 or now == "long", f"{what}: it is {now}")
    claim(done.returncode != 3 or now == "short", f"{what}: it is {now}: {values(site.server)}")
    claim(now or site.evidence(), f"{what}: half, and no evidence")
    silent = words[0] == "errors" and words[1].startswith("write:")
    claim(done.returncode == 0 or silent or re.search(r"error: .*\[[a-z-]+\]", done.stderr), what)
    site.untrack.expect(0, "apply")
    site.claim_state("long", f"apply after {what}")


@test("settings: a system call of apply fails, once or from then on: what it says is so")
def failing():
    site = Small()
    site.become("short")
    site.untrack.configure(STATES["long"][0])
    points = chosen(site, "apply", ["error", "errors"])
    errors = {"write": "EIO", "renameat": "ENOSPC", "unlinkat": "EIO", "sendmsg": "ENOBUFS"}
    points = [[*words, errors[words[1].split(":")[0]]] for words in points
              if words[1].split(":")[0] in errors]
    collect([(fail_and_go_on, site, words) for words in points])
    print(f"{len(points)} faults")
