# SPDX-License-Identifier: GPL-2.0-or-later
"""What the drain takes and what it must leave, with connections that are alive."""

import os
import subprocess

from harness import PROGRAM, WEB, Untrack, claim, equal, test, tracked
from lab import Host, three_hosts, two_hosts
from netlink import entries
from traffic import CLIENT, CLIENT_LAN, FAMILIES, SERVER, SERVER_LAN, Talk, serve

ENTRIES = os.path.join(os.path.dirname(PROGRAM), "entries")
# Everything is tracked, nothing is dropped.
TRACKING = """table inet f { chain in { type filter hook input priority 0;
    ct state established,related accept; }; }
"""
MASQUERADE = """table inet nat { chain post { type nat hook postrouting priority srcnat;
    oifname "eth0" masquerade; }; }
"""
STORAGE = """
[interface storage]
name = eth1
"""


@test("drain: a gateway's masqueraded connections keep their entries, its own web server's go",
      both=True)
def gateway():
    lan, gate, wan = three_hosts()
    serve(wan, 80)
    serve(gate, 80)
    gate.nft(MASQUERADE)
    through = [Talk(lan, wan_address, 80) for wan_address in ("192.0.2.20", "2001:db8::20")]
    own = [Talk(wan, SERVER[f], 80) for f in FAMILIES]
    before = sorted(entries(gate))
    Untrack(gate).apply()
    left = sorted(entries(gate))
    equal(left, [e for e in before if e.dst not in SERVER.values()], "entries that stay")
    claim(len(left) == 2, f"not two masqueraded connections: {left}")
    equal([t.alive() for t in through + own], [True] * 4, "live connections")


@test("drain: an exempt interface takes the entries of its peers, and no others", both=True)
def interface():
    client, server = two_hosts()
    serve(server, 22, 2049)
    server.nft(TRACKING)
    storage = [Talk(client, SERVER_LAN[f], 2049, src=CLIENT_LAN[f]) for f in FAMILIES]
    others = [Talk(client, SERVER[f], 22) for f in FAMILIES]
    equal(len(entries(server)), 4, "entries before")
    Untrack(server, STORAGE).apply()
    equal(sorted(e.dport for e in entries(server)), [22, 22], "entries that stay")
    equal([t.alive() for t in storage + others], [True] * 4, "live connections")
    equal(len(tracked(server, port=2049)), 0, "entries made by live connections")


@test("drain: hundreds of entries, three times applied and removed, no connection is lost",
      both=True)
def many():
    client, server = two_hosts()
    serve(server, 22, 80)
    server.nft(TRACKING)
    web = [Talk(client, SERVER[f], 80) for f in FAMILIES for _ in range(150)]
    ssh = [Talk(client, SERVER[f], 22) for f in FAMILIES]
    untrack = Untrack(server, WEB)
    for _ in range(3):
        text = untrack.apply()
        claim("300 stale entries dropped" in text, f"not 300 entries:\n{text}")
        equal(len(entries(server)), 2, "entries that stay")
        equal({t.alive() for t in web}, {True}, "exempt connections")
        untrack.remove()
        equal({t.alive() for t in web + ssh}, {True}, "connections tracked again")


@test("drain: 300 open connections in each direction, under traffic, and no reset", both=True)
def both_directions():
    client, server = two_hosts()
    serve(server, 22, 80)
    serve(client, 5432)
    server.nft(TRACKING)
    talks = [Talk(client, SERVER[f], 80) for f in FAMILIES for _ in range(150)]
    talks += [Talk(server, CLIENT[f], 5432) for f in FAMILIES for _ in range(150)]
    kept = [Talk(client, SERVER[f], 22) for f in FAMILIES]
    untrack = Untrack(server, WEB + """
[service database]
protocol = tcp
port = 5432
role = client
""")
    equal(len(entries(server)), 602, "entries before")
    for _ in range(2):
        claim("600 stale entries dropped" in untrack.apply(), "not 600 entries")
        equal(len(entries(server)), 2, "entries that stay")
        equal({t.alive() for t in talks + kept}, {True}, "connections")
        equal(len(entries(server)), 2, "entries that live connections make")
        untrack.remove()
        equal({t.alive() for t in talks + kept}, {True}, "connections tracked again")


@test("drain: says what it had to leave, and why")
def left():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(TRACKING)
    talks = [Talk(client, SERVER[f], 80) for f in FAMILIES]
    with server:
        subprocess.run([ENTRIES], input="40 tcp 10.0.0.1 2000 192.0.2.10 80 dnat=10.0.0.7\n",
                       text=True, check=True)
    untrack = Untrack(server, "[untrack]\non-nat = warn\n" + WEB)
    text = untrack.apply()
    claim("; 2 stale entries dropped; 40 that NAT translates left" in text, text)
    equal(len(entries(server)), 40, "entries that stay")
    equal([t.alive() for t in talks], [True, True], "connections")


@test("drain: an apply that changes nothing else drops what an earlier one left")
def later():
    client, server = two_hosts()
    serve(server, 22, 80)
    server.nft(TRACKING)
    talks = [Talk(client, SERVER[f], port) for f in FAMILIES for port in (80, 22)]
    untrack = Untrack(server, WEB)
    claim("dropped" not in untrack.expect(0, "apply", "--no-drain"), "--no-drain")
    equal(len(entries(server)), 4, "entries after --no-drain")
    equal(untrack.expect(0, "watch", "--once").count("stale"), 0, "watch --once")
    equal(len(entries(server)), 4, "entries after a look of watch")
    text = untrack.apply()
    claim(text.startswith("unchanged: ") and "; 2 stale entries dropped" in text, text)
    equal(sorted(e.dport for e in entries(server)), [22, 22], "entries that stay")
    claim("dropped" not in untrack.apply(), "a third apply")
    equal({t.alive() for t in talks}, {True}, "live connections")


# Of a web server that asks a database: what is not theirs, or is and must stay tracked.
STAY = """200 tcp 10.0.0.1 2000 192.0.2.1 81
100 udp 10.0.0.1 2000 192.0.2.1 80
100 tcp 10.1.0.1 2000 10.2.0.1 80
100 tcp 192.0.2.1 33000 10.3.0.1 80
90 tcp 2001:db8::1 33000 2001:db8:3::1 80
100 tcp 127.0.0.1 20000 127.0.0.1 80
60 tcp 192.0.2.1 20000 192.0.2.1 80
60 tcp 2001:db8::1 20000 2001:db8::1 80
70 tcp 10.4.0.1 2000 192.0.2.1 80 dnat=10.99.0.1
30 tcp 10.4.1.1 2000 192.0.2.1 80 zone=7 dnat=10.99.0.1
40 tcp 10.5.0.1 2000 192.0.2.1 5432
20 tcp 2001:db8:5::1 2000 2001:db8::1 5432
"""
GO = """500 tcp 10.0.0.1 2000 192.0.2.1 80
300 tcp 2001:db8:1::1 2000 2001:db8::1 80
40 tcp 10.0.0.1 2000 192.0.2.1 80 zone=7
20 tcp 10.6.0.1 2000 192.0.2.1 80 mark=5
50 tcp 10.6.1.1 2000 192.0.2.1 80 state=7 seen=unreplied
60 tcp 192.0.2.1 80 10.7.0.1 2000 span=1 vary=dst
60 tcp 2001:db8::1 80 2001:db8:7::1 2000 span=1 vary=dst
200 tcp 192.0.2.1 33000 10.8.0.1 5432
100 tcp 2001:db8::1 33000 2001:db8:8::1 5432
"""


@test("drain: exactly the set, of both families, directions and roles, zones, NAT and loopback",
      both=True)
def exact():
    host = Host()
    host.ip("addr add 192.0.2.1/32 dev lo", "addr add 2001:db8::1/128 dev lo nodad")
    host.run(ENTRIES, stdin=STAY)
    want = sorted(entries(host))
    host.run(ENTRIES, stdin=GO)
    untrack = Untrack(host, "[untrack]\non-nat = warn\n[service web]\nprotocol = tcp\nport = 80\n"
                      "[service database]\nprotocol = tcp\nport = 5432\nrole = client\n")
    text = untrack.apply()
    claim("; 1330 stale entries dropped; 100 that NAT translates left" in text, text)
    equal(sorted(entries(host)), want, "entries that stay")
    claim("dropped" not in untrack.apply(), "a second apply")
    equal(sorted(entries(host)), want, "entries after a second apply")
