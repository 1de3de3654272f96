# SPDX-License-Identifier: GPL-2.0-or-later
"""Single packets made by hand, one flow each, as the kernel gets them and as explain reads them; and
a host that tells of each whether it was tracked and whether it was accepted."""

import dataclasses
import json
import os
import socket
import struct
import time

from lab import Host
from netlink import flush
from traffic import checksum

NUMBERS = {"icmp": 1, "ipip": 4, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "icmpv6": 58,
           "sctp": 132, "udplite": 136, "200": 200}
WITH_PORTS = ("tcp", "udp", "sctp", "udplite")
LOCAL = {"eth0": {4: ("192.0.2.10", "192.0.2.11"), 6: ("2001:db8::10", "2001:db8::11")},
         "eth1": {4: ("10.10.0.1",), 6: ("2001:db8:10::1",)},
         "lo": {4: ("127.0.0.1", "192.0.2.10"), 6: ("::1", "2001:db8::10")}}
REMOTE = {"eth0": {4: ("192.0.2.20", "203.0.113.5", "203.0.114.9"),
                   6: ("2001:db8::20", "2001:db8:bad::5", "2001:db8:bee::9")},
          "eth1": {4: ("10.10.0.20", "198.51.100.5"), 6: ("2001:db8:10::20", "2001:db8:2::5")}}
ROUTES = ("203.0.112.0/20 dev eth0", "198.51.100.0/24 dev eth1", "2001:db8:bad::/48 dev eth0",
          "2001:db8:bee::/48 dev eth0", "2001:db8:2::/48 dev eth1")
FIN, SYN, RST, ACK = 1, 2, 4, 16
FIRST_FRAGMENT = 24  # bytes; the transport headers lie in it
ECHO = {4: (8, 0), 6: (128, 129)}
ERRORS = {4: (3, 11), 6: (1, 3)}
MARK = 1


def binary(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@dataclasses.dataclass(frozen=True)
class Packet:
    """One packet; about: what it quotes, when it is an ICMP error. tag tells apart what has no
    ports."""
    family: int
    proto: str
    src: str
    dst: str
    sport: int = 0
    dport: int = 0
    stage: str = "opening"
    answers: bool = False
    kind: int = 0  # of ICMP: its type
    way: str = "in"
    in_: str = ""
    out: str = ""
    fragments: bool = False
    about: object = None
    options: bool = False
    tag: int = 0

    def text(self):
        """In the words of explain."""
        what = self.about or self
        ends = [what.src, what.dst]
        if what.proto in WITH_PORTS:
            form = "%s:%d" if what.family == 4 else "[%s]:%d"
            ends = [form % (what.src, what.sport), form % (what.dst, what.dport)]
        words = [what.proto, ends[0], "->", ends[1]]
        if what.proto.startswith("icmp"):
            words += ["type", str(what.kind)]
        if self.about:
            words = ["icmp error about"] + words + ["with options"] * self.options
        elif self.stage != "opening" and not what.proto.startswith("icmp"):
            words.append(self.stage)
        return " ".join(words + ["in " + self.in_] * bool(self.in_)
                        + ["out " + self.out] * bool(self.out and self.out != "lo"))

    def turned(self, **changes):
        """The other way through the host."""
        ways = {"in": "out", "out": "in"}
        return dataclasses.replace(self, src=self.dst, dst=self.src, way=ways.get(self.way, self.way),
                                   in_=self.out, out=self.in_, fragments=False, **changes)

    def reply(self):
        return self.turned(sport=self.dport, dport=self.sport, answers=True, stage="continuing",
                           kind=ECHO[self.family][1])

    def error(self, kind, options):
        return self.turned(about=self, kind=kind, options=options)

    # The bytes ------------------------------------------------------------------------------------

    def sum_up(self, segment, at, number):
        """The segment with its checksum."""
        ends = binary(self.src) + binary(self.dst)
        pseudo = ends + struct.pack("!II", len(segment), number)
        total = checksum(pseudo + segment) or 0xFFFF
        return segment[:at] + struct.pack("!H", total) + segment[at + 2:]

    def tcp(self):
        flags, seq, ack = {"opening": (SYN, 1000, 0), "stray": (ACK, 1000, 2000)}.get(
            self.stage, (SYN | ACK, 2000, 1001))
        head = struct.pack("!HHIIBBHHH", self.sport, self.dport, seq, ack, 5 << 4, flags, 8192, 0,
                           0)
        return self.sum_up(head + self.data(), 16, 6)

    def data(self):
        return b"x" * 40 if self.fragments else b""

    def transport(self):
        """All behind the IP header, without quoting anything."""
        payload = self.data() + b"payload!"
        if self.proto == "tcp":
            return self.tcp()
        if self.proto in ("udp", "udplite"):
            length = 8 + len(payload) if self.proto == "udp" else 0
            head = struct.pack("!HHHH", self.sport, self.dport, length, 0)
            return self.sum_up(head + payload, 6, NUMBERS[self.proto])
        if self.proto == "sctp":
            chunk = struct.pack("!BBHIIHHI", 2 if self.answers else 1, 0, 20, 7, 8192, 1, 1, 9)
            head = struct.pack("!HHI", self.sport, self.dport, 7 if self.answers else 0)
            crc = struct.pack("<I", crc32c(head + bytes(4) + chunk))
            return head + crc + chunk
        if self.proto == "icmp":
            head = struct.pack("!BBHHH", self.kind, 0, 0, self.tag, 1) + payload
            return head[:2] + struct.pack("!H", checksum(head)) + head[4:]
        if self.proto == "icmpv6":
            head = struct.pack("!BBHHH", self.kind, 0, 0, self.tag, 1) + payload
            return self.sum_up(head, 2, 58)
        if self.proto == "gre":
            return b"\0\0\x08\0" + payload
        return struct.pack("!I", 1000 + self.tag) + payload

    def quoting(self):
        """An ICMP error. A quoted header with options, or with an extension header."""
        quoted = dataclasses.replace(self.about, fragments=False)
        number, body = NUMBERS[quoted.proto], quoted.transport()
        if not self.options:
            inner = quoted.header(1, len(body), number) + body
        elif self.family == 4:
            inner = bytearray(quoted.header(1, len(body) + 4, number) + b"\1\1\1\1" + body)
            inner[0] = 0x46
        else:
            extension = struct.pack("!BBBBI", number, 0, 1, 4, 0)  # destination options, padding
            inner = quoted.header(1, len(body) + 8, 60) + extension + body
        head = struct.pack("!BBHI", self.kind, 0, 0, 0) + bytes(inner)
        if self.family == 6:
            return self.sum_up(head, 2, 58)
        return head[:2] + struct.pack("!H", checksum(head)) + head[4:]

    def header(self, number, length, proto, offset=0):
        """number tells packets apart where the host looks at them."""
        if self.family == 6:
            return struct.pack("!IHBB", 6 << 28 | number, length, proto, 64) + binary(
                self.src) + binary(self.dst)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, number, offset, 64, proto, 0)
        head += binary(self.src) + binary(self.dst)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:]

    def packets(self, number):
        """What goes over the wire: itself, or its fragments."""
        proto = NUMBERS[self.proto]
        body = self.quoting() if self.about else self.transport()
        if self.about:
            proto = 1 if self.family == 4 else 58
        if not self.fragments:
            return [self.header(number, len(body), proto) + body]
        found = []
        for at in (0, FIRST_FRAGMENT):
            part = body[:FIRST_FRAGMENT] if not at else body[FIRST_FRAGMENT:]
            more = not at
            if self.family == 4:
                found.append(self.header(number, len(part), proto, at // 8 | more << 13) + part)
            else:
                extension = struct.pack("!BBHI", proto, 0, at | more, number)
                found.append(self.header(number, len(part) + 8, 44) + extension + part)
        return found


# The host -----------------------------------------------------------------------------------------

OBSERVE = """table inet observe {
    set seen4 { typeof ip id; flags dynamic; size 65535; }
    set seen6 { typeof ip6 flowlabel; flags dynamic; size 65535; }
    set untracked4 { typeof ip id; flags dynamic; size 65535; }
    set untracked6 { typeof ip6 flowlabel; flags dynamic; size 65535; }
    set accepted4 { typeof ip id; flags dynamic; size 65535; }
    set accepted6 { typeof ip6 flowlabel; flags dynamic; size 65535; }
    chain note {
        add @seen4 { ip id }
        add @seen6 { ip6 flowlabel }
        ct state != untracked return
        add @untracked4 { ip id }
        add @untracked6 { ip6 flowlabel }
    }
    chain note_accepted {
        add @accepted4 { ip id }
        add @accepted6 { ip6 flowlabel }
    }
    chain quiet { type filter hook output priority -350; meta mark != %d drop; }
    chain prerouting { type filter hook prerouting priority -150; jump note; }
    chain output { type filter hook output priority -150; jump note; }
    chain input { type filter hook input priority 300; jump note_accepted; }
    chain postrouting {
        type filter hook postrouting priority 300; oifname "lo" accept; jump note_accepted;
    }
}
""" % MARK


class Rig:
    """A router with two cables. At their other ends nobody answers, and what it would say by itself
    it does not say."""

    def __init__(self):
        self.host, self.wires = Host(), {}
        for name in ("eth0", "eth1"):
            self.wires[name] = self.cable(name)
        self.host.forward()
        for name in ("all", "default", "eth0", "eth1"):
            self.host.sysctl(f"net/ipv4/conf/{name}/rp_filter", 0)
        self.host.ip(*("route add " + route for route in ROUTES))
        self.host.wait_for_addresses()
        self.out = {4: self.raw(socket.AF_INET), 6: self.raw(socket.AF_INET6)}

    def cable(self, name):
        """A packet socket at the other end, and the addresses of a frame."""
        number = int(name[-1]) + 1
        mine, yours = bytes([2, 0, 0, 1, 0, number]), bytes([2, 0, 0, 2, 0, number])
        other = Host()
        other.sysctl("net/ipv6/conf/default/disable_ipv6", 1)
        self.host.ip(f"link add {name} address {mine.hex(':')} type veth peer name wire address "
                     f"{yours.hex(':')} netns {other.path}", f"link set {name} up",
                     *(f"addr add {a}/{24 if f == 4 else 64} dev {name}"
                       for f, addresses in LOCAL[name].items() for a in addresses),
                     *(f"neigh add {a} lladdr {yours.hex(':')} dev {name}"
                       for addresses in REMOTE[name].values() for a in addresses))
        other.ip("link set wire up")
        with other:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind(("wire", 0))
        return other, s, mine + yours

    def raw(self, family):
        with self.host:
            s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
        return s

    def send(self, packet, number):
        for data in packet.packets(number):
            if packet.way in ("in", "forwarded"):
                _, s, ends = self.wires[packet.in_]
                s.send(ends + (b"\x08\x00" if packet.family == 4 else b"\x86\xdd") + data)
                continue
            try:
                self.out[packet.family].sendto(data, (packet.dst, 0))
            except PermissionError:  # dropped on its way out
                pass

    def found(self, numbers):
        """The sets of the observer, once all of these packets have been seen."""
        end = time.monotonic() + 2
        while True:
            text = self.host.run("nft", "-j", "list", "table", "inet", "observe").stdout
            sets = {x["set"]["name"]: set(x["set"].get("elem", []))
                    for x in json.loads(text)["nftables"] if "set" in x}
            sets = {kind: sets[kind + "4"] | sets[kind + "6"]
                    for kind in ("seen", "untracked", "accepted")}
            missing = numbers - sets["seen"]
            if not missing or time.monotonic() > end:
                return sets, missing
            time.sleep(0.01)

    def results(self, steps):
        """{number: (untracked, accepted)} of [{number: packet}]: each step after the one before."""
        flush(self.host)
        self.host.nft(OBSERVE)
        for step in steps:
            for number, packet in step.items():
                self.send(packet, number)
            time.sleep(0.002)
        numbers = {number for step in steps for number in step}
        sets, missing = self.found(numbers)
        self.host.run("nft", "delete", "table", "inet", "observe")
        lost = [packet.text() for step in steps for number, packet in step.items()
                if number in missing]
        if lost:
            raise RuntimeError(f"{len(lost)} packets never came: {lost[:3]}")
        return {n: (n in sets["untracked"], n in sets["accepted"]) for n in numbers}


def stay_on_one_processor():
    """So that packets are worked off in the order in which they were sent."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})
