# SPDX-License-Identifier: GPL-2.0-or-later
"""What to exempt, from tables whose entries are known, and that it is then freed."""

import json
import os
import subprocess

from harness import PROGRAM, Untrack, claim, equal, test
from lab import Host
from netlink import entries

ENTRIES = os.path.join(os.path.dirname(PROGRAM), "entries")

# 60,000 entries: what suggest must make of each line stands behind it.
TABLE = [
    ("20000 tcp 10.0.0.1 2000 192.0.2.1 443", "https"),
    ("9000 tcp 2001:db8:1::1 2000 2001:db8::1 443", "https"),
    ("1000 tcp 10.1.0.1 2000 192.0.2.1 443 state=7 timeout=60", "https"),
    ("7000 tcp 10.2.0.1 2000 192.0.2.1 80 state=7 timeout=60", "http"),
    ("4000 udp 10.3.0.1 2000 192.0.2.1 53 seen=replied", "dns"),
    ("3000 udp 192.0.2.1 33000 10.4.0.1 53 seen=unreplied", "dns"),
    ("50 tcp 10.3.0.1 2000 192.0.2.1 53", "dns"),
    ("2000 udp 10.5.0.1 33000 192.0.2.1 4789 span=100", "vxlan"),
    ("2000 udp 2001:db8::1 33000 2001:db8:5::1 4789 span=100 vary=dst", "vxlan"),
    ("1000 gre 10.6.0.1 0 192.0.2.1 0", "gre"),
    ("2000 tcp 127.0.0.1 20000 127.0.0.1 6379", "loopback"),
    ("1000 udp ::1 20000 ::1 53", "loopback"),
    ("1500 tcp 192.0.2.1 33000 10.7.0.1 5432", "postgresql-client"),
    ("700 tcp 10.8.0.1 2000 10.9.0.1 8080", "http-alt-forwarded"),
    ("1500 udp 10.10.0.1 51820 192.0.2.1 51820 span=1", "ephemeral"),  # until it is reserved
    ("2000 tcp 10.11.0.1 2000 192.0.2.1 8443", "nat"),
    ("300 tcp 10.12.0.1 2000 192.0.2.1 8443 dnat=10.99.0.1", "translated"),
    ("1200 tcp 10.13.0.1 2000 10.14.0.1 3306 snat=192.0.2.1", "translated"),
    ("1 tcp 10.15.0.1 2000 192.0.2.1 21", "helper"),
    ("600 tcp 10.15.0.1 3000 192.0.2.1 21 master=2000", "expected"),
    ("149 tcp 10.16.0.1 2000 192.0.2.1 25", "small"),
]
TOTAL = 60000


def loaded(host):
    """The host with the addresses of the table, and the table."""
    host.ip("addr add 192.0.2.1/32 dev lo", "addr add 2001:db8::1/128 dev lo nodad")
    with host:
        subprocess.run([ENTRIES], input="\n".join(line for line, _ in TABLE) + "\n", text=True,
                       check=True)
    return host


def of(what):
    return sum(int(line.split()[0]) for line, kind in TABLE if kind == what)


def suggested(untrack, *args):
    return json.loads(untrack.expect(0, "suggest", "--json", *args))


@test("suggest: exact figures of 60,000 known entries, and its sections free exactly these")
def figures():
    host = loaded(Host())
    untrack = Untrack(host, "# nothing yet\n")
    made = sum(int(line.split()[0]) for line, _ in TABLE)
    claim(made == TOTAL, f"the table has {made} entries")
    found = suggested(untrack)
    equal(found["table"]["entries"], TOTAL, "entries")
    equal({s["name"] or s["role"]: s["entries"] for s in found["services"] if not s["refused"]},
          {name: of(name) for name in ("https", "http", "dns", "vxlan", "gre", "loopback",
                                       "postgresql-client", "http-alt-forwarded")}, "sections")
    equal({s["port"]: (s["entries"], s["refused"]) for s in found["services"] if s["refused"]},
          {51820: (1500, "ephemeral-overlap"), 8443: (2000, "nat")}, "what is refused")
    equal(found["left"], {"nat": 1500, "helper": 0, "expected": 600, "exempt": 0, "unmatched": 0,
                          "small": 150, "small_services": 2, "rare": 0}, "what is left")
    https = found["services"][0]
    equal((https["ipv4"], https["ipv6"], https["tcp_states"], https["unreplied"]),
          (21000, 9000, {"ESTABLISHED": 29000, "TIME_WAIT": 1000}, 0), "https")
    equal(round(https["share"], 6), 0.5, "its share")
    claim(285 < https["seconds_left"] < 293, f"{https['seconds_left']} seconds left")
    dns = next(s for s in found["services"] if s["name"] == "dns")
    equal((dns["role"], dns["protocols"], dns["unreplied"]), ("peer", ["udp", "tcp"], 3000), "dns")
    # As a configuration it is valid, and frees what it says.
    text = untrack.expect(0, "-q", "suggest")
    untrack.configure(text)
    untrack.expect(0, "check")
    free = found["frees"]
    claim(f"would free {free} entries" in text, text)
    equal(free, sum(of(n) for n in ("https", "http", "dns", "vxlan", "gre", "loopback",
                                    "postgresql-client", "http-alt-forwarded")), "frees")
    claim(f"{free} stale entries dropped" in untrack.apply(), "not what suggest said")
    left = entries(host)
    equal(len(left), TOTAL - free, "entries that stay")
    equal({e.dport for e in left}, {51820, 8443, 3306, 21, 25}, "their ports")
    # What it said is exempt, so that only the rest is a matter now.
    text = untrack.expect(0, "-q", "suggest", "--min-share", "2.5")
    claim("[service smtp]" in text and "[service https]" not in text, text)


@test("suggest: names that are taken, a reserved port, shares")
def again():
    host = loaded(Host())
    host.sysctl("net/ipv4/ip_local_reserved_ports", "51820")
    untrack = Untrack(host, "[service https]\nprotocol = tcp\nport = 8443\n"
                            "[loopback]\nnotrack = no\n")
    found = suggested(untrack, "--min-share=0.2")
    names = {s["name"]: s["entries"] for s in found["services"]}
    equal(names["https-2"], 30000, "a name of its own")
    equal(names["wireguard"], 1500, "a reserved port")
    equal(names["smtp"], 149, "a small service")
    equal([s["refused"] for s in found["services"] if s["role"] == "loopback"], ["configured"],
          "loopback")
    equal(found["left"]["exempt"], 2000, "what is exempt already")
    text = untrack.expect(0, "-q", "suggest")
    (untrack.dir / "rules.d" / "50-suggested.conf").write_text(text, encoding="ascii")
    untrack.expect(0, "check")


@test("suggest: nothing tracked, nothing to suggest, no privileges, wrong words")
def nothing():
    host = Host()
    untrack = Untrack(host, "")
    claim("Nothing to suggest" in untrack.expect(1, "suggest"), "an idle namespace")
    equal(json.loads(untrack.run("suggest", "--json").stdout)["services"], [], "services")
    with host:
        subprocess.run([ENTRIES], input="100 tcp 10.0.0.1 2000 10.0.0.2 443 snat=10.0.0.3\n",
                       text=True, check=True)
    text = untrack.expect(1, "suggest")
    claim("100 that NAT translates" in text and "[service" not in text, text)
    done = host.run("setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all",
                    PROGRAM, "suggest", check=False)
    claim(done.returncode == 2 and "conntrack-unread" in done.stderr and "root" in done.stderr,
          f"without privileges: {done}")
    for word in ("x", "101", "-1", "nan", "1e400"):
        untrack.expect(2, "suggest", f"--min-share={word}")
    untrack.expect(2, "suggest", "web")
    untrack.configure("[service web]\nport = 80\n")
    claim("protocol" in untrack.expect(2, "suggest"), "a configuration that is wrong")
