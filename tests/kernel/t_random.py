# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls made by chance, from the seeds in UNTRACK_SEEDS ("1-8"): refused with the kernel
untouched, or the same answers tracked and exempt."""

import functools
import os
import random

from harness import Untrack, claim, equal, no_entry, same_text, test, zeroed
from lab import Host
from netlink import generation
from t_differential import CONFIG, answers, new_host

STATES = ("new", "established", "related", "invalid")
PORTS = ("80", "{ 22, 80 }", "22-443", "{ 22, 443 }", "!= 25", "@services")
SOURCES = ("ip saddr 203.0.113.0/24", "ip6 saddr 2001:db8:bad::/48", "ip saddr @denied",
           "ip saddr != 192.0.2.0/24", "meta nfproto ipv6")
# A limit shared by exempt and other traffic becomes two: of port 80 alone, it stays one.
LIMIT = "tcp dport 80 ct state new limit rate over 4/minute burst 4 packets"
HEAD = """table inet filter {
    set services { type inet_service; elements = { 22, 80 }; }
    set denied { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }
"""


class Firewall:
    """Grows one ruleset from one seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def maybe(self, chance, text):
        return text if self.r.random() < chance else ""

    def states(self):
        """A test of the state, in one of its spellings."""
        some = self.r.sample(STATES, self.r.choice((1, 1, 2, 2, 3)))
        if self.r.random() < 0.7 and "invalid" in some and len(some) > 1:
            some.remove("invalid")
        return self.r.choice((
            "ct state " + ",".join(some),
            "ct state { " + ", ".join(some) + " }",
            "ct state & (" + " | ".join(some) + ") != 0" if len(some) > 1 else f"ct state {some[0]}",
        ))

    def port(self):
        return "tcp dport " + self.r.choice(PORTS) if self.r.random() < 0.8 else "udp dport 53"

    def verdict(self, depth):
        jumps = ["jump a", "jump b", "goto a"][:3 if depth == 0 else 0]
        return self.r.choice(["accept"] * 5 + ["drop"] * 2 + ["reject", "return", "continue"] + jumps)

    def vmap(self, depth):
        some = self.r.sample(STATES, self.r.choice((2, 3, 4)))
        return "ct state vmap { " + ", ".join(
            f"{s} : {self.r.choice(['accept'] * 3 + ['drop'] + (['jump a'] if not depth else []))}"
            for s in some) + " }"

    def rule(self, depth):
        if self.r.random() < 0.12:
            return self.maybe(0.3, self.port() + " ") + self.vmap(depth)
        tests = [self.maybe(0.45, self.states()), self.maybe(0.4, self.port()),
                 self.maybe(0.25, self.r.choice(SOURCES)), self.maybe(0.1, 'iifname "eth0"'),
                 self.maybe(0.05, LIMIT)]
        self.r.shuffle(tests)
        return " ".join(t for t in tests + [self.maybe(0.2, "counter"), self.verdict(depth)] if t)

    def chain(self, name, head, length, depth):
        rules = [self.rule(depth) for _ in range(length)]
        return f"    chain {name} {{\n" + "".join(f"        {x}\n" for x in head + rules) + "    }\n"

    def base(self, name, hook, length):
        priority, policy = self.r.choice((-10, 0, 0, 10)), self.r.choice(("drop", "drop", "accept"))
        head = [f"type filter hook {hook} priority {priority}; policy {policy};", 'iif "lo" accept',
                "meta l4proto { icmp, ipv6-icmp } accept"]
        if hook == "prerouting":
            head.pop(1)
        usual = self.r.choice(("ct state established,related accept",
                               "ct state vmap { established : accept, related : accept }", ""))
        return self.chain(name, head + [usual] * bool(usual), length, 0)

    def text(self):
        text = HEAD + self.chain("a", [], self.r.randint(1, 3), 1) + self.chain(
            "b", [], self.r.randint(1, 2), 1)
        text += self.base("input", "input", self.r.randint(1, 5))
        text += self.maybe(0.3, self.base("late", "input", self.r.randint(1, 3)))
        text += self.maybe(0.2, self.base("early", "prerouting", self.r.randint(0, 2)))
        if self.r.random() < 0.4:
            text += self.base("output", "output", self.r.randint(0, 2)).replace(
                'iif "lo"', 'oif "lo"').replace("iifname", "oifname")
        return text + "}\n"


DNS = """
[service dns]
protocol = udp
port = 53
"""


def loadable(seed):
    """The first firewall from this seed on that nft takes: chance makes contradictions too."""
    firewall, host = Firewall(seed), Host()
    while True:
        rules = firewall.text()
        if not host.run("nft", "-c", "-f", "-", stdin=rules, check=False).returncode:
            return rules


def random_firewall(seed):
    rules = loadable(seed)
    load = lambda server: server.nft(rules)
    client, server = new_host(load)
    before = server.listing(), generation(server)
    both = seed % 2
    untrack = Untrack(server, CONFIG + DNS * both)
    done = untrack.run("apply")
    if done.returncode == 3:
        claim("error: " in done.stderr, f"refused without a reason:\n{done.stderr}")
        equal((server.listing(), generation(server)), before, "the kernel after a refusal")
        print("refused:", done.stderr)
        return
    equal(done.returncode, 0, "status of apply:\n" + done.stderr + rules)
    exempt = answers(client)
    no_entry(server, port=80)
    if both:
        no_entry(server, "udp", 53)
    untrack.remove()
    same_text(zeroed(server.listing()), zeroed(before[0]), "after the removal")

    client, server = new_host(load)
    want = answers(client)
    if "service-closed" in done.stderr:  # closed is closed, whether it is said or not
        want, exempt = ({k: v.replace("refused", "silence") for k, v in found.items()}
                        for found in (want, exempt))
    differ = [f"{kind}: tracked {want[kind]}, exempt {exempt[kind]}" for kind in want
              if want[kind] != exempt[kind] and "stray" not in kind]
    claim(not differ, f"seed {seed}:\n" + "\n".join(differ) + "\n" + rules + done.stderr)


first, _, last = os.environ.get("UNTRACK_SEEDS", "1-8").partition("-")
for number in range(int(first), int(last or first) + 1):
    test(f"a firewall by chance, seed {number}")(functools.partial(random_firewall, number))
