# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic through a gateway, path MTU, and exempt interfaces."""

from harness import Untrack, claim, equal, no_entry, ruleset, test, tracked
from lab import Host, link, three_hosts, two_hosts
from netlink import entries
from traffic import (CLIENT, CLIENT_LAN, FAMILIES, SERVER, SERVER_LAN, Ask, Talk, finish_all,
                     serve)

WAN, LAN = CLIENT, CLIENT_LAN  # the addresses of three_hosts
OPEN = ["answer", "answer"]
CLOSED = ["silence", "silence"]
BULK = 200_000

SERVICE = """
[service web]
protocol = tcp
port = 80
role = %s
"""

# Every ICMP error depends on the class RELATED, or on its twin: nothing else lets it in.
STRICT = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state established,related accept
        ct state invalid counter drop
        tcp dport { 80, 443 } ct state new accept
    }
}"""


def asks(host, addresses, ports, **kwargs):
    return [Ask(host, addresses[f], port, **kwargs) for port in ports for f in FAMILIES]


@test("path MTU: a large answer through a smaller link arrives", both=True)
def path_mtu():
    client, _, server = three_hosts(mtu=1300)
    serve(server, 80, 443)
    server.nft(STRICT)
    untrack = Untrack(server, SERVICE % "server")
    untrack.apply()
    equal(finish_all(asks(client, WAN, (80,), size=BULK), 3), OPEN, f"{BULK} bytes, exempt")
    for f in FAMILIES:
        route = server.run("ip", "route", "get", LAN[f]).stdout
        claim("mtu 1300" in route, f"no path MTU was learnt, the test proves nothing: {route}")
    no_entry(server, port=80)
    equal(finish_all(asks(client, WAN, (443,), size=BULK), 3), OPEN, f"{BULK} bytes, tracked")


@test("path MTU: an exempt flow's ICMP errors pass a router that drops by default", both=True)
def path_mtu_router():
    near, gateway, wan = three_hosts()
    far = Host()
    link(near, "eth1", "10.20.0.1/24 2001:db8:20::1/64",
         far, "eth0", "10.20.0.20/24 2001:db8:20::20/64")
    near.ip("link set eth1 mtu 1300")
    far.ip("route add default via 10.20.0.1", "route add default via 2001:db8:20::1")
    gateway.ip("route add 10.20.0.0/24 via 10.10.0.20",
               "route add 2001:db8:20::/64 via 2001:db8:10::20")
    near.forward()
    serve(wan, 80)
    gateway.nft(ROUTER)
    Untrack(gateway, SERVICE % "router").apply()
    equal(finish_all(asks(far, WAN, (80,), size=BULK), 3), OPEN, f"{BULK} bytes")
    for address in ("10.20.0.20", "2001:db8:20::20"):
        route = wan.run("ip", "route", "get", address).stdout
        claim("mtu 1300" in route, f"no path MTU was learnt, the test proves nothing: {route}")
    no_entry(gateway, port=80)


GATEWAY = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state vmap { invalid : drop, established : accept, related : accept }
        iifname "eth0" tcp dport { 22, 80 } ct state new accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state vmap { invalid : drop, established : accept, related : accept }
        iifname "eth1" oifname "eth0" accept
    }
}
table inet nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" masquerade
    }
}"""


@test("a gateway's masqueraded clients reach port 80 of the outside", both=True)
def masquerade():
    lan, gateway, wan = three_hosts()
    serve(wan, 80)
    serve(gateway, 22, 80)
    gateway.nft(GATEWAY)
    for step in ("tracked", "exempt"):
        if step == "exempt":
            Untrack(gateway, SERVICE % "server").apply()
        equal(finish_all(asks(lan, WAN, (80,))), OPEN, f"LAN to the outside's port 80, {step}")
        equal(finish_all(asks(wan, SERVER, (22, 80))), OPEN * 2, f"outside to the gateway, {step}")
    clients = [e for e in tracked(gateway, port=80) if e.src in LAN.values()]
    claim(len(clients) >= 2, "the masqueraded connections have no entry")
    equal([e for e in tracked(gateway, port=80) if e.dst in SERVER.values()], [],
          "entries of the gateway's own port 80")


ROUTER = """table inet filter {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iifname "eth1" oifname "eth0" tcp dport { 80, 443 } ct state new accept
    }
}"""


@test("role router: forwarded through drop-by-default, no entry, nothing more opened", both=True)
def router():
    lan, gateway, wan = three_hosts()
    for host in (lan, wan, gateway):
        serve(host, 80, 443, 8080)
    gateway.nft(ROUTER)
    untrack = Untrack(gateway, SERVICE % "router")
    talks = [Talk(lan, WAN[f], 80) for f in FAMILIES]
    untrack.apply()
    equal([t.alive() for t in talks], [True, True], "live connections after apply")
    equal(finish_all(asks(lan, WAN, (80, 443, 8080)) + asks(wan, LAN, (80,))),
          OPEN + OPEN + CLOSED + CLOSED, "out to 80, 443, 8080; in to 80")
    no_entry(gateway, port=80)
    equal(len(tracked(gateway, port=443)), 2, "entries of port 443")
    equal(finish_all(asks(lan, SERVER_LAN, (80,))), OPEN, "the gateway's own port 80")
    equal(len(tracked(gateway, port=80)), 2, "entries of the gateway's own port 80")
    untrack.remove()
    equal([t.alive() for t in talks], [True, True], "live connections after remove")


STORAGE = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state established,related accept
        ct state invalid drop
        tcp dport 3260 ct state new accept
    }
    chain output {
        type filter hook output priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state established,related accept
        ct state invalid drop
        tcp dport 3260 ct state new accept
        udp dport 2049 ct state new accept
    }
}"""


@test("an exempt interface: everything through it works and leaves no entry", both=True)
def interface():
    client, server = two_hosts()
    serve(server, 22, 3260)
    serve(client, 22, 3260)
    serve(client, 2049, proto="udp")
    server.nft(STORAGE)
    Untrack(server, "[interface storage]\nname = eth1, eth9\n").apply()
    equal(finish_all(asks(client, SERVER_LAN, (22, 3260))), CLOSED + OPEN, "in to 22, 3260")
    equal(finish_all(asks(server, CLIENT_LAN, (22, 3260))), CLOSED + OPEN, "out to 22, 3260")
    equal(finish_all(asks(server, CLIENT_LAN, (2049,), proto="udp")), OPEN, "out to udp 2049")
    equal([e for e in entries(server) if {e.src, e.dst} & set(CLIENT_LAN.values())], [],
          "entries through eth1")
    equal(finish_all(asks(client, SERVER, (22, 3260))), CLOSED + OPEN, "in through eth0")
    equal(len(tracked(server, port=3260)), 2, "entries through eth0")


@test("a service on one interface is exempt there and tracked elsewhere", both=True)
def service_on_interface():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(ruleset("stateful-new"))
    Untrack(server, SERVICE % "server" + "interface = eth*, !eth1\n").apply()
    equal(finish_all(asks(client, SERVER, (80,)) + asks(client, SERVER_LAN, (80,))), OPEN * 2,
          "both interfaces")
    equal({e.dst for e in tracked(server, port=80)}, set(SERVER_LAN.values()), "entries")


@test("a service of some addresses is exempt for them and tracked for others", both=True)
def service_on_addresses():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server, SERVICE % "server" + "local = 192.0.2.10, 2001:db8::10\n"
                      "remote = !203.0.113.0/24, !2001:db8:bad::/48\n")
    untrack.apply()
    sources = {4: "203.0.113.5", 6: "2001:db8:bad::5"}
    finish = finish_all(asks(client, SERVER, (80,)) + asks(client, SERVER_LAN, (80,))
                        + [Ask(client, SERVER[f], 80, sources[f]) for f in FAMILIES])
    equal(finish, OPEN * 3, "all of them")
    equal({(e.src, e.dst) for e in tracked(server, port=80)},
          {(CLIENT_LAN[f], SERVER_LAN[f]) for f in FAMILIES}
          | {(sources[f], SERVER[f]) for f in FAMILIES}, "entries")
