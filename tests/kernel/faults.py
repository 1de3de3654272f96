# SPDX-License-Identifier: GPL-2.0-or-later
"""A server with firewalls of every kind, commands that are broken there, and what must be left."""

import collections
import os
import re
import subprocess
import threading
import time

import lab
from harness import (PROGRAM, SAVES, WEB, Failure, Skip, Untrack, claim, equal, legacy_tables,
                     same_text, tracked)
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

HERE = os.path.dirname(PROGRAM)
FAULT, NO_MEMORY = f"{HERE}/fault", f"{HERE}/no_memory.so"
KILLED, BROKEN = 128 + 9, 125
API = WEB + "[service api]\nprotocol = tcp\nport = 443\n"
CONFIGS = {"nothing": "", "web": WEB, "api": API}
PORTS = (22, 80, 443)

# The last rule of a chain counts what of the management port nobody has let through.
NFT = """table inet filter {
    set denied4 { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }
    counter strays { packets 3 bytes 99; }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related counter packets 11 bytes 1100 accept
        iif lo accept
        meta l4proto { icmp, ipv6-icmp } accept
        ip saddr @denied4 counter packets 7 bytes 700 drop
        tcp dport 22 ct state new counter packets 2 bytes 120 accept
        ct state new jump services
        udp dport 9 counter name "strays"
        tcp dport 22 counter packets 0 bytes 0 drop comment "lost"
    }
    chain services { tcp dport { 80, 443 } counter packets 5 bytes 300 accept; }
    chain output {
        type filter hook output priority filter; policy accept;
        ct state invalid counter packets 4 bytes 400 drop
    }
}
table inet others {
    map marks { type inet_service : mark; elements = { 22 : 0x00000001, 25 : 0x00000002 }; }
    chain early { type filter hook prerouting priority raw - 5; tcp dport 25 notrack; }
}
table arp quiet { chain in { type filter hook input priority 0; }; }
"""
IPTABLES = """*raw
:PREROUTING ACCEPT [21:2100]
:OUTPUT ACCEPT [22:2200]
[4:400] -A PREROUTING -p udp -m udp --dport 9 -j CT --notrack
COMMIT
*mangle
:PREROUTING ACCEPT [11:1100]
:INPUT ACCEPT [12:1200]
:FORWARD ACCEPT [13:1300]
:OUTPUT ACCEPT [14:1400]
:POSTROUTING ACCEPT [15:1500]
[1:64] -A PREROUTING -i wg+ -p udp -m udp --dport 53 -j TOS --set-tos 0x10/0x3f
COMMIT
*filter
:INPUT DROP [7:700]
:FORWARD DROP [8:800]
:OUTPUT ACCEPT [9:900]
:services - [0:0]
[5:500] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[6:60] -A INPUT -p {icmp} -j ACCEPT
[6:60] -A INPUT -s {denied} -j DROP
[3:180] -A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
[4:240] -A INPUT -p tcp -m conntrack --ctstate NEW -j services
[0:0] -A INPUT -p tcp -m tcp --dport 22 -m comment --comment lost -j DROP
[1:60] -A services -p tcp -m multiport --dports 80,443 -j ACCEPT
[2:120] -A services -j RETURN
COMMIT
"""
DENIED = {"iptables": "203.0.113.0/24", "ip6tables": "2001:db8:bad::/48"}
ICMP = {"iptables": "icmp", "ip6tables": "ipv6-icmp"}


def need_helpers():
    for name in (FAULT, NO_MEMORY):
        if not os.access(name, os.R_OK):
            raise Skip(f"{name} is not built: make {os.path.relpath(name)}")


class Talker:
    """A connection to the management port that is never silent."""

    def __init__(self, client, address):
        self.ask, self.answers, self.fault = Ask(client, address, 22, keep=True, size=8), 0, None
        threading.Thread(target=self.talk, daemon=True).start()

    def talk(self):
        while True:
            finish_all([self.ask], 30)
            if self.ask.result != "answer":
                self.fault = self.ask.result
                return
            self.answers += 1
            time.sleep(0.01)
            self.ask.again()

    def claim_alive(self, when):
        had, end = self.answers, time.monotonic() + 5
        while self.answers < had + 2 and not self.fault and time.monotonic() < end:
            time.sleep(0.002)
        claim(self.answers >= had + 2, f"{when}: port 22: {self.fault or 'silence'}")


def load(server, legacy=True):
    """The firewalls: nft's, iptables-nft's and iptables-legacy's, each of which must let it pass."""
    server.nft(NFT)
    for form in ("nft", "legacy") if legacy else ("nft",):
        for tool, denied in DENIED.items():
            server.run(f"{tool}-{form}-restore", "-c",
                       stdin=IPTABLES.format(denied=denied, icmp=ICMP[tool]))


COUNTER = re.compile(r"packets (\d+) bytes (\d+)|\[(\d+):(\d+)\]")
OWN = re.compile(r"untrack:|UNTRACK-")
OWN_TABLE = re.compile(r"^table inet untrack \{.*?^\}\n", re.M | re.S)
OWN_OBJECT = re.compile(r"^\tcounter \w+ \{.*?^\t\}\n\n?", re.M | re.S)
NFT_OF_IPTABLES = re.compile(r"^(?:# Warning: .*\n)?table ip6? \w+ \{.*?^\}\n", re.M | re.S)


def sort_own(text):
    """The order of our table's counters is that in which they came."""
    own = OWN_TABLE.search(text)
    if not own:
        return text
    objects = sorted(o.strip("\n") for o in OWN_OBJECT.findall(own[0]))
    return text.replace(own[0], "\n\n".join(objects) + OWN_OBJECT.sub("", own[0]))


class Kernel:
    """All rules of a host, in the words of the tools whose they are, with their counts."""

    def __init__(self, host):
        self.text = {"nft": NFT_OF_IPTABLES.sub("", host.listing())}
        for tool in SAVES:
            self.text[tool] = re.sub(r"^#.*\n", "", host.run(tool, "-c").stdout, flags=re.M)
        self.text["tables"] = "\n".join(legacy_tables(host))

    def rules(self):
        """Without the counts."""
        return {tool: re.sub(r"^\[0:0\] ", "", COUNTER.sub("[0:0]", sort_own(text)), flags=re.M)
                for tool, text in self.text.items()}

    def foreign(self):
        """Without ours: (tool, the rule without its counts, its counts)."""
        rows = []
        for tool, text in self.text.items():
            for line in OWN_TABLE.sub("", text).splitlines():
                if not OWN.search(line):
                    counts = [int(n) for n in COUNTER.findall(line) for n in n if n]
                    rows.append((tool, COUNTER.sub("#", line), counts))
        return rows

    def lost(self):
        """The packets of the management port that nobody has let through."""
        return [row for row in self.foreign() if "lost" in row[1] and any(row[2])]


def same_rules(got, want, what):
    for tool, text in want.items():
        same_text(got[tool], text, f"{what}: {tool}")


def between(got, old, new, what):
    """Every line is of the old or of the new rules, and those of both are there."""
    for tool, text in got.items():
        lines, a, b = (set(t.splitlines()) for t in (text, old[tool], new[tool]))
        claim(lines <= a | b and a & b <= lines, f"{what}: {tool}: neither old nor new:\n  "
              + "\n  ".join(sorted(lines - (a | b)) + [f"gone: {x}" for x in a & b - lines]))


class Site:
    """The server that everything happens to, what it should hold, and the conversations."""

    def __init__(self, legacy=True):
        need_helpers()
        self.client, self.server = lab.two_hosts()
        serve(self.server, *PORTS)
        load(self.server, legacy)
        self.untrack = Untrack(self.server, "")
        self.was = Kernel(self.server).foreign()
        self.expected = {}
        for state in ("web", "api", "nothing"):
            self.become(state)
            self.expected[state] = Kernel(self.server).rules()
        self.talkers = [Talker(self.client, SERVER[f]) for f in FAMILIES]

    # Going somewhere

    def become(self, state):
        self.untrack.configure(CONFIGS[state])
        self.untrack.expect(0, "apply" if state != "nothing" else "remove")

    def broken(self, words, *args, env=None):
        """A command with a fault: the words of tests/kernel/fault.c; none: only an environment."""
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", **(env or {}))
        words = [FAULT, *map(str, words)] if words else []
        try:
            done = self.server.run(*words, *self.untrack.command(*args), check=False, env=env)
        except subprocess.TimeoutExpired as e:
            raise Failure(str(e)) from None
        claim(done.returncode != BROKEN, done.stderr)
        said = re.search(r"^fault: (\S+)\n", done.stderr, re.M)
        done.call = said[1] if said else None
        done.stderr = re.sub(r"^fault: .*\n", "", done.stderr, flags=re.M)
        return done

    def calls(self, *args):
        """The calls of a command: [(number from 1, "name:number of this name", [errors])]."""
        path = lab.RUN / "calls"
        done = self.broken(["list", path], *args)
        equal(done.returncode, 0, f"{args}: {done.stderr}")
        found, seen = [], collections.Counter()
        for line in path.read_text(encoding="ascii").splitlines():
            name, *errors = line.split()
            seen[name] += 1
            found.append((len(found) + 1, f"{name}:{seen[name]}", errors))
        return found

    # What must be true

    def recorded(self):
        """The newest generation's number, 0: none."""
        names = [p.name for p in (self.untrack.dir / "state").glob("generation-*.conf")]
        return max((int(re.search(r"\d+", name)[0]) for name in names), default=0)

    def state_of(self, generation):
        """The name of what a generation holds."""
        path = self.untrack.dir / "state" / f"generation-{generation}.conf"
        text = path.read_text(encoding="ascii") if generation > 0 else ""
        return "api" if "[service api]" in text else "web" if "[service web]" in text else "nothing"

    def evidence(self):
        return (self.untrack.dir / "state" / "run" / "transaction").exists()

    def claim_foreign(self, kernel, what, restart=False):
        """Others' rules are there, in their order, and no count went back; restart: those of the
        legacy tables may have begun anew."""
        now, before = kernel.foreign(), self.was
        self.was = now
        same_text("\n".join(f"{tool}: {rule}" for tool, rule, _ in now),
                  "\n".join(f"{tool}: {rule}" for tool, rule, _ in before),
                  f"{what}: others' rules")
        for (tool, rule, counts), (_, _, had) in zip(now, before):
            claim(all(n >= m for n, m in zip(counts, had)) or restart and "legacy" in tool,
                  f"{what}: {tool}: {rule}: counted {had}, now {counts}")
        claim(not kernel.lost(), f"{what}: packets of port 22 were lost: {kernel.lost()}")

    def claim_traffic(self, what):
        for talker in self.talkers:
            talker.claim_alive(what)
        asks = [Ask(self.client, SERVER[f], port) for f in FAMILIES for port in PORTS]
        equal(finish_all(asks), ["answer"] * len(asks), f"{what}: new connections to {PORTS}")

    def claim_state(self, state, what):
        kernel = Kernel(self.server)
        self.claim_foreign(kernel, what)
        same_rules(kernel.rules(), self.expected[state], f"{what}: not the rules of {state}")
        claim(not self.evidence(), f"{what}: evidence is left")
        ports = {"nothing": (), "web": (80,), "api": (80, 443)}[state]
        left = [e for port in ports for e in tracked(self.server, port=port)]
        claim(not left, f"{what}: {len(left)} entries are left: {left[:2]}")
