# SPDX-License-Identifier: GPL-2.0-or-later
"""Protocols without connections: DNS as server, client and peer, and GRE, which has no ports."""

import socket

from harness import Untrack, claim, equal, no_entry, test, tracked, twins
from lab import two_hosts
from traffic import CLIENT, DENIED, FAMILIES, SERVER, Ask, AskRaw, finish_all, serve, serve_raw

OPEN = ["answer", "answer"]
CLOSED = ["silence", "silence"]
LARGE = {"proto": "udp", "size": 4000, "padding": 3000}  # both ways in fragments

STRICT = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state established,related accept
        ct state invalid drop
        udp dport 53 ct state new accept
        meta l4proto gre ct state new accept
    }
    chain output {
        type filter hook output priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state established,related accept
        ct state invalid drop
        udp dport 53 ct state new accept
        tcp dport 80 ct state new accept
    }
}"""

DNS = """
[service dns]
protocol = udp
port = 53
role = %s
"""


def dns_host(role):
    client, server = two_hosts()
    for host in (client, server):
        serve(host, 53, 2000, proto="udp")
        serve(host, 53, 80, 2000)
    server.nft(STRICT)
    untrack = Untrack(server, DNS % role)
    untrack.apply()
    return client, server


def asked(host, addresses, port=53, **kwargs):
    return [Ask(host, addresses[f], port, **kwargs) for f in FAMILIES]


@test("DNS server: answers that fragment arrive and leave no entry", both=True)
def dns_server():
    client, server = dns_host("server")
    equal(finish_all(asked(client, SERVER, **LARGE)), OPEN, "exempt")
    equal(finish_all(asked(client, SERVER, 2000, proto="udp")), CLOSED, "another port")
    no_entry(server, "udp")
    equal(finish_all(asked(server, CLIENT, **LARGE)), OPEN, "the server's own questions")
    equal(len(tracked(server, "udp", 53)), 2, "entries of the server's own questions")
    claim(twins(server), "no twins, yet it works: the test proves nothing")


@test("DNS peer: asks and answers, in fragments, and leaves no entry", both=True)
def dns_peer():
    client, server = dns_host("peer")
    equal(finish_all(asked(client, SERVER, **LARGE)), OPEN, "as server")
    equal(finish_all(asked(server, CLIENT, **LARGE)), OPEN, "as client")
    no_entry(server, "udp", 53)


@test("role client: its connections leave no entry, and its port opens nothing", both=True)
def client_role():
    client, server = two_hosts()
    serve(client, 80, addresses=CLIENT.values())
    serve(client, 53, proto="udp", addresses=CLIENT.values())
    serve(server, 2000, 40000)
    serve(server, 2000, proto="udp")
    server.nft(STRICT)
    web = (DNS % "client").replace("udp", "tcp").replace("53", "80").replace("dns", "web")
    Untrack(server, web + DNS % "client").apply()
    equal(finish_all(asked(server, CLIENT, 80) + asked(server, CLIENT, **LARGE)), OPEN * 2,
          "connections out")
    no_entry(server)
    no_entry(server, "udp")
    equal(finish_all([Ask(client, SERVER[f], port, DENIED[f], sport, proto) for f in FAMILIES
                      for proto, sport, port in (("tcp", 80, 2000), ("tcp", 80, 40000),
                                                 ("udp", 53, 2000))]),
          ["silence"] * 6, "from the exempt ports, to ports that listen behind the firewall")


@test("GRE, a protocol without ports: passes and leaves no entry", both=True)
def gre():
    for exempt in (False, True):
        client, server = two_hosts()
        serve_raw(server, socket.IPPROTO_GRE)
        server.nft(STRICT)
        if exempt:
            Untrack(server, "[service tunnel]\nprotocol = gre\n").apply()
        results = finish_all([AskRaw(client, SERVER[f], socket.IPPROTO_GRE) for f in FAMILIES])
        equal(results, OPEN, "exempt" if exempt else "tracked")
        equal(len(tracked(server, "gre")), 0 if exempt else 2, "entries")
