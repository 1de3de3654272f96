# SPDX-License-Identifier: GPL-2.0-or-later
"""status and doctor about the table of connection tracking, filled with what is known."""

import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import socket
import struct
import termios
import time

import lab
from harness import PROGRAM, WEB, Skip, Untrack, claim, equal, test
from lab import Host, two_hosts
from netlink import flush
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

FILLER = pathlib.Path(PROGRAM).parent / "entries"
NETFILTER = "/proc/sys/net/netfilter"
TRACKING = """table inet f { chain in { type filter hook input priority 0;
    ct state established,related accept; }; chain out { type filter hook output priority 0;
    ct state established,related accept; }; }
"""


def fill(host, lines):
    if not FILLER.exists():
        raise Skip(f"{FILLER} is not built: make kernel")
    rows = "".join(f"{line.strip()}\n" for line in lines.strip().splitlines())
    host.run(str(FILLER), stdin=rows)


def status(untrack, code=0):
    return json.loads(untrack.expect(code, "-q", "status", "--json"))["conntrack"]


def doctor(untrack, code):
    """What it found, by id."""
    found = {}
    for finding in json.loads(untrack.expect(code, "doctor", "--json"))["findings"]:
        found.setdefault(finding["id"], []).append(finding)
    return found


def one_host(addresses="192.0.2.10/24 2001:db8::10/64"):
    """A host with an interface, and none that answers."""
    host, other = Host(), Host()
    lab.link(host, "eth0", addresses, other, "eth0", "192.0.2.200/24")
    flush(host)
    return host


def setting(host, name):
    with host, open(f"{NETFILTER}/{name}", encoding="ascii") as f:
        return int(f.read())


KNOWN = """
500 tcp 198.51.100.7 2000 192.0.2.10 443
120 tcp 198.51.100.8 2000 192.0.2.10 443 state=7
30 tcp 198.51.100.9 2000 192.0.2.10 22 state=1 seen=unreplied
200 udp 2001:db8::7 2000 2001:db8::10 53 seen=replied
40 tcp 10.0.0.5 2000 203.0.113.9 80 snat=192.0.2.10
7 icmp 198.51.100.20 8 192.0.2.10 0
3 sctp 192.0.2.10 2000 192.0.2.10 2000
"""


@test("status: counts by family, protocol, state and address are exactly those of the table")
def known():
    host = one_host()
    untrack = Untrack(host, "[loopback]\nnotrack = yes\n")
    fill(host, KNOWN)
    table = status(untrack, 1)
    equal({k: table[k] for k in ("count", "entries", "ipv4", "ipv6", "unreplied", "translated",
                                 "helper", "addresses", "addresses_estimated")},
          {"count": 900, "entries": 900, "ipv4": 700, "ipv6": 200, "unreplied": 30,
           "translated": 40, "helper": 0, "addresses": 15, "addresses_estimated": False}, "counts")
    equal(table["protocols"], {"tcp": 690, "udp": 200, "icmp": 7, "sctp": 3}, "protocols")
    equal(table["tcp_states"], {"ESTABLISHED": 540, "TIME_WAIT": 120, "SYN_SENT": 30}, "states")
    equal((table["max"], table["buckets"]),
          (setting(host, "nf_conntrack_max"), setting(host, "nf_conntrack_buckets")), "limits")
    equal([(b["address"], b["entries"], b["as_source"], b["as_destination"])
           for b in table["busiest"][:6]],
          [("192.0.2.10", 660, 3, 660), ("198.51.100.7", 500, 500, 0),
           ("2001:db8::7", 200, 200, 0), ("2001:db8::10", 200, 0, 200),
           ("198.51.100.8", 120, 120, 0), ("10.0.0.5", 40, 40, 0)], "busiest addresses")
    equal(len(table["busiest"]), 10, "addresses named")
    text = untrack.expect(1, "-q", "status")
    for words in ("900 of ", "tcp 690 (76.7 %), udp 200 (22.2 %), icmp 7 (0.8 %), sctp 3 (0.3 %)",
                  "ESTABLISHED 540 (78.3 %), TIME_WAIT 120 (17.4 %)", "and 5 more"):
        claim(words in text, f"no '{words}':\n{text}")
    claim("[#" not in text and "\033" not in text, "a bar or colours where nobody sees them")


@test("status: more addresses than it remembers are an estimate that says so, within its bounds")
def estimate():
    host = one_host()
    fill(host, "70000 udp 10.0.0.1 2000 192.0.2.10 53 span=1\n"
               "5000 udp 198.51.100.7 2000 192.0.2.10 53\n")
    table = status(Untrack(host), 1)
    equal((table["entries"], table["addresses"], table["addresses_estimated"]),
          (75000, 65536, True), "addresses")
    for address, entries in (("192.0.2.10", 75000), ("198.51.100.7", 5000)):
        found = [b for b in table["busiest"] if b["address"] == address]
        claim(found and found[0]["entries"] - found[0]["at_most_too_high"] <= entries
              <= found[0]["entries"], f"{address}: {found}, not {entries}")
    text = Untrack(host).expect(1, "-q", "status")
    claim("busiest of more than 65536 addresses: estimates" in text, f"not said:\n{text}")


@test("status and doctor: a kernel without connection tracking, and one that nobody uses")
def absent():
    host = one_host()
    untrack = Untrack(host)
    equal(status(untrack, 1)["entries"], 0, "entries of an idle table")
    doctor(untrack, 0)
    with host:
        lab.call("mount", b"tmpfs", NETFILTER.encode(), b"tmpfs", 0, b"mode=755")
    equal(status(untrack, 1), None, "no table")
    text = untrack.expect(1, "-q", "status")
    claim("there is no connection tracking" in text, f"not said:\n{text}")
    text = untrack.expect(0, "doctor")
    claim("table: none" in text and "healthy" in text, f"not said:\n{text}")


@test("doctor: without privileges it says what it could not look at, and looks at the rest")
def nobody():
    host = one_host()
    fill(host, "10 udp 198.51.100.7 2000 192.0.2.10 53\n")
    done = host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    "--bounding-set=-all", "--inh-caps=-all", PROGRAM, "--config", "/nonexistent",
                    "--state", "/nonexistent", "doctor", check=False)
    text = done.stdout + done.stderr
    equal(done.returncode, 0, f"exit status\n{text}")
    for words in ("the entries of the table: ", "the statistics of conntrack: ",
                  "/proc/slabinfo can only be read as root", "table: 10 of ",
                  "no problem found, in what could be read"):
        claim(words in text, f"no '{words}':\n{text}")


@test("doctor: entries of addresses that are gone are found and named, those of others are not")
def stale():
    host = one_host()
    host.ip("addr add 192.0.2.11/24 dev eth0")
    untrack = Untrack(host, "[loopback]\nnotrack = yes\n")
    fill(host, """
        5 tcp 198.51.100.7 2000 192.0.2.10 80
        4 tcp 198.51.100.7 2000 192.0.2.11 80
        3 tcp 192.0.2.10 3000 192.0.2.200 443 snat=192.0.2.11
        2 tcp 192.0.2.200 2000 192.0.2.10 8080 dnat=172.17.0.2
        1 udp 192.0.2.200 137 192.0.2.255 137
        1 udp 192.0.2.200 5353 224.0.0.251 5353
    """)
    found = doctor(untrack, 1)["stale-address"]
    equal(["172.17.0.2 (2 entries)" in found[0]["text"], len(found)], [True, 1], "a gone pod")
    host.ip("addr del 192.0.2.11/24 dev eth0")
    found = [f["text"] for f in doctor(untrack, 1)["stale-address"]]
    equal(len(found), 3, "findings")
    claim("4 entries" in found[0] and "192.0.2.11 (4 entries)" in found[0], found[0])
    claim("3 entries translate their source" in found[1] and "192.0.2.11" in found[1], found[1])
    host.sysctl("net/ipv4/ip_forward", 1)  # now they may be anybody's
    found = [f["text"] for f in doctor(untrack, 1)["stale-address"]]
    equal(len(found), 2, "findings of a router")


@test("doctor: settings of sysctl.d that are not in force, in the order of a boot")
def settings():
    host = one_host()
    for directory in ("/etc/sysctl.d", "/usr/lib/sysctl.d"):
        lab.call("mount", b"tmpfs", directory.encode(), b"tmpfs", 0, b"mode=755")
    untrack = Untrack(host, "[conntrack]\ntimeout-gre = 30s\n[loopback]\nnotrack = yes\n")
    icmp = setting(host, "nf_conntrack_icmp_timeout")
    pathlib.Path("/usr/lib/sysctl.d/10-early.conf").write_text(
        "net.netfilter.nf_conntrack_icmp_timeout = 77\n"
        "net.netfilter.nf_conntrack_tcp_timeout_close = 99\n", encoding="ascii")
    pathlib.Path("/etc/sysctl.d/20-late.conf").write_text(
        f"net/netfilter/nf_conntrack_icmp_timeout = {icmp}\n"
        "net.netfilter.nf_conntrack_gre_timeout = 99\n", encoding="ascii")
    found = doctor(untrack, 1)["sysctl-ignored"]
    equal([(f["file"], f["line"]) for f in found], [("/usr/lib/sysctl.d/10-early.conf", 2)],
          "what did not take")
    host.sysctl("net/netfilter/nf_conntrack_tcp_timeout_close", 99)
    claim("sysctl-ignored" not in doctor(untrack, 0), "a setting that is in force")


@test("doctor: a full table that drops: how full, what was lost, what the kernel's log says")
def full():
    client, server = two_hosts()
    server.nft(TRACKING)
    untrack = Untrack(server)
    room = setting(server, "nf_conntrack_max")
    if room > 300000:
        raise Skip(f"a table of {room} entries takes too long to fill")
    flush(server)
    # Assured entries are not thrown out early for others.
    fill(server, f"{room - 20000} tcp 10.0.0.1 2000 192.0.2.10 80 timeout=100000\n"
                 "20000 tcp 10.1.0.1 2000 192.0.2.10 80 state=7 timeout=60\n")
    with client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(5):
            s.sendto(b"x", ("192.0.2.10", 9))
    time.sleep(0.1)
    found = doctor(untrack, 1)
    equal(found["table-full"][0]["severity"], "error", "severity of a full table")
    claim(f"max = {2 * room} and buckets = {2 * room}" in found["table-full"][0]["cure"],
          found["table-full"][0]["cure"])
    claim("5 packets were dropped" in found["table-drops"][0]["text"],
          found["table-drops"][0]["text"])
    claim("too few buckets" in found["table-buckets"][0]["text"],
          found["table-buckets"][0]["text"])
    claim([f for f in found["timeout-long"] if f"{room - 20000} of them" in f["text"]
           and "timeout-tcp-established = 7920s" in f["cure"]], str(found["timeout-long"]))
    claim([f for f in found["timeout-long"] if "20000 of them" in f["text"]], "no TIME_WAIT")
    if os.access("/dev/kmsg", os.R_OK):
        claim("table-full-logged" in found, "nothing of the kernel's log")


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, host, command, rows=50):
        with host:
            self.pid, self.fd = pty.fork()
            if self.pid == 0:
                os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
        self.seen = b""

    def read_until(self, words, what):
        end = time.monotonic() + 20
        while words not in self.seen:
            claim(time.monotonic() < end and self.read(), f"{what}:\n{self.seen!r}")

    def read(self):
        """False: it has ended."""
        ready, _, _ = select.select([self.fd], [], [], 1)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def mode(self):
        return termios.tcgetattr(self.fd)[3] & (termios.ICANON | termios.ECHO)

    def end(self):
        """Its exit status."""
        while self.read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@test("status --watch: draws over itself, ends on q, Ctrl-C and SIGTERM, leaves the terminal as it was")
def watch_terminal():
    host = one_host()
    untrack = Untrack(host, "[loopback]\nnotrack = yes\n")
    untrack.apply()
    fill(host, KNOWN)
    ways = {"q": lambda t: os.write(t.fd, b"q"), "Ctrl-C": lambda t: os.write(t.fd, b"\x03"),
            "SIGTERM": lambda t: os.kill(t.pid, signal.SIGTERM)}
    for name, leave in ways.items():
        rows = 12 if name == "q" else 60
        t = Terminal(host, untrack.command("status", "--watch=1"), rows)
        before = termios.tcgetattr(t.fd)[3] | termios.ICANON | termios.ECHO
        t.read_until(b"every 1 s; q ends", f"{name}: first reading")
        equal(t.mode(), 0, f"{name}: lines and echo while it runs")
        os.write(t.fd, b" ")  # at once
        t.read_until(b" a second\x1b[K", f"{name}: second reading, with growth")
        leave(t)
        # Asked while the program may have gone: the terminal stays until we close it.
        equal(t.end(), 0, f"{name}: exit status")
        claim(t.seen.startswith(b"\x1b[?1049h"), f"{name}: no screen of its own: {t.seen[:40]!r}")
        claim(t.seen.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l"), f"{name}: {t.seen[-60:]!r}")
        claim(b"[#" in t.seen or b"[...." in t.seen, f"{name}: no bar")
        claim((b"more lines in a higher window" in t.seen) == (rows == 12), f"{name}: {rows} rows")
        equal(termios.tcgetattr(t.fd)[3] | 0, before, f"{name}: the terminal afterwards")
        os.close(t.fd)


def piped(host, command):
    """A process, and what reads from it."""
    with host:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(write, 1)
            os.close(read)
            os.close(write)
            os.execv(command[0], command)
        os.close(write)
    return pid, read


@test("status --watch elsewhere: one reading after the other, with rates, until nobody reads on")
def watch_pipe():
    client, server = two_hosts()
    serve(server, 80)
    untrack = Untrack(server, WEB)
    untrack.apply()
    pid, read = piped(server, untrack.command("status", "--watch=1", "--json"))
    readings, text = [], ""
    with open(read, encoding="utf-8") as f:
        while len(readings) < 3:
            text += f.readline()
            if text.endswith("\n}\n"):
                readings.append(json.loads(text))
                text = ""
                finish_all([Ask(client, SERVER[FAMILIES[0]], 80)])
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "exit status")
    flows = [r["exemptions"][0]["in"] for r in readings]
    claim("packets_a_second" not in flows[0], "a rate of one reading")
    claim(flows[1]["packets"] > flows[0]["packets"] and flows[1]["packets_a_second"] > 0
          and flows[1]["bytes_a_second"] > 40, f"no rate: {flows}")
    equal([r["conntrack"]["growth"] is None for r in readings], [True, False, False], "growth")
    # It need not write to see that its reader has gone away.
    pid, read = piped(server, untrack.command("status", "--watch=600"))
    claim(os.read(read, 10), "nothing to read")
    os.close(read)
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "exit status without a reader")
