# SPDX-License-Identifier: GPL-2.0-or-later
"""A firewall that changes between two applies: `diff` says what is amiss, and the next apply makes
it what an apply on the changed firewall would have made, without touching what is right."""

import functools
import re

from firewalls import TOOLS, words_of
from harness import WEB, Untrack, claim, equal, listings, test, without_twins, zeroed
from lab import two_hosts
from netlink import generation
from traffic import CLIENT, FAMILIES, SERVER, Ask, finish_all, serve

NATIVE = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state established,related counter accept
        meta l4proto { icmp, ipv6-icmp } accept
        ip saddr 203.0.113.0/24 drop
        tcp dport { 22, 80, 443 } ct state new counter accept
    }
}
"""
SAVE = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p %icmp% -j ACCEPT
-A INPUT -s %denied% -j DROP
-A INPUT -p tcp -m multiport --dports 22,80,443 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


class Native:
    """The chain input of a native table."""

    deny, limited = "tcp dport 9 drop", "tcp dport { 80, 443 } ct state new counter accept"
    new, established, other = "ct state new", "established,related", "203.0.113"

    def __init__(self, host):
        self.host = host
        self.reload()

    def reload(self):
        self.host.nft("table inet filter\ndelete table inet filter\n" + NATIVE)

    def numbered(self):
        """[(rule, its handle)]."""
        text = self.host.run("nft", "-a", "list", "chain", "inet", "filter", "input").stdout
        return re.findall(r"^\t\t(?!type )(.*) # handle (\d+)$", text, re.M)

    def rules(self):
        return [zeroed(rule) for rule, _ in self.numbered()]

    def counts(self):
        """{twin: what it has counted}; a twin that was written anew has counted nothing."""
        return {zeroed(rule): int(count) for rule, _ in self.numbered()
                for count in re.findall(r"packets (\d+).*untrack:", rule)}

    def run(self, verb, position, *rule):
        handle = self.numbered()[position][1]
        self.host.run("nft", verb, "rule", "inet", "filter", "input", "handle", handle, *rule)

    def insert(self, position, rule):
        self.run("insert", position, rule)

    def delete(self, position):
        self.run("delete", position)

    def replace(self, position, rule):
        self.run("replace", position, rule)

    def flush(self):
        self.host.run("nft", "flush", "chain", "inet", "filter", "input")

    def append(self, rule):
        self.host.run("nft", "add", "rule", "inet", "filter", "input", rule)


class Iptables:
    """The chain INPUT of iptables; that of ip6tables stays as it is, unless all is reloaded."""

    deny = "-p tcp -m tcp --dport 9 -j DROP"
    limited = "-p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT"
    new, established, other = "--ctstate NEW", "RELATED,ESTABLISHED", "203.0.113"

    def __init__(self, form, host):
        self.form, self.host = form, host
        for family, tool in TOOLS.items():
            host.run(f"{tool}-{form}-restore", stdin=words_of(SAVE, family))

    def reload(self):
        """Restores what was saved before there were twins."""
        for tool in TOOLS.values():
            save = without_twins(self.host.run(f"{tool}-{self.form}-save").stdout)
            self.host.run(f"{tool}-{self.form}-restore", stdin=save)

    def run(self, *args):
        return self.host.run(f"iptables-{self.form}", *args).stdout

    def rules(self):
        return [rule.removeprefix("-A INPUT ") for rule in
                re.findall(r"^-A INPUT .*", self.run("-S", "INPUT"), re.M)]

    def counts(self):
        return {re.sub(" -c .*? -j", " -j", rule): int(count) for rule, count in
                re.findall(r"^-A INPUT (.*?untrack:.*? -c (\d+) .*)", self.run("-v", "-S", "INPUT"),
                           re.M)}

    def insert(self, position, rule):
        self.run("-I", "INPUT", str(position + 1), *rule.split())

    def delete(self, position):
        self.run("-D", "INPUT", str(position + 1))

    def replace(self, position, rule):
        self.run("-R", "INPUT", str(position + 1), *rule.split())

    def flush(self):
        self.run("-F", "INPUT")

    def append(self, rule):
        self.run("-A", "INPUT", *rule.split())


FORMS = {"nft": Native, "iptables-nft": functools.partial(Iptables, "nft"),
         "iptables-legacy": functools.partial(Iptables, "legacy")}


def own(chain, word):
    """The position of the firewall's own rule that holds a word."""
    return next(i for i, rule in enumerate(chain.rules())
                if word in rule and "untrack:" not in rule)


def twin_of(chain, word):
    """The position of the last twin before that rule."""
    return max(i for i, rule in enumerate(chain.rules()[:own(chain, word)]) if "untrack:" in rule)


# The edits: what they do to a chain with twins. True: also to one that has none.

def twin_deleted(chain):
    chain.delete(twin_of(chain, chain.new))


def twin_doubled(chain):
    position = twin_of(chain, chain.new)
    chain.insert(position, chain.rules()[position].replace("counter packets 0 bytes 0", "counter")
                 .replace('"', '"' if isinstance(chain, Native) else ""))


def rule_between(chain):
    chain.insert(own(chain, chain.new), chain.deny)


def rule_first(chain):
    chain.insert(0, chain.deny)


def rule_removed(chain):
    chain.delete(own(chain, chain.other))


def anchor_removed(chain):
    chain.delete(own(chain, chain.established))


def anchor_changed(chain):
    chain.replace(own(chain, chain.new), chain.limited)


def flushed(chain):
    rules = [rule for rule in chain.rules() if "untrack:" not in rule]
    chain.flush()
    for rule in rules:
        chain.append(rule)


def reloaded(chain):
    chain.reload()


EDITS = {  # name: (edit, is it one of the firewall too, what diff calls it; None: nothing amiss)
    "a twin is deleted": (twin_deleted, False, "missing"),
    "a twin is there twice": (twin_doubled, False, "unneeded"),
    "a rule comes between a twin and its rule": (rule_between, True, "displaced"),
    "a rule comes first": (rule_first, True, None),
    "another rule goes": (rule_removed, True, None),
    "the rule of a twin goes": (anchor_removed, True, "unneeded"),
    "the rule of a twin changes": (anchor_changed, True, "stale"),
    "the chain is flushed and filled again": (flushed, False, "missing"),
    "the firewall is loaded again": (reloaded, False, "missing"),
}


def fresh(form, edit, config=WEB):
    """The chain on a host on which the firewall was so before the first apply."""
    _, server = two_hosts()
    chain = FORMS[form](server)
    if edit:
        edit(chain)
    Untrack(server, config).apply()
    return chain.rules()


def repair(form, edit, of_firewall, word):
    client, server = two_hosts()
    serve(server, 80)
    chain = FORMS[form](server)
    untrack = Untrack(server)
    untrack.apply()
    equal(finish_all([Ask(client, SERVER[f], 80, CLIENT[f]) for f in FAMILIES]), ["answer"] * 2,
          "connections")
    counted = chain.counts()
    claim(len(counted) == 2 and all(counted.values()), f"not two twins that count: {counted}")
    edit(chain)
    said = untrack.expect(1 if word else 0, "diff")
    claim(not word or re.search(rf"^[-+] {word} ", said, re.M),
          f"diff says nothing of {word}:\n{said}")
    for attempt in range(3):
        text = untrack.apply()
        wrote = bool(word) and not attempt
        claim(text.startswith("applied" if wrote else "unchanged"), f"apply {attempt + 1}:\n{text}")
        if not wrote:
            continue
        untrack.expect(0, "diff")
        before = generation(server), listings(server)
    if word:
        equal((generation(server), listings(server)), before, "two more applies")
    equal(chain.rules(), fresh(form, edit if of_firewall else None), "rules")
    if edit in (twin_deleted, twin_doubled, rule_first, rule_removed, anchor_changed):
        kept = [rule for rule, n in chain.counts().items() if n >= counted.get(rule, n + 1)]
        claim(len(kept) >= (1 if word else 2),
              f"counts before {counted}, after {chain.counts()}")
    if edit is not anchor_removed:
        equal(finish_all([Ask(client, SERVER[f], 80, CLIENT[f]) for f in FAMILIES]),
              ["answer"] * 2, "connections after the repair")


for form_name in FORMS:
    for edit_name, row in EDITS.items():
        test(f"repair, {form_name}: {edit_name}")(functools.partial(repair, form_name, *row))


@test("nft -f of one's own listing, with the twins in it, changes nothing")
def own_listing():
    _, server = two_hosts()
    Native(server)
    untrack = Untrack(server)
    untrack.apply()
    text = server.listing()
    for _ in range(2):
        server.nft("flush ruleset\n" + text)
        equal(zeroed(server.listing()), zeroed(text), "the listing that was loaded")
        untrack.expect(0, "diff")
        claim(untrack.apply().startswith("unchanged"), "apply wrote something")
