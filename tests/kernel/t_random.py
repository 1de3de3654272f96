# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls made by chance, from the seeds in UNTRACK_SEEDS ("1-10"): refused with the kernel
untouched, or the same answers tracked and exempt."""

import functools
import os
import random
import re

from harness import Untrack, claim, equal, listings, no_entry, same_listings, test
from lab import Host, three_hosts, two_hosts
from netlink import generation
from traffic import (CLIENT, CLIENT_LAN, DENIED, FAMILIES, SERVER, Ask, Echo, Stray, finish_all,
                     serve)

STATES = ("new", "established", "related", "invalid")
PORTS = ("80", "80", "{ 22, 80 }", "22-443", "{ 22, 443 }", "!= 25", "@services")
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
        return self.r.choice(["tcp dport " + self.r.choice(PORTS)] * 8 + ["udp dport 53"] * 2
                             + ["tcp sport 80"])

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

    def text(self, hooks):
        """hooks: {hook: chance of a base chain there}."""
        text = HEAD + self.chain("a", [], self.r.randint(1, 3), 1) + self.chain(
            "b", [], self.r.randint(1, 2), 1)
        for hook, chance in hooks.items():
            rules = self.maybe(chance, self.base(hook, hook, self.r.randint(0, 5)))
            rules += self.maybe(0.3 * chance, self.base("other_" + hook, hook, 2))
            if hook == "output":
                rules = rules.replace('iif "lo"', 'oif "lo"').replace("iifname", "oifname")
            text += rules
        return text + "}\n"


CONFIG = """
[service web]
protocol = tcp
port = 80
role = %s

[service dns]
protocol = udp
port = 53
role = %s
"""


CLOSED = re.compile("refused|prohibited")  # and "silence"


class Server:
    """The firewall's host is asked."""

    hooks = {"input": 1, "prerouting": 0.2, "output": 0.4}

    def __init__(self):
        self.client, self.host = two_hosts()
        serve(self.host, 22, 25, 80, 443)
        serve(self.host, 53, proto="udp")

    def answers(self):
        return answers(self.client)


def answers(client):
    """What becomes of every kind of packet to the server; {kind: result}."""
    asks = {}
    for f in FAMILIES:
        for who, source in (("allowed", CLIENT), ("denied", DENIED)):
            for port in (22, 25, 80, 443):
                asks[f"IPv{f} {who} tcp {port}"] = Ask(client, SERVER[f], port, source[f])
            asks[f"IPv{f} {who} udp 53"] = Ask(client, SERVER[f], 53, source[f], proto="udp")
            asks[f"IPv{f} {who} ping"] = Echo(client, SERVER[f], source[f])
    found = dict(zip(asks, finish_all(asks.values())))
    for f in FAMILIES:
        row = finish_all([Ask(client, SERVER[f], 80, CLIENT[f]) for _ in range(8)])
        found[f"IPv{f} eight in a row"] = " ".join(row)
    # Last, for limits on new connections count them while tracked.
    strays = {f"IPv{f} stray tcp {port}": Stray(client, CLIENT[f], SERVER[f], port, "ack")
              for f in FAMILIES for port in (25, 80)}
    found |= zip(strays, finish_all(strays.values(), 0.3))
    return found


def ask_all(host, addresses):
    """What becomes of questions to others; {kind: result}."""
    asks = {f"IPv{f} {proto} {port}": Ask(host, addresses[f], port, proto=proto)
            for f in FAMILIES
            for proto, port in (("tcp", 22), ("tcp", 80), ("tcp", 443), ("udp", 53))}
    found = dict(zip(asks, finish_all(asks.values())))
    for f in FAMILIES:
        row = finish_all([Ask(host, addresses[f], 80) for _ in range(8)])
        found[f"IPv{f} eight in a row"] = " ".join(row)
    return found


class Client:
    """The firewall's host asks."""

    hooks = {"output": 1, "input": 0.7}

    def __init__(self):
        self.other, self.host = two_hosts()
        serve(self.other, 22, 80, 443)
        serve(self.other, 53, proto="udp")

    def answers(self):
        return ask_all(self.host, CLIENT)


class Router:
    """The firewall's host forwards, questions outwards and questions inwards."""

    hooks = {"forward": 1, "prerouting": 0.3, "postrouting": 0.2}

    def __init__(self):
        self.lan, self.host, self.wan = three_hosts()
        for host in (self.lan, self.wan):
            serve(host, 22, 80, 443)
            serve(host, 53, proto="udp")

    def answers(self):
        outwards, inwards = ask_all(self.lan, CLIENT), ask_all(self.wan, CLIENT_LAN)
        return outwards | {"in " + kind: result for kind, result in inwards.items()}


def loadable(seed, hooks):
    """The first firewall from this seed on that nft takes: chance makes contradictions too."""
    firewall, host = Firewall(seed), Host()
    while True:
        rules = firewall.text(hooks)
        if not host.run("nft", "-f", "-", stdin=rules, check=False).returncode:
            return rules


def same_by_chance(scene, load, rules, what):
    """Refused with the kernel untouched, or the same answers tracked and exempt."""
    exempt = scene()
    load(exempt.host)
    before = listings(exempt.host), generation(exempt.host)
    role = scene.__name__.lower()
    untrack = Untrack(exempt.host, CONFIG % (role, role))
    done = untrack.run("apply")
    if done.returncode == 3:
        claim("error: " in done.stderr, f"refused without a reason:\n{done.stderr}")
        equal((listings(exempt.host), generation(exempt.host)), before, "refused")
        return
    equal(done.returncode, 0, "status of apply:\n" + done.stderr + rules)
    claim(untrack.apply().startswith("unchanged"), "a second apply wrote something")
    got = exempt.answers()
    no_entry(exempt.host, port=80)
    no_entry(exempt.host, "udp", 53)
    untrack.remove()
    same_listings(listings(exempt.host), before[0], "after the removal")

    tracked = scene()
    load(tracked.host)
    want = tracked.answers()
    if "service-closed" in done.stderr:  # closed is closed, whether it is said or not
        want, got = ({kind: CLOSED.sub("silence", result) for kind, result in found.items()}
                     for found in (want, got))
    differ = [f"{kind}: tracked {want[kind]}, exempt {got[kind]}" for kind in want
              if want[kind] != got[kind] and "stray" not in kind]
    claim(not differ, f"{what}:\n" + "\n".join(differ) + "\n" + rules + done.stderr)


def random_firewall(scene, seed):
    rules = loadable(seed, scene.hooks)
    same_by_chance(scene, lambda host: host.nft(rules), rules, f"seed {seed}")


def seeds():
    first, _, last = os.environ.get("UNTRACK_SEEDS", "1-10").partition("-")
    return range(int(first), int(last or first) + 1)


for number in seeds():
    for kind in (Server, Client, Router):
        test(f"a firewall by chance: {kind.__name__.lower()}, seed {number}")(
            functools.partial(random_firewall, kind, number))
