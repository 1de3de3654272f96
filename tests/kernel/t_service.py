# SPDX-License-Identifier: GPL-2.0-or-later
"""A tcp service of this host, role server: the main job."""

from harness import (WEB, Untrack, claim, equal, foreign, no_entry, ruleset, same_text, test,
                     tracked, twins)
from lab import two_hosts
from netlink import entries
from traffic import (CLIENT, DENIED, FAMILIES, LOOPBACK, SERVER, Ask, Echo, Stray, Talk, finish_all,
                     serve)


def web_host(rules, config=WEB, ports=(22, 25, 80, 443)):
    client, server = two_hosts()
    serve(server, *ports)
    server.nft(rules)
    return client, server, Untrack(server, config)


def try_ports(client, ports, source=CLIENT):
    """{port: [result over IPv4, over IPv6]}."""
    asks = [Ask(client, SERVER[f], port, source[f]) for port in ports for f in FAMILIES]
    results = finish_all(asks)
    return {port: results[2 * i:2 * i + 2] for i, port in enumerate(ports)}


def no_entry_from(host, sources):
    """No entry of port 80 with one of these addresses."""
    left = [e for e in tracked(host, port=80) if {e.src, e.dst} & set(sources.values())]
    equal(left, [], "entries of port 80")


OPEN = ["answer", "answer"]
CLOSED = ["silence", "silence"]


@test("policy drop input: connections work and leave no entry, others are tracked", both=True)
def policy_drop_input():
    client, server, untrack = web_host(ruleset("stateful-new"))
    equal(try_ports(client, (22, 80)), {22: OPEN, 80: OPEN}, "tracked")
    equal(len(tracked(server, port=80)), 2, "entries of port 80 while tracked")
    untrack.apply()
    no_entry(server, port=80)  # the drain
    equal(try_ports(client, (22, 80)), {22: OPEN, 80: OPEN}, "exempt")
    no_entry(server, port=80)
    claim(len(tracked(server, port=22)) >= 2, "port 22 is no longer tracked")
    claim(twins(server), "no twins, yet it works: the test proves nothing")


@test("policy drop output: replies pass and leave no entry", both=True)
def policy_drop_output():
    client, server, untrack = web_host(ruleset("output-drop"))
    untrack.apply()
    equal(try_ports(client, (22, 80)), {22: OPEN, 80: OPEN}, "exempt")
    no_entry(server, port=80)
    serve(client, 80, 8080)
    results = finish_all([Ask(server, CLIENT[f], port) for port in (80, 8080) for f in FAMILIES])
    equal(results, OPEN + CLOSED, "the server's own connections to 80 and 8080 outside")
    equal(len(tracked(server, port=80)), 2, "entries of the server's own connections to port 80")


@test("loopback: an exempt port stays tracked and works, unless loopback is exempt too", both=True)
def loopback():
    rules = """table inet filter {
        chain input {
            type filter hook input priority filter; policy drop;
            ct state established,related accept
            ct state invalid drop
            icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
            tcp dport 80 ct state new accept
            udp dport 53 ct state new accept
        }
    }"""
    for yes in (False, True):
        client, server, untrack = web_host(rules, WEB + ("[loopback]\nnotrack = yes\n" * yes))
        serve(server, 53, proto="udp")
        untrack.apply()
        results = finish_all([Ask(server, LOOPBACK[f], port, proto=proto) for proto, port
                              in (("tcp", 80), ("tcp", 443), ("udp", 53)) for f in FAMILIES])
        equal(results, OPEN + CLOSED + OPEN,
              f"loopback {'exempt' if yes else 'tracked'}: tcp 80, tcp 443, udp 53")
        seen = [e for e in tracked(server) + tracked(server, "udp") if e.src in LOOPBACK.values()]
        equal(len(seen), 0 if yes else len(results), "entries of loopback")
        equal(try_ports(client, (80,)), {80: OPEN}, "from outside")
        no_entry_from(server, CLIENT)


@test("a live connection survives apply and remove", both=True)
def live_connection():
    client, server, untrack = web_host(ruleset("stateful-new"))
    talks = [Talk(client, SERVER[f], 80) for f in FAMILIES]
    alive = lambda: [t.alive() for t in talks]
    equal(alive(), [True, True], "before")
    equal(len(tracked(server, port=80)), 2, "entries before")
    untrack.apply()
    equal(alive(), [True, True], "after apply")
    no_entry(server, port=80)
    untrack.remove()
    equal(alive(), [True, True], "after remove")
    equal(len(tracked(server, port=80)), 2, "entries after remove")


@test("a deny list after the established-accept still denies", both=True)
def deny_list():
    client, server, untrack = web_host(ruleset("jump-deny-after"))
    untrack.apply()
    equal(try_ports(client, (22, 80)), {22: OPEN, 80: OPEN}, "allowed source")
    equal(try_ports(client, (22, 80), DENIED), {22: CLOSED, 80: CLOSED}, "denied source")
    no_entry(server, port=80)


LIMIT = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        tcp dport 80 ct state new limit rate over 4/minute burst 4 packets counter drop
        tcp dport { 22, 80 } ct state new accept
    }
}"""


@test("a limit on new connections limits the same", both=True)
def limit():
    for family in FAMILIES:
        for exempt in (False, True):
            client, server, untrack = web_host(LIMIT)
            if exempt:
                untrack.apply()
            results = finish_all([Ask(client, SERVER[family], 80) for _ in range(8)])
            equal(results, ["answer"] * 4 + ["silence"] * 4,
                  f"eight connections in a row, IPv{family}, {'exempt' if exempt else 'tracked'}")
            if exempt:
                no_entry(server, port=80)


@test("a port that the firewall keeps closed stays closed", both=True)
def closed_port():
    client, server, untrack = web_host(ruleset("stateful-new"), WEB.replace("80", "25"))
    before = server.listing()
    text = untrack.apply()
    claim("service-closed" in text, f"no service-closed warning:\n{text}")
    same_text(foreign(server), before, "the firewall")
    equal(try_ports(client, (25, 80)), {25: CLOSED, 80: OPEN}, "ports")
    strays = [Stray(client, CLIENT[f], SERVER[f], 25, flags) for f in FAMILIES
              for flags in ("ack", "syn ack", "fin ack", "rst")]
    equal(set(finish_all(strays)), {"silence"}, "packets of no connection")


@test("packets of no connection leave no entry", both=True)
def strays():
    client, server, untrack = web_host(ruleset("stateful-new"))
    untrack.apply()
    finish_all([Stray(client, source[f], SERVER[f], 80, flags) for f in FAMILIES
                for source in (CLIENT, DENIED) for flags in ("ack", "syn ack", "fin ack", "rst")],
               0.2)
    no_entry(server, port=80)


@test("rulesets that need no twin get none", both=True)
def no_twin_needed():
    for name in ("stateful", "stateless", "vmap-untracked"):
        client, server, untrack = web_host(ruleset(name))
        before = server.listing()
        untrack.apply()
        same_text(foreign(server), before, name)
        equal(try_ports(client, (22, 80)), {22: OPEN, 80: OPEN}, name)
        no_entry(server, port=80)


@test("a host that does not use conntrack stays so", both=True)
def no_conntrack():
    client, server, untrack = web_host(ruleset("stateless"))
    serve(server, 5353, proto="udp")
    for step in ("before", "after"):
        if step == "after":
            untrack.apply()
            untrack.expect(0, "status")
        equal(try_ports(client, (22, 80, 443)), {22: OPEN, 80: OPEN, 443: OPEN}, step)
        finish_all([Ask(client, SERVER[f], 5353, proto="udp") for f in FAMILIES], 0.1)
        finish_all([Echo(client, SERVER[f]) for f in FAMILIES], 0.1)
        equal(entries(server), [], f"conntrack entries {step} apply")


@test("accept = first: one plain accept at the head; accept = none: not a rule more", both=True)
def accept_modes():
    first = "[untrack]\naccept = first\n" + WEB
    client, server, untrack = web_host(ruleset("output-drop").replace(
        "tcp dport { 22, 80, 443 } accept", "tcp dport { 22, 80, 443 } ct state new accept"), first)
    before = server.listing()
    untrack.apply()
    equal(try_ports(client, (22, 25, 80)), {22: OPEN, 25: CLOSED, 80: OPEN}, "first")
    no_entry(server, port=80)
    for chain in ("input", "output"):
        rules = server.run("nft", "list", "chain", "inet", "filter", chain).stdout.splitlines()
        claim("untrack:web" in rules[3] and "accept" in rules[3],
              f"{chain} does not begin with our accept:\n" + "\n".join(rules))
    untrack.configure(first.replace("first", "none"))
    untrack.apply()
    same_text(foreign(server), before, "none")
    equal(try_ports(client, (22, 80)), {22: OPEN, 80: CLOSED}, "none")
