# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack facts on live hosts, and check against what it wrote."""

import json
import pathlib
import socket

from harness import RULESETS, WEB, Untrack, claim, equal, ruleset, same_text, test
from lab import Host, link, three_hosts, two_hosts
from traffic import CLIENT, FAMILIES, SERVER, Ask, finish_all, serve

TABLES = ("ip_tables_names", "ip6_tables_names", "arp_tables_names")


def facts(untrack, *options):
    return json.loads(untrack.expect(0, "-q", *options, "facts"))


def traces(host):
    """All that a careless reader leaves behind."""
    with host:
        names = [(name, pathlib.Path(f"/proc/thread-self/net/{name}").read_text("ascii"))
                 for name in TABLES if pathlib.Path(f"/proc/thread-self/net/{name}").exists()]
        settings = {p.name: p.read_text("ascii")
                    for p in sorted(pathlib.Path("/proc/sys/net/netfilter").glob("nf_*"))
                    if p.is_file()}
    return host.listing(), names, settings


@test("facts: an empty host stays as empty, and does not begin to track")
def empty():
    client, server = two_hosts()
    serve(server, 80)
    untrack = Untrack(server)
    before = traces(server)
    told = facts(untrack)
    same_text(str(traces(server)), str(before), "the host")
    claim(not any(names for _, names in traces(server)[1]), "no table of iptables")
    equal(told["firewall"], {}, "its firewall")
    untrack.expect(0, "check", "--live")
    same_text(str(traces(server)), str(before), "the host after check")
    # Nothing is tracked, which it would be had anything been switched on.
    equal(finish_all([Ask(client, SERVER[f], 80) for f in FAMILIES]), ["answer"] * 2, "talk")
    same_text(str(traces(server)), str(before), "the host after traffic")


@test("facts: a host with rules keeps them, byte by byte")
def untouched():
    for name in ("stateful-new", "meter-new", "bridge-netdev"):
        host = Host()
        host.nft(ruleset(name))
        before = traces(host)
        facts(Untrack(host))
        same_text(str(traces(host)), str(before), name)


@test("facts: links, addresses, forwarding, settings and ports are those of the host")
def host_members():
    host, other = Host(), Host()
    link(host, "eth0", "192.0.2.1/24 2001:db8::1/64", other, "eth0", "192.0.2.2/24")
    host.sysctl("net/ipv4/ip_local_port_range", "20000 30000")
    host.sysctl("net/ipv4/ip_local_reserved_ports", "20001,20005-20010")
    host.sysctl("net/netfilter/nf_conntrack_udp_timeout", 17)
    told = facts(Untrack(host))
    equal(told["ephemeral"], {"lo": 20000, "hi": 30000}, "ephemeral")
    equal(told["reserved"], [{"lo": 20001, "hi": 20001}, {"lo": 20005, "hi": 20010}], "reserved")
    equal([i["name"] for i in told["interfaces"]], ["lo", "eth0"], "interfaces")
    claim("forwards" not in told and not any(len(i) > 1 for i in told["interfaces"]), "no router")
    at = {a["address"]: a["interface"] for a in told["addresses"]}
    equal({a: at.get(a) for a in ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1")},
          {"127.0.0.1": "lo", "::1": "lo", "192.0.2.1": "eth0", "2001:db8::1": "eth0"}, "addresses")
    equal({s["name"]: s["value"] for s in told["sysctls"]}["nf_conntrack_udp_timeout"], 17,
          "sysctls")
    host.sysctl("net/ipv4/conf/eth0/forwarding", 1)
    told = facts(Untrack(host))
    equal(told["interfaces"][1], {"name": "eth0", "forwards4": True}, "eth0 alone")
    host.forward()
    told = facts(Untrack(host))
    equal(told["interfaces"], [{"name": n, "forwards4": True, "forwards6": True}
                               for n in ("lo", "eth0")], "a router")
    claim(told["forwards"], "forwards")


def bound(host, family, kind, address, port, listen=True, only6=False):
    with host:
        s = socket.socket(family, kind)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only6)
        s.bind((address, port))
        if listen and kind == socket.SOCK_STREAM:
            s.listen()
    return s


@test("facts: what listens, and nothing that is connected")
def listeners():
    host = Host()
    stream, dgram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    keep = [bound(host, socket.AF_INET, stream, "127.0.0.1", 80),
            bound(host, socket.AF_INET, stream, "0.0.0.0", 81),
            bound(host, socket.AF_INET6, stream, "::1", 82, only6=True),
            bound(host, socket.AF_INET6, stream, "::", 83),
            bound(host, socket.AF_INET, stream, "127.0.0.1", 84, listen=False),
            bound(host, socket.AF_INET, dgram, "127.0.0.1", 53),
            bound(host, socket.AF_INET6, dgram, "::", 54)]
    with host:
        for i in range(40):  # of one another: more than one piece of the kernel's list
            keep.append(socket.create_connection(("127.0.0.1", 80)))
        keep.append(socket.socket(socket.AF_INET, dgram))
        keep[-1].connect(("127.0.0.1", 53))
    told = facts(Untrack(host))["listeners"]
    equal(sorted((e["proto"], e["address"], e["port"], e.get("both", False)) for e in told),
          [(6, "0.0.0.0", 81, False), (6, "127.0.0.1", 80, False), (6, "::", 83, True),
           (6, "::1", 82, False), (17, "127.0.0.1", 53, False), (17, "::", 54, True)], "listeners")


@test("facts: translated connections, counted by what they have in common")
def translated():
    client, router, wan = three_hosts()
    serve(wan, 8080)
    router.nft("table inet nat { chain pre { type nat hook prerouting priority dstnat; "
               "tcp dport 80 dnat ip to " + CLIENT[4] + ":8080; }; }")
    serve(router, 22)
    gateway = told_addresses(router, client)
    equal(finish_all([Ask(client, gateway, 80) for _ in range(3)]), ["answer"] * 3, "published")
    equal(finish_all([Ask(client, gateway, 22)]), ["answer"], "its own")
    told = facts(Untrack(router))["nat"]
    equal(told, [{"family": "ipv4", "proto": 6, "dport": 80, "dst-local": True,
                  "reply-sport": 8080, "entries": 3}], "translated")


def told_addresses(router, client):
    """The router's IPv4 address that its client can reach."""
    route = client.run("ip", "-4", "route", "show", "default").stdout.split()
    return route[route.index("via") + 1]


@test("check --facts says what check --live says, on every ruleset")
def same_answers():
    for name in sorted(p.stem for p in RULESETS.glob("*.nft")):
        host = Host()
        host.nft(ruleset(name))
        untrack = Untrack(host)
        file = untrack.dir / "facts.json"
        file.write_text(untrack.expect(0, "-q", "facts"), encoding="utf-8")
        live = untrack.run("check", "--live")
        done = untrack.run("check", "--facts", str(file))
        equal(done.returncode, live.returncode, f"{name}: exit status")
        same_text(done.stdout + done.stderr, live.stdout + live.stderr, name)
        claim(done.returncode in (0, 1), f"{name}: {done.stderr}")


@test("check: findings name the host where several are asked, and are the same that apply has")
def several_hosts():
    good, bad = Host(), Host()
    good.nft(ruleset("stateful-new"))
    bad.nft(ruleset("negated"))
    untrack = Untrack(good, WEB + "[service old]\nprotocol = tcp\nport = 81\nkeepalive = 9s\n"
                      "upstream-timeout = 5s\n")
    for host, name in ((good, "good"), (bad, "bad")):
        text = facts(Untrack(host))
        text["host"] = name
        (untrack.dir / f"{name}.json").write_text(json.dumps(text), encoding="ascii")
    said = untrack.expect(1, "check", "--facts", str(untrack.dir / "good.json"), "--facts",
                          str(untrack.dir / "bad.json"))
    claim("error: bad: " in said and "error: good: " not in said, said)
    claim("[state-negated]" in said, said)
    equal(said.count("[upstream-timeout]"), 1, "what is common is said once: " + said)
    claim("good: 1" in said or "good: 2" in said, said)
    other = Untrack(bad, WEB)
    alone = other.expect(1, "check", "--live")
    claim("bad: " not in alone and "[state-negated]" in alone, alone)
    claim("[state-negated]" in other.expect(3, "apply"), "apply refuses as well")


@test("check --facts: one file that cannot be read is exit status 2, the others are checked")
def unreadable():
    host = Host()
    untrack = Untrack(host)
    file = untrack.dir / "facts.json"
    file.write_text(untrack.expect(0, "-q", "facts"), encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    broken = untrack.dir / "broken.json"
    broken.write_text(text[:len(text) // 2], encoding="utf-8")
    said = untrack.expect(2, "check", "--facts", str(broken), "--facts", str(file))
    claim("broken.json:" in said and "rules, 0 twins" in said, said)
    claim("No such file" in untrack.expect(2, "check", "--facts", str(untrack.dir / "none")), "none")


@test("facts without privileges: what can be had, and what is missing is said")
def unprivileged():
    host = Host()
    host.nft(ruleset("stateful-new"))
    untrack = Untrack(host)
    done = host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                    *untrack.command("facts"), check=False)
    equal(done.returncode, 2, "exit status: " + done.stderr)
    told = json.loads(done.stdout)
    claim("firewall" not in told and told["unread"][0].startswith("firewall: "), str(told))
    claim("interfaces" in told and "sysctls" in told, "the rest is there")
    file = untrack.dir / "facts.json"
    file.write_text(done.stdout, encoding="utf-8")
    said = untrack.expect(2, "check", "--facts", str(file))
    claim("not among its facts" in said, said)
