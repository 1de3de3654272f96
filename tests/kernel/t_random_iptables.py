# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls of iptables made by chance, from the seeds in UNTRACK_SEEDS: each is loaded once as
iptables-nft and once as iptables-legacy."""

import functools
import random

from firewalls import TOOLS, words_of
from harness import test
from lab import Host
from t_random import Client, Router, Server, same_by_chance, seeds

STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
TCP = ("-m tcp --dport 80", "-m tcp --dport 80", "-m multiport --dports 22,80",
       "-m multiport --dports 22,80,443,8000:8100", "-m tcp --dport 22:443", "-m tcp ! --dport 25",
       "-m multiport ! --dports 25,443", "-m multiport --dports 22,443", "-m tcp --sport 80")
HEADERS = ("-s %denied%", "-s %denied%", "! -s %net%", "-i eth0", "! -i eth9", "-i eth+")
EXTRAS = ("-m addrtype --dst-type LOCAL", "-m comment --comment \"a rule by chance\"",
          "-m mark ! --mark 0x5", "-m iprange --src-range %range%", "-m length --length 0:1500",
          "-m addrtype ! --src-type MULTICAST", "-m comment --comment untrack")
# A limit shared by exempt and other traffic becomes two: of port 80 alone, it stays one.
WEB = "-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW"
LIMITS = (f"{WEB} -m limit --limit 4/min --limit-burst 6 -j ACCEPT",
          f"{WEB} -m hashlimit --hashlimit-above 2/min --hashlimit-burst 5 --hashlimit-mode srcip "
          "--hashlimit-name web -j DROP",
          f"{WEB} -m recent --set --name WEB --rsource\n-A %(chain)s {WEB} -m recent --update "
          "--seconds 60 --hitcount 5 --name WEB --rsource -j DROP")
CHAINS = {Server: {"INPUT": 1, "OUTPUT": 0.4}, Client: {"OUTPUT": 1, "INPUT": 0.7},
          Router: {"FORWARD": 1}}


class Firewall:
    """Grows one ruleset from one seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def maybe(self, chance, text):
        return text if self.r.random() < chance else ""

    def states(self):
        some = ",".join(self.r.sample(STATES, self.r.choice((1, 1, 2, 2, 3))))
        negation = self.maybe(0.07, "! ")
        return self.r.choice((f"-m conntrack {negation}--ctstate {some}",
                              f"-m state {negation}--state {some}"))

    def target(self, depth):
        jumps = ["-j a", "-j b", "-g a"][:3 if depth == 0 else 0]
        return self.r.choice(["-j ACCEPT"] * 6 + ["-j DROP"] * 2 + [
            "-j REJECT", "-j RETURN", "", "-j LOG --log-prefix \"by chance \""] + jumps * 2)

    def rule(self, chain, depth):
        if self.r.random() < 0.08:
            return self.r.choice(LIMITS).replace("%(chain)s", chain)
        proto = self.r.choice(["-p tcp"] * 6 + ["-p udp", "! -p %icmp%", "", ""])
        matches = [self.maybe(0.5, self.states()), self.maybe(0.12, self.r.choice(EXTRAS))]
        if proto == "-p tcp":
            matches += [self.r.choice(TCP), self.maybe(0.1, "-m tcp --syn")]
        elif proto == "-p udp":
            matches.append("-m udp --dport 53")
        if matches[-1] == "-m tcp --syn" and "-m tcp" in matches[-2]:
            matches[-1] = ""  # one rule holds one such match
        self.r.shuffle(matches)
        parts = [self.maybe(0.25, self.r.choice(HEADERS)), proto, *matches, self.target(depth)]
        return " ".join(part for part in parts if part)

    def user_chain(self, name):
        return [f"-A {name} {self.rule(name, 1)}" for _ in range(self.r.randint(1, 3))]

    def base_chain(self, name, length):
        usual = self.r.choice(("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                               "-m state --state RELATED,ESTABLISHED -j ACCEPT", ""))
        lo = "-o lo" if name == "OUTPUT" else "-i lo"
        rules = [f"{lo} -j ACCEPT", "-p %icmp% -j ACCEPT"] + [usual] * bool(usual)
        rules += [self.rule(name, 0) for _ in range(length)]
        if name == "OUTPUT":
            rules = [rule.replace("-i eth", "-o eth") for rule in rules]
        return [f"-A {name} {rule}" for rule in rules]

    def save(self, chances):
        policies = {name: "ACCEPT" for name in ("INPUT", "FORWARD", "OUTPUT")}
        rules = self.user_chain("a") + self.user_chain("b")
        for name, chance in chances.items():
            if self.r.random() < chance:
                policies[name] = self.r.choice(("DROP", "DROP", "ACCEPT"))
                rules += self.base_chain(name, self.r.randint(1, 5))
        head = [f":{name} {policy} [0:0]" for name, policy in policies.items()]
        return "\n".join(["*filter", *head, ":a - [0:0]", ":b - [0:0]", *rules, "COMMIT\n"])


def load(form, save, host):
    for family, tool in TOOLS.items():
        host.run(f"{tool}-{form}-restore", stdin=words_of(save, family))


def loadable(seed, chances):
    """The first firewall from this seed on that both iptables take."""
    firewall = Firewall(seed)
    while True:
        save, host = firewall.save(chances), Host()
        try:
            load("legacy", save, host)
            load("nft", save, host)
            return save
        except RuntimeError:
            continue


def random_firewall(form, seed):
    scene = (Server, Client, Router)[seed % 3]
    save = loadable(seed, CHAINS[scene])
    same_by_chance(scene, functools.partial(load, form, save), save, f"seed {seed}, {form}")


for number in seeds():
    for which in ("nft", "legacy"):
        test(f"a firewall by chance: iptables-{which}, seed {number}")(
            functools.partial(random_firewall, which, number))
