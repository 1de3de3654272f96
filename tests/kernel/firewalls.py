# SPDX-License-Identifier: GPL-2.0-or-later
"""The firewalls to test with: what lies in rulesets/, and what UNTRACK_RULESETS names.

NAME.nft is a native ruleset that opens port 80. A folder NAME has kind (nft, iptables-nft,
iptables-legacy, or both of the latter), port, denies where it denies 203.0.113.0/24 and
2001:db8:bad::/48, and the rules: ruleset.nft, iptables.save, ip6tables.save, or both.save: the
same for IPv4 and IPv6, but for the words in %...%. `load` comes with a folder of folders and loads
one; ours needs none.

As a program, with a folder: writes there what iptables-restore and ip6tables-restore load, as
NAME.iptables and NAME.ip6tables; empty tables where a ruleset has none for a family."""

import os
import pathlib
import re
import sys

RULESETS = pathlib.Path(__file__).parent / "rulesets"
MORE = pathlib.Path(os.environ.get("UNTRACK_RULESETS", "/nowhere"))

# The rulesets of real firewalls that the project was given. Each must be there once.
GIVEN = """docker-legacy docker-nft docker-nft-noproxy fail2ban-iptables-legacy fail2ban-iptables-nft
fail2ban-iptables-on-stateful-legacy fail2ban-nftables ferm-default-web-legacy ferm-default-web-nft
ferm-webserver-legacy ferm-webserver-nft firehol-legacy firehol-nft firewalld-iptables-legacy
firewalld-iptables-nft firewalld-nft firewalld-nft-router hand-bridge hand-ct-helper-zone
hand-dns-notrack-legacy hand-dns-notrack-nft hand-fib-rpfilter hand-goto hand-iptables-legacy
hand-iptables-nft hand-jump-deny-after hand-mangle-invalid hand-meter-nostate hand-netdev
hand-output-drop hand-ratelimit hand-router-masq hand-stateful hand-stateful-new hand-stateless
hand-synproxy hand-vmap hand-vmap-untracked kube-proxy-legacy libvirt-default-legacy
nftex-all-in-one nftex-arp-filter nftex-bridge-filter nftex-inet-filter nftex-inet-nat
nftex-ipv4-filter nftex-ipv4-mangle nftex-ipv4-nat nftex-ipv4-raw nftex-ipv6-filter
nftex-ipv6-mangle nftex-ipv6-nat nftex-ipv6-raw nftex-nat nftex-netdev-ingress
nftex-nftables-conf-etc shorewall-one-interface-legacy shorewall-one-interface-nft ufw-denyout-nft
ufw-legacy ufw-nft""".split()

# What DESIGN.md section 5 refuses, and the finding that says so.
REFUSED = {
    "anonymous-chain": "state-unknown",
    "ct-mark": "state-lost",
    "docker-legacy": "nat-conflict",
    "docker-nft": "nat-conflict",
    "docker-nft-noproxy": "nat-conflict",
    "dynamic-state": "state-unknown",
    "hand-mangle-invalid": "untracked-dropped",
    "hand-synproxy": "synproxy-conflict",
    "invalid-untracked": "untracked-dropped",
    "kube-proxy-legacy": "nat-conflict",
    "ipt-drop-not-new-legacy": "state-negated",
    "ipt-drop-not-new-nft": "state-negated",
    "ipt-untracked-opens-legacy": "untracked-dropped",
    "ipt-untracked-opens-nft": "untracked-dropped",
    "negated": "state-negated",
    "negated-goto": "state-negated",
    "not-new": "state-negated",
    "zone-original": "state-lost",
}

WORDS = {  # of both.save
    4: {"icmp": "icmp", "echo": "icmp --icmp-type 8", "denied": "203.0.113.0/24",
        "net": "192.0.2.0/24", "client": "192.0.2.20", "bad": "203.0.113.5",
        "range": "192.0.2.1-192.0.2.99", "local": "127.0.0.0/8",
        "prohibited": "icmp-admin-prohibited"},
    6: {"icmp": "ipv6-icmp", "echo": "ipv6-icmp --icmpv6-type 128", "denied": "2001:db8:bad::/48",
        "net": "2001:db8::/64", "client": "2001:db8::20", "bad": "2001:db8:bad::5",
        "range": "2001:db8::1-2001:db8::99", "local": "::1/128",
        "prohibited": "icmp6-adm-prohibited"},
}
TOOLS = {4: "iptables", 6: "ip6tables"}


def words_of(text, family):
    return re.sub(r"%(\w+)%", lambda m: WORDS[family][m[1]], text)


class Firewall:
    """A ruleset, and how to bring it up."""

    def __init__(self, name, path, kind, port):
        self.name, self.path, self.kind, self.port = name, path, kind, port
        self.finding = REFUSED.get(name)

    @property
    def form(self):
        """What iptables calls itself here, "nft" or "legacy"; None: a native ruleset."""
        return self.kind.rpartition("-")[2] if self.kind != "nft" else None

    def native(self):
        """The rules that nft loads."""
        file = self.path if self.path.is_file() else self.path / "ruleset.nft"
        return file.read_text(encoding="ascii") if file.exists() else ""

    def save(self, family):
        """The rules that iptables-restore or ip6tables-restore loads."""
        own, both = self.path / f"{TOOLS[family]}.save", self.path / "both.save"
        if own.exists():
            return own.read_text(encoding="ascii")
        return words_of(both.read_text(encoding="ascii"), family) if both.exists() else ""

    def load(self, host):
        if self.native():
            host.nft(self.native())
        for family, tool in TOOLS.items():
            if self.form and self.save(family):
                host.run(f"{tool}-{self.form}-restore", stdin=self.save(family))

    def mentions(self, pattern):
        """Do its rules hold this?"""
        texts = [self.native()] + [self.save(f) for f in TOOLS if self.form]
        return any(re.search(pattern, text, re.IGNORECASE | re.MULTILINE) for text in texts)


def of_folder(folder):
    kinds = (folder / "kind").read_text(encoding="ascii").split()
    port = int((folder / "port").read_text(encoding="ascii"))
    for kind in kinds:
        suffix = "" if len(kinds) == 1 else "-" + kind.rpartition("-")[2]
        yield Firewall(folder.name + suffix, folder, kind, port)


def given_name(stem):
    """What the project was given as "hand-stateful" lies here as stateful.nft."""
    return f"hand-{stem}" if f"hand-{stem}" in GIVEN else stem


def all_firewalls():
    """In order of their names; those of UNTRACK_RULESETS only where ours have none of that name."""
    found = [Firewall(given_name(file.stem), file, "nft", 80) for file in RULESETS.glob("*.nft")]
    for kind in RULESETS.glob("*/kind"):
        found += of_folder(kind.parent)
    own = {firewall.name for firewall in found}
    for kind in MORE.glob("*/kind"):
        found += [firewall for firewall in of_folder(kind.parent) if firewall.name not in own]
    return sorted(found, key=lambda firewall: firewall.name)


EMPTY = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"


def write_saves(folder):
    for firewall in all_firewalls():
        for family, tool in TOOLS.items() if firewall.form else ():
            text = firewall.save(family) or EMPTY
            (folder / f"{firewall.name}.{tool}").write_text(text, encoding="ascii")


if __name__ == "__main__":
    write_saves(pathlib.Path(sys.argv[1]))
