# SPDX-License-Identifier: GPL-2.0-or-later
"""Many ports and many services: every one of them is exempt, and none beside them."""

from harness import Untrack, claim, equal, test, tracked
from lab import two_hosts
from netlink import generation
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

FIREWALL = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state established,related accept
        tcp dport 5000-30000 ct state new accept
    }
}"""
PORTS = list(range(5001, 25001, 2))  # 10,000 and no two in a row
PROBES = (PORTS[0], PORTS[1], PORTS[3903], PORTS[3904], PORTS[4095], PORTS[8192], PORTS[-1])


def check(config):
    client, server = two_hosts()
    neighbours = sorted({p + 1 for p in PROBES})
    serve(server, *PROBES, *neighbours)
    server.nft(FIREWALL)
    untrack = Untrack(server, config)
    untrack.apply()
    results = finish_all([Ask(client, SERVER[f], port) for f in FAMILIES
                          for port in (*PROBES, *neighbours)])
    equal(set(results), {"answer"}, "connections")
    equal(sorted({e.dport for e in tracked(server)}), neighbours, "tracked ports")
    before = generation(server)
    claim("unchanged: " in untrack.apply(), "what was read back is not what was written")
    equal(generation(server), before, "generation id")


@test("10,000 scattered ports are exempt, the ports between them are not", both=True)
def many_ports():
    lines = [", ".join(map(str, PORTS[i:i + 25])) for i in range(0, len(PORTS), 25)]
    check("[service many]\nprotocol = tcp\nport = " + ",\n  ".join(lines) + "\n")


@test("1,000 services are exempt, the ports between them are not", both=True)
def many_services():
    ports = sorted({*PROBES, *PORTS[:993]})
    check("".join(f"[service s{p}]\nprotocol = tcp\nport = {p}\n" for p in ports))
