# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies and packets by chance, from the seeds in UNTRACK_SEEDS ("1-200"): every backend, and what
explain says, agree on each packet: tracked or not, accepted or not. Where they do not, the smallest
policy and packet that shows it is printed."""

import functools
import json
import os
import random
import time

from firewalls import TOOLS, words_of
from flows import ECHO, ERRORS, LOCAL, NUMBERS, REMOTE, WITH_PORTS, Packet, Rig
from flows import stay_on_one_processor
from harness import Failure, Untrack, claim, test

BACKENDS = ("nftables", "iptables")
FLOWS = 40  # of one policy; many have a reply or an ICMP error
CHUNK = 10  # policies of one test
SHRINK = 20  # seconds for the search for the smallest
PORTS = ("53", "80", "443", "8000-8010", "33000-33010", "1-1023", "2000, 2002, 2004-2006",
         "40000-50000", "65535", "22, 80, 443, 8080")
PORTLESS = ("gre", "esp", "icmp", "icmpv6", "200", "ipip")
INTERFACES = ("eth0", "eth1", "eth*", "eth0, eth1", "eth*, !eth1", "!eth0", "wg*")
ENDS = {4: {"local": ("192.0.2.10", "192.0.2.0/24", "10.10.0.0/16", "192.0.2.8/30"),
            "remote": ("192.0.2.20", "203.0.112.0/22", "203.0.113.5", "198.51.100.0/24",
                       "10.10.0.16/28")},
        6: {"local": ("2001:db8::10", "2001:db8::/64", "2001:db8:10::1", "2001:db8::10/127"),
            "remote": ("2001:db8::20", "2001:db8:bad::/48", "2001:db8:8000::/33", "2001:db8:2::5",
                       "2001:db8:10::/64")}}
JUDGED = ("tcp", "udp", "icmp", "icmpv6", "gre")  # of others conntrack has ideas of its own
FIREWALLS = ("", """table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        iif "lo" accept
        ct state established,related accept
        ct state invalid drop
        ip saddr 203.0.113.0/24 drop
        ip6 saddr 2001:db8:bad::/48 drop
        tcp dport { 22, 53, 80, 443, 8000-8010 } ct state new accept
        udp dport 0-2005 ct state new accept
        ct state new jump others
    }
    chain others {
        meta l4proto { gre, icmp, ipv6-icmp } accept
        iifname "eth1" udp dport 33000-50000 accept
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname "eth1" ct state new accept
        iifname "eth0" tcp dport { 80, 443 } ct state new accept
        iifname "eth0" meta l4proto { gre, udp } ct state new accept
    }
    chain output {
        type filter hook output priority 0; policy accept;
        ct state invalid drop
        tcp dport 443 ct state new drop
    }
}
""", """table ip filter {
    chain input {
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
        ct state { established, related } accept
        icmp type echo-request accept
        meta l4proto { tcp, udp } ct state new accept
    }
}
table ip6 filter {
    chain output {
        type filter hook output priority 0; policy drop;
        oifname "lo" accept
        ct state established,related accept
        meta l4proto ipv6-icmp accept
        tcp dport { 53, 80 } ct state new accept
        udp dport 1-1023 ct state new accept
    }
    chain forward {
        type filter hook forward priority 10; policy drop;
        ct state established,related,new accept
    }
}
""", """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:others - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -s %denied% -j DROP
-A INPUT -p tcp -m multiport --dports 22,53,80,443,8000:8010 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p udp -m udp --dport 0:2005 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -m conntrack --ctstate NEW -j others
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -i eth0 -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -m conntrack --ctstate INVALID -j DROP
-A OUTPUT -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -j DROP
-A others -p %icmp% -j ACCEPT
-A others -p gre -j ACCEPT
COMMIT
""")
NO_FILTER = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


# Policies: lists of sections, a section is a name and a list of keys with lists of values ----------

def some(r, values, most=2):
    return r.sample(values, r.randint(1, min(most, len(values))))


def addresses(r, kind, family):
    """A list of one family or of both, with exclusions now and then."""
    families = [family] if family else r.choice(([4], [6], [4, 6]))
    found = [a for f in families for a in some(r, ENDS[f][kind])]
    if r.random() < 0.4:
        out = r.choice(ENDS[families[0]][kind])
        found = [a for a in found if a != out] * (r.random() < 0.7) + ["!" + out]
    return found


def service(r, number):
    ports = r.random() < 0.75
    protocols = some(r, WITH_PORTS if ports else PORTLESS)
    role = r.choice(("server", "server", "client", "peer", "router", "router"))
    keys = [("protocol", protocols), ("role", [role])]
    family = {("icmp",): 4, ("icmpv6",): 6}.get(tuple(protocols))
    if ports:
        keys.append(("port", some(r, PORTS)))
    if r.random() < 0.35:
        keys.append(("interface", r.choice(INTERFACES).split(", ")))
    if r.random() < 0.35:
        keys.append(("local", addresses(r, "remote" if role == "router" else "local", family)))
    if r.random() < 0.35:
        keys.append(("remote", addresses(r, "remote", family)))
    return f"service s{number}", keys


def policy(r):
    found = [service(r, i) for i in range(r.choice((1, 1, 2, 3, 5)))]
    if r.random() < 0.2:
        found.append(("interface all", [("name", r.choice((
            ["eth1"], ["eth0", "eth1"], ["*", "!lo"], ["eth*", "!eth0"])))]))
    if r.random() < 0.3:
        found.append(("loopback", [("notrack", [r.choice(("yes", "no"))])]))
    if r.random() < 0.2:
        found.append(("untrack", [("family", [r.choice(("ipv4", "ipv6"))])]))
    return found


def policy_text(sections):
    return "".join(f"[{name}]\n" + "".join(f"{key} = {', '.join(values)}\n"
                                           for key, values in keys) for name, keys in sections)


# Packets ------------------------------------------------------------------------------------------

def near_port(r, lists):
    """A port of some service, or one beside it."""
    if not lists or r.random() < 0.1:
        return r.choice((22, 53, 80, 81, 443, 33005, 45000))
    ends_ = [int(x) for x in ", ".join(r.choice(lists)).replace("-", ", ").split(", ")]
    return min(65535, max(1, r.choice(ends_) + r.choice((0, 0, 0, 0, -1, 1))))


def near_protocol(r, lists, family):
    proto = r.choice(r.choice(lists)) if lists and r.random() < 0.9 else r.choice(list(NUMBERS))
    wrong = "icmpv6" if family == 4 else "icmp"
    return proto if proto != wrong else "icmp" if family == 4 else "icmpv6"


def aim(r, sections):
    """The services to be hit, a way, and whether the service's port is the destination's."""
    services = [dict(keys) for _, keys in sections if keys[0][0] == "protocol"]
    way = r.choice(("in", "out", "forwarded", "loopback"))
    to_port = r.random() < 0.6
    if services and r.random() < 0.7:
        services = [r.choice(services)]
        role = services[0].get("role", ["server"])[0]
        if role == "router":
            way = "forwarded"
        else:
            way = r.choice(("in", "out"))
            to_port = role == "peer" and to_port or (way == "in") == (role == "server")
    return services, way, to_port


def ends(r, way, family):
    """Source, destination, interfaces."""
    near, far = r.sample(("eth0", "eth1"), 2)
    if way == "loopback":
        return *r.choices(LOCAL["lo"][family], k=2), "lo", "lo"
    remote = r.choice(REMOTE[near][family])
    if way == "forwarded":
        return remote, r.choice(REMOTE[far][family]), near, far
    local = r.choice(LOCAL[r.choice(("eth0", "eth1"))][family])
    return (remote, local, near, "") if way == "in" else (local, remote, "", near)


def packet(r, sections, number):
    """The first of a flow of its own: this number is in a port, or in an ICMP id."""
    family = r.choice((4, 6))
    services, way, to_port = aim(r, sections)
    proto = near_protocol(r, [s["protocol"] for s in services], family)
    src, dst, in_, out = ends(r, way, family)
    ports = (0, 0)
    if proto in WITH_PORTS:
        ports = (r.choice((33100, 33100, 61000, 3000)) + number,
                 near_port(r, [s["port"] for s in services if "port" in s]))
        ports = ports if to_port else ports[::-1]
    stage = "stray" if proto == "tcp" and r.random() < 0.3 else "opening"
    return Packet(family, proto, src, dst, *ports, stage, kind=ECHO[family][0], way=way, in_=in_,
                  out=out, tag=number,
                  fragments=r.random() < 0.15 and proto in ("tcp", "udp", "icmp", "icmpv6"))


def flows_of(r, sections):
    """[[packet, its reply or None, an ICMP error about one of them or None]]"""
    found, seen = [], set()
    while len(found) < FLOWS:
        first = packet(r, sections, len(found))
        ends_ = frozenset((first.src, first.dst)), first.proto
        if first.proto not in WITH_PORTS + ("icmp", "icmpv6") and ends_ in seen:
            continue  # one flow for conntrack
        seen.add(ends_)
        reply = first.reply() if r.random() < 0.6 else None
        error = None
        if r.random() < 0.45:
            about = reply if reply and r.random() < 0.4 else first
            error = about.error(r.choice(ERRORS[first.family]), r.random() < 0.15)
        found.append([first, reply, error])
    return found


# The voices ---------------------------------------------------------------------------------------

class Refused(Failure):
    """An apply that must not fail did."""


class Court:
    """One host, and what each voice says about the same packets there."""

    def __init__(self):
        self.rig = Rig()
        self.untrack = Untrack(self.rig.host, "")
        self.firewall = ""

    def guard(self, firewall):
        if firewall == self.firewall:
            return
        self.untrack.run("remove")
        if self.firewall.startswith("*"):
            self.restore(NO_FILTER)
        legacy = firewall.startswith("*")
        self.rig.host.nft("flush ruleset\n" + firewall * (not legacy))
        if legacy:
            self.restore(firewall)
        self.firewall = firewall

    def restore(self, save):
        for family, tool in TOOLS.items():
            self.rig.host.run(f"{tool}-legacy-restore", stdin=words_of(save, family))

    def explained(self, flows, backend):
        """{number: (untracked, verdict)}; numbers as in steps_of(). Of the firewall, which is the
        same for every backend, the first one tells."""
        live = ["--live"] * (backend == BACKENDS[0])
        lines, numbers = [], []
        for i, (first, reply, error) in enumerate(flows):
            lines.append(first.text())
            numbers.append((3 * i + 1, 3 * i + 2))
            if error:
                lines.append(error.text())
                numbers.append((3 * i + 3,))
        done = self.untrack.run("--backend", backend, "explain", str(self.untrack.dir), "-",
                                *live, "--json", stdin="\n".join(lines) + "\n")
        claim(done.returncode == 0, f"explain: {done.stderr}")
        found = {}
        for flow, places in zip(json.loads(done.stdout)["flows"], numbers):
            for number, said in zip(places, flow["packets"]):
                found[number] = said["untracked"], said.get("verdict", "maybe")
        return found

    def hear(self, sections, flows):
        """{voice: {number: (untracked, accepted)}}; None: the policy is not valid."""
        self.untrack.configure(policy_text(sections))
        found = {}
        for backend in BACKENDS:
            done = self.untrack.run("--backend", backend, "apply", "--force", "--no-drain")
            if done.returncode == 2:
                return None
            if done.returncode:
                raise Refused(f"apply with {backend}: status {done.returncode}\n{done.stderr}")
            found[f"explain of {backend}"] = self.explained(flows, backend)
            found[backend] = self.rig.results(steps_of(flows))
        return found


def steps_of(flows):
    return [{3 * i + 1 + k: flow[k] for i, flow in enumerate(flows) if flow[k]} for k in range(3)]


def is_judged(results, explained, flows, number):
    """Does explain know what conntrack will say? Only of what follows a packet that went through,
    and of errors only where not just one direction is tracked, and that one not seen."""
    first, reply, error = flows[(number - 1) // 3]
    at = (number - 1) // 3 * 3
    if first.proto not in JUDGED:
        return False
    if number == at + 1:
        return True
    if number == at + 3 and error.about is reply and not results[at + 2][1]:
        return False
    if number == at + 3 and results[at + 1][0] and not explained.get(at + 2, (True,))[0]:
        return False
    return results[at + 1][1]


def explain_agrees(results, explained, flows, number):
    untracked, verdict = explained[number]
    if untracked != results[number][0]:
        return False
    return (verdict == "maybe" or not is_judged(results, explained, flows, number)
            or (verdict == "accepted") == results[number][1])


def disagreements(voices, flows):
    """[(number, what each voice says)]"""
    found, first = [], voices[BACKENDS[0]]
    for number in first:
        same = all(voices[name][number] == first[number] for name in BACKENDS)
        if not same or not all(
                explain_agrees(voices[name], voices[f"explain of {name}"], flows, number)
                for name in BACKENDS):
            found.append((number, {name: voices[name][number] for name in voices}))
    return found


def fewer(sections):
    """Policies with one section, one key or one value less."""
    for i, (name, keys) in enumerate(sections):
        yield sections[:i] + sections[i + 1:]
        for k, (key, values) in enumerate(keys):
            if key not in ("protocol", "port"):
                yield sections[:i] + [(name, keys[:k] + keys[k + 1:])] + sections[i + 1:]
            for v in range(len(values)):
                less = [(key, values[:v] + values[v + 1:])]
                if less[0][1]:
                    yield sections[:i] + [(name, keys[:k] + less + keys[k + 1:])] + sections[i + 1:]


def smallest(court, sections, flow):
    """The smallest policy by which the voices disagree about this flow, or cannot be heard at all,
    and how it shows."""
    def disagree(candidate):
        try:
            voices = court.hear(candidate, [flow]) if candidate else None
        except Refused as e:
            return str(e)
        return disagreements(voices, [flow]) if voices else None

    found, again, end = disagree(sections), True, time.monotonic() + SHRINK
    while again and found:
        again = False
        for candidate in fewer(sections):
            less = disagree(candidate) if time.monotonic() < end else None
            if less:
                sections, found, again = candidate, less, True
                break
    return sections, found


def words(said):
    untracked, accepted = said
    if isinstance(accepted, bool):
        accepted = "accepted" if accepted else "not accepted"
    return f"{'untracked' if untracked else 'tracked'}, {accepted}"


def tell(court, seed, sections, flows, found):
    flow = flows[(found[0][0] - 1) // 3]
    fault = f"seed {seed}: {len(found)} packets of {sum(map(len, steps_of(flows)))}"
    less, again = smallest(court, sections, flow)
    if not again:
        fault += "; alone it does not show"
        less, again, flow = sections, found[:1], flow
    packets = "".join(f"{p.text()}{' (in fragments)' * p.fragments}\n" for p in flow if p)
    return (f"{fault}\nthe smallest policy:\n{policy_text(less)}the packets:\n{packets}"
            + "".join(f"packet {(number - 1) % 3 + 1} of them: {voice}: {words(s)}\n"
                      for number, said in again for voice, s in said.items())
            + court.firewall)


def tell_refusal(court, seed, sections, flows):
    less, why = smallest(court, sections, flows[0])
    return f"seed {seed}, the smallest policy:\n{policy_text(less)}{why}{court.firewall}"


def by_chance(seeds):
    """Many policies on one host; those that are not valid are passed over."""
    stay_on_one_processor()
    court, tried = Court(), 0
    for seed in sorted(seeds, key=lambda seed: seed % len(FIREWALLS)):
        r = random.Random(f"backends {seed}")
        court.guard(FIREWALLS[seed % len(FIREWALLS)])
        voices = None
        while not voices:
            sections = policy(r)
            flows = flows_of(r, sections)
            tried += 1
            try:
                voices = court.hear(sections, flows)
            except Refused as e:
                raise Failure(tell_refusal(court, seed, sections, flows)) from e
        found = disagreements(voices, flows)
        if found:
            raise Failure(tell(court, seed, sections, flows, found))
    claim(tried < 4 * len(seeds), f"{tried} policies for {len(seeds)} that are valid")


def chunks():
    first, _, last = os.environ.get("UNTRACK_SEEDS", "1-200").partition("-")
    first, last = int(first), int(last or first)
    return [range(i, min(i + CHUNK, last + 1)) for i in range(first, last + 1, CHUNK)]


for chunk in chunks():
    test(f"every backend and explain agree by chance: seeds {chunk[0]}-{chunk[-1]}")(
        functools.partial(by_chance, chunk))
