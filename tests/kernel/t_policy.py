# SPDX-License-Identifier: GPL-2.0-or-later
"""General settings, and hosts on which apply has to refuse."""

import subprocess

from harness import WEB, Untrack, claim, equal, no_entry, ruleset, same_text, test, tracked
from lab import Host, two_hosts
from netlink import entries, generation
from traffic import CLIENT, FAMILIES, SERVER, Ask, Echo, Talk, finish_all, serve

OPEN = ["answer", "answer"]


def connect(client, port=80):
    return finish_all([Ask(client, SERVER[f], port) for f in FAMILIES])


@test("family = ipv4: IPv6 stays tracked", both=True)
def one_family():
    for family, other in ((4, 6), (6, 4)):
        client, server = two_hosts()
        serve(server, 80)
        server.nft(ruleset("stateful-new"))
        Untrack(server, f"[untrack]\nfamily = ipv{family}\n" + WEB).apply()
        equal(connect(client), OPEN, f"family = ipv{family}")
        equal([e.dst for e in tracked(server, port=80)], [SERVER[other]], "entries")


@test("drain: entries of exempt traffic go, others stay; drain = no keeps them all", both=True)
def drain():
    for keep in (False, True):
        client, server = two_hosts()
        serve(server, 22, 80)
        serve(client, 80)
        server.nft(ruleset("stateful-new"))
        talks = [Talk(client, SERVER[f], port) for port in (22, 80) for f in FAMILIES]
        equal(finish_all([Ask(server, CLIENT[f], 80) for f in FAMILIES]), OPEN, "outwards")
        before = sorted(entries(server))
        Untrack(server, "[untrack]\ndrain = no\n" * keep + WEB).apply()
        want = before if keep else [e for e in before if e.dport != 80 or e.dst in CLIENT.values()]
        equal(sorted(entries(server)), want, f"entries, drain = {'no' if keep else 'yes'}")
        equal([t.alive() for t in talks], [True] * 4, "live connections")


@test("IPv6 neighbours are found through a firewall with twins", both=True)
def neighbours():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(ruleset("families"))
    Untrack(server).apply()
    client.ip("neigh flush dev eth0 nud permanent")
    server.ip("neigh flush dev eth0 nud permanent")
    equal(finish_all([Ask(client, SERVER[f], 80) for f in FAMILIES], 3), OPEN, "first packets")
    no_entry(server, port=80)


@test("a wrong configuration: all errors at once, nothing applied")
def wrong():
    server = Host()
    before = generation(server)
    untrack = Untrack(server, WEB + "ports = 81\nport = 82\n\n[servce x]\nport = 65536\n")
    text = untrack.expect(2, "apply")
    for line in (5, 6, 8):
        claim(f"10-test.conf:{line}:" in text, f"line {line} is not reported:\n{text}")
    untrack.expect(1, "check")
    (untrack.dir / "rules.d" / "10-test.conf").chmod(0o666)
    untrack.expect(2, "apply")
    equal(generation(server), before, "generation id")


OWNED = """add table inet filter { flags owner; }
add chain inet filter input { type filter hook input priority 0; policy drop; }
add rule inet filter input meta l4proto { icmp, ipv6-icmp } accept
add rule inet filter input ct state established accept
add rule inet filter input ct state new tcp dport 80 accept
"""


@test("a table that somebody owns: refused, the kernel untouched")
def owned():
    client, server = two_hosts()
    with server:
        owner = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 text=True)
    owner.stdin.write(OWNED)
    owner.stdin.flush()
    while "dport 80" not in server.listing():
        claim(owner.poll() is None, "the owner ended")
    before = generation(server), server.listing()
    text = Untrack(server).expect(3, "apply")
    claim("[owned-table]" in text, f"does not say why:\n{text}")
    same_text(server.listing(), before[1], "the listing")
    equal(generation(server), before[0], "generation id")
    equal(finish_all([Echo(client, SERVER[f]) for f in FAMILIES]), OPEN, "the host")
    owner.kill()
