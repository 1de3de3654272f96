# SPDX-License-Identifier: GPL-2.0-or-later
"""Real packets: servers that answer, questions that say how they fared, and packets made by hand.

A request is "N\\n"; the answer is N bytes. One connection may carry many requests."""

import collections
import os
import selectors
import socket
import struct
import threading
import time

PATIENCE = 0.8  # seconds; less than the first retransmission, so a lost packet is never made up for
TICK = 0.05
RECVERR = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # not in Python 3.11
FAMILIES = (4, 6)
AF = {4: socket.AF_INET, 6: socket.AF_INET6}
SERVER = {4: "192.0.2.10", 6: "2001:db8::10"}
CLIENT = {4: "192.0.2.20", 6: "2001:db8::20"}
DENIED = {4: "203.0.113.5", 6: "2001:db8:bad::5"}
SERVER_LAN = {4: "10.10.0.1", 6: "2001:db8:10::1"}
CLIENT_LAN = {4: "10.10.0.20", 6: "2001:db8:10::20"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def family_of(address):
    return 6 if ":" in address else 4


def open_socket(host, address, kind, proto=0):
    with host:
        s = socket.socket(AF[family_of(address)], kind, proto)
    if family_of(address) == 6 and kind != socket.SOCK_RAW:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return s


# Servers ------------------------------------------------------------------------------------------

def answer_stream(s):
    with s, s.makefile("rb") as lines:
        try:
            for line in lines:
                s.sendall(b"x" * int(line))
        except OSError:
            pass


def accept_all(listener):
    while True:
        s, _ = listener.accept()
        threading.Thread(target=answer_stream, args=(s,), daemon=True).start()


def answer_datagrams(s):
    while True:
        try:
            data, peer = s.recvfrom(65536)
            s.sendto(b"x" * int(data.strip(b" \n")), peer)
        except OSError:  # what ICMP says about an earlier answer is not this request's matter
            pass


def serve(host, *ports, proto="tcp", addresses=("0.0.0.0", "::")):
    """Answers on these ports of a host until the test ends."""
    for address in addresses:
        for port in ports:
            if proto == "tcp":
                s = open_socket(host, address, socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((address, port))
                s.listen(512)
                target = accept_all
            else:
                s = open_socket(host, address, socket.SOCK_DGRAM)
                s.bind((address, port))
                target = answer_datagrams
            threading.Thread(target=target, args=(s,), daemon=True).start()


# Questions ----------------------------------------------------------------------------------------

class Ask:
    """One request over a new connection or socket. result: "answer", "silence" (nothing came),
    "partial" (not all of it came) or an error's name."""

    def __init__(self, host, dst, port, src="", sport=0, proto="tcp", size=64, padding=0,
                 keep=False):
        self.size, self.padding, self.got, self.result = size, padding, 0, None
        self.keep = keep  # the connection, for another request
        self.stream = proto == "tcp"
        self.s = open_socket(host, dst, socket.SOCK_STREAM if self.stream else socket.SOCK_DGRAM)
        self.s.setblocking(False)
        if self.stream:  # an ICMP error during connect() is a soft one: it is kept aside
            level, option = RECVERR[family_of(dst)]
            self.s.setsockopt(level, option, 1)
        if src or sport:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.s.bind((src, sport))
        self.sent = False
        try:
            self.s.connect((dst, port))
            if not self.stream:
                self.request()
        except BlockingIOError:
            pass
        except OSError as e:
            self.finish(e)

    def finish(self, error=None):
        self.result = errno_name(error) if error else "answer"
        if error or not self.keep:
            self.s.close()

    def again(self):
        """Another request over a connection that was kept."""
        if self.result == "answer":
            self.result, self.got, self.sent = None, 0, False

    def request(self):
        self.s.send(b"%d" % self.size + b" " * self.padding + b"\n")
        self.sent = True

    def step(self):
        """Goes on as far as it can without waiting."""
        try:
            if self.stream:
                self.take_error()
            if not self.sent:
                error = self.s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                self.request()
                return
            data = self.s.recv(65536)
            self.got += len(data)
            if self.got >= self.size:
                self.finish()
            elif not data:
                raise ConnectionResetError(104, "closed early")
        except BlockingIOError:
            pass
        except OSError as e:
            self.finish(e)

    def take_error(self):
        """Raises what ICMP said of this connection before there was one."""
        try:
            _, kept, _, _ = self.s.recvmsg(1, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return
        for _, _, data in kept:
            errnum = struct.unpack_from("=I", data)[0]  # struct sock_extended_err
            if not self.sent:
                raise OSError(errnum, os.strerror(errnum))

    def give_up(self):
        if self.result is None:
            self.result = "partial" if self.got else "silence"
            self.s.close()


def errno_name(error):
    return {111: "refused", 104: "reset", 113: "unreachable", 101: "unreachable",
            1: "prohibited", 13: "prohibited"}.get(error.errno, error.strerror)


def finish_all(asks, patience=PATIENCE):
    """Waits for all of them at once, until nothing has come for that long; their results in order.
    Moments in which this process had to wait for a processor do not count."""
    selector = selectors.DefaultSelector()
    waiting = {a for a in asks if a.result is None}
    for a in waiting:
        selector.register(a.s, selectors.EVENT_READ if a.sent else selectors.EVENT_WRITE, a)
    quiet, end = 0, time.monotonic() + 10 * patience
    while waiting and quiet < patience and time.monotonic() < end:
        before = time.monotonic()
        ready = selector.select(TICK)
        if not ready and time.monotonic() - before < 1.2 * TICK:
            quiet += TICK
        for key, _ in ready:
            a = key.data
            was_sent, s = a.sent, a.s
            key_fd = key.fd
            a.step()
            if a.result is not None:
                selector.unregister(key_fd)
                waiting.discard(a)
            elif a.sent and not was_sent:
                selector.modify(s, selectors.EVENT_READ, a)
    for a in waiting:
        a.give_up()
    selector.close()
    return [a.result for a in asks]


def ask(*args, patience=PATIENCE, **kwargs):
    return finish_all([Ask(*args, **kwargs)], patience)[0]


class Talk:
    """A connection that stays open."""

    def __init__(self, host, dst, port, src=""):
        self.s = open_socket(host, dst, socket.SOCK_STREAM)
        self.s.settimeout(PATIENCE)
        if src:
            self.s.bind((src, 0))
        self.s.connect((dst, port))

    def alive(self, patience=PATIENCE):
        """One request and its answer."""
        self.s.settimeout(patience)
        try:
            self.s.sendall(b"8\n")
            got = 0
            while got < 8:
                data = self.s.recv(8 - got)
                if not data:
                    return False
                got += len(data)
            return True
        except OSError:
            return False


# Packets by hand ----------------------------------------------------------------------------------

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    total += data[-1] << 8 if len(data) & 1 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


TCP_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16}


def tcp_segment(src, dst, sport, dport, flags):
    bits = sum(TCP_FLAGS[f] for f in flags.split())
    segment = struct.pack("!HHIIBBHHH", sport, dport, 1000, 2000, 5 << 4, bits, 8192, 0, 0)
    ends = socket.inet_pton(AF[family_of(src)], src) + socket.inet_pton(AF[family_of(dst)], dst)
    pseudo = ends + struct.pack("!II", len(segment), socket.IPPROTO_TCP)
    return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]


class Stray:
    """One TCP packet that belongs to no connection; result: "reset" or "silence"."""

    ports = collections.deque(range(20000, 30000))  # ephemeral ones may have had connections

    def __init__(self, host, src, dst, dport, flags, sport=0):
        self.sport, self.dport = sport or self.ports.popleft(), dport
        self.result, self.sent = None, True
        self.headers = 20 if family_of(dst) == 4 else 0  # what a raw socket shows before TCP
        self.s = open_socket(host, dst, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.s.setblocking(False)
        self.s.bind((src, 0))
        self.s.sendto(tcp_segment(src, dst, self.sport, dport, flags), (dst, 0))

    def step(self):
        data = self.s.recv(65536)[self.headers:]
        sport, dport = struct.unpack_from("!HH", data)
        if (sport, dport) == (self.dport, self.sport) and data[13] & TCP_FLAGS["rst"]:
            self.result = "reset"
            self.s.close()

    def give_up(self):
        self.result = "silence"
        self.s.close()


class Echo:
    """An ICMP echo request; result: "answer" or "silence"."""

    def __init__(self, host, dst, src=""):
        self.v4 = family_of(dst) == 4
        self.result, self.sent = None, True
        self.s = open_socket(host, dst, socket.SOCK_RAW,
                             socket.IPPROTO_ICMP if self.v4 else socket.IPPROTO_ICMPV6)
        self.s.setblocking(False)
        if src:
            self.s.bind((src, 0))
        packet = struct.pack("!BBHHH", 8 if self.v4 else 128, 0, 0, os.getpid() & 0xFFFF, 1)
        if self.v4:  # ICMPv6 checksums are the kernel's
            packet = packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]
        try:
            self.s.sendto(packet, (dst, 0))
        except OSError as e:  # this host's own firewall
            self.result = errno_name(e)
            self.s.close()

    def step(self):
        data = self.s.recv(65536)
        if data[20 if self.v4 else 0] == (0 if self.v4 else 129):
            self.result = "answer"
            self.s.close()

    def give_up(self):
        self.result = "silence"
        self.s.close()


GRE = b"\0\0\x08\0"  # an empty header, then our payload


def serve_raw(host, proto):
    """Answers every packet of a protocol without ports."""
    def loop(s, headers):
        while True:
            data, peer = s.recvfrom(65536)
            if data[headers:].endswith(b"question"):
                s.sendto(GRE + b"answer", peer)

    for family in FAMILIES:
        s = open_socket(host, SERVER[family], socket.SOCK_RAW, proto)
        s.bind((SERVER[family], 0))
        threading.Thread(target=loop, args=(s, 20 if family == 4 else 0), daemon=True).start()


class AskRaw:
    """A question in a protocol without ports."""

    def __init__(self, host, dst, proto, src=""):
        self.result, self.sent = None, True
        self.s = open_socket(host, dst, socket.SOCK_RAW, proto)
        self.s.setblocking(False)
        if src:
            self.s.bind((src, 0))
        self.s.sendto(GRE + b"question", (dst, 0))

    def step(self):
        if self.s.recv(65536).endswith(b"answer"):
            self.result = "answer"
            self.s.close()

    def give_up(self):
        self.result = "silence"
        self.s.close()
