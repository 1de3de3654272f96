# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of packet that a firewall may judge, and what becomes of it: a scene is a few hosts,
one of them with the firewall, and answers() is {kind of packet: result}."""

from harness import tracked
from lab import far_host, syn_once, three_hosts, two_hosts
from netlink import entries
from traffic import (CLIENT, CLIENT_LAN, DENIED, FAMILIES, LOOPBACK, SERVER, SERVER_LAN, Ask, Echo,
                     Stray, finish_all, serve)

FAR = {4: "198.51.100.5", 6: "2001:db8:2::5"}
NOWHERE = {4: "198.51.100.99", 6: "2001:db8:2::99"}
BIG = 40000  # bytes of an answer: more than one packet, more than a small MTU
STRAYS = ("ack", "rst", "fin", "syn ack", "fin ack", "")


def addresses_of(host_addresses):
    return {address for by_family in host_addresses for address in by_family.values()}


def settle(asks, patience=None):
    """{kind: result} of {kind: question}, all of them at once."""
    results = finish_all(asks.values(), patience) if patience else finish_all(asks.values())
    return dict(zip(asks, results))


def rows(host, addresses, ports, length=10):
    """Many new connections in a row, for what limits them."""
    asks = {(f, port): [Ask(host, addresses[f], port) for _ in range(length)]
            for port in ports for f in FAMILIES}
    results = iter(finish_all([ask for row in asks.values() for ask in row]))
    return {f"IPv{f} in a row to {port}": " ".join(next(results) for _ in row)
            for (f, port), row in asks.items()}


def strays(host, sources, destinations, ports, kinds=STRAYS):
    """TCP packets of no connection."""
    return settle({f"IPv{f} {who} stray {flags or 'null'} {port}":
                   Stray(host, source[f], destinations[f], port, flags)
                   for f in FAMILIES for who, source in sources.items() for port in ports
                   for flags in kinds}, 0.3)


class Talks:
    """Established connections: do they live until the end?"""

    def __init__(self, host, addresses, ports):
        self.asks = {f"IPv{f} established {port}": Ask(host, addresses[f], port, keep=True)
                     for f in FAMILIES for port in ports}
        self.first = settle(self.asks)

    def answers(self):
        for ask in self.asks.values():
            ask.again()
        return {kind: f"{self.first[kind]}, then {result}"
                for kind, result in settle(self.asks).items()}


class Server:
    """The firewall's host offers services to a client at its other end, to one on a second cable,
    to one behind a narrow path, and to itself; and it asks others."""

    def __init__(self, load, port=80):
        self.port, self.ports = port, tuple(dict.fromkeys((22, 25, 80, 443, port)))
        self.client, self.host = two_hosts()
        self.far = far_host(self.client, self.host)
        syn_once(self.client, self.far)
        serve(self.host, *self.ports)
        serve(self.client, 80, 443, 8081)
        for host in (self.host, self.client):
            serve(host, 53, 123, proto="udp")
        load(self.host)

    def incoming(self, f):
        asks = {}
        for who, source in (("allowed", CLIENT), ("denied", DENIED)):
            for port in self.ports:
                asks[f"{who} tcp {port}"] = Ask(self.client, SERVER[f], port, source[f])
            for port in (53, 123):
                asks[f"{who} udp {port}"] = Ask(self.client, SERVER[f], port, source[f],
                                                proto="udp")
            asks[f"{who} ping"] = Echo(self.client, SERVER[f], source[f])
        for port in (22, self.port):
            asks[f"second cable tcp {port}"] = Ask(self.client, SERVER_LAN[f], port,
                                                   CLIENT_LAN[f])
        asks[f"narrow path tcp {self.port}"] = Ask(self.far, SERVER[f], self.port, size=BIG)
        return asks

    def outgoing(self, f):
        asks = {f"out tcp {port}": Ask(self.host, CLIENT[f], port) for port in (80, 443, 8081)}
        asks |= {f"out udp {port}": Ask(self.host, CLIENT[f], port, proto="udp")
                 for port in (53, 123)}
        asks |= {f"out unreachable tcp {port}": Ask(self.host, NOWHERE[f], port)
                 for port in (80, 443)}
        asks |= {f"out refused udp {port}": Ask(self.host, FAR[f], port, proto="udp")
                 for port in (53, 123)}
        asks |= {f"loopback tcp {port}": Ask(self.host, LOOPBACK[f], port)
                 for port in (25, self.port)}
        return asks | {"out refused tcp 80": Ask(self.host, FAR[f], 80),
                       "out ping": Echo(self.host, CLIENT[f]),
                       "loopback udp 53": Ask(self.host, LOOPBACK[f], 53, proto="udp")}

    def answers(self):
        talks = Talks(self.client, SERVER, (22, self.port))
        found = settle({f"IPv{f} {kind}": ask for f in FAMILIES
                        for kind, ask in (self.incoming(f) | self.outgoing(f)).items()})
        found |= rows(self.client, SERVER, (22, self.port))
        # Last, for limits on new connections count them while tracked.
        found |= strays(self.client, {"allowed": CLIENT, "denied": DENIED}, SERVER,
                        (25, self.port))
        return found | talks.answers()

    def served(self, proto, port):
        """Entries of a service of this host, but for loopback."""
        own = addresses_of((SERVER, SERVER_LAN))
        return [e for e in tracked(self.host, proto, port)
                if (e.dst in own and e.dport == port) or (e.src in own and e.sport == port)]

    def asked(self, proto, port):
        """Entries of questions that this host puts to others."""
        own = addresses_of((SERVER, SERVER_LAN))
        return [e for e in tracked(self.host, proto, port)
                if (e.src in own and e.dport == port) or (e.dst in own and e.sport == port)]

    def looped(self):
        return [e for e in entries(self.host) if e.src in LOOPBACK.values()]


class Router:
    """The firewall's host forwards, questions outwards and questions inwards."""

    def __init__(self, load, port=80, name="eth1", net="10.10.0"):
        self.port, ports = port, tuple(dict.fromkeys((22, 25, 80, 443, port)))
        self.lan, self.host, self.wan = three_hosts(1280, name, net)
        self.lan_addresses = {4: f"{net}.20", 6: CLIENT_LAN[6]}
        self.gateway = {4: f"{net}.1", 6: SERVER_LAN[6]}
        syn_once(self.lan, self.wan)
        for host in (self.lan, self.host, self.wan):
            serve(host, *ports)
            serve(host, 53, proto="udp")
        load(self.host)

    def across(self, f):
        asks = {}
        for way, host, there in (("outwards", self.lan, CLIENT),
                                 ("inwards", self.wan, self.lan_addresses)):
            for port in (22, 25, 80, 443):
                asks[f"{way} tcp {port}"] = Ask(host, there[f], port)
            asks[f"{way} udp 53"] = Ask(host, there[f], 53, proto="udp")
            asks[f"{way} ping"] = Echo(host, there[f])
            asks[f"{way} much tcp 80"] = Ask(host, there[f], 80, size=BIG)
        for port in (22, 80, self.port):
            asks[f"lan to gateway tcp {port}"] = Ask(self.lan, self.gateway[f], port)
            asks[f"wan to gateway tcp {port}"] = Ask(self.wan, SERVER[f], port)
        return asks

    def answers(self):
        talks = Talks(self.lan, CLIENT, (22, 80))
        found = settle({f"IPv{f} {kind}": ask for f in FAMILIES
                        for kind, ask in self.across(f).items()})
        found |= rows(self.lan, CLIENT, (80,))
        found |= strays(self.lan, {"lan": self.lan_addresses}, CLIENT, (25, 80))
        return found | talks.answers()

    def forwarded(self, proto, port):
        """Entries of what passes through."""
        return [e for e in tracked(self.host, proto, port)
                if not {e.src, e.dst} & addresses_of((SERVER, self.gateway))]
