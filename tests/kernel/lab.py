# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts for tests: network namespaces without names: nothing is left, whatever ends a test."""

import ctypes
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
MAC = itertools.count(1)
RUN = pathlib.Path("/run/lab")  # in the tmpfs of one test


def call(name, *args):
    if getattr(LIBC, name)(*args):
        errnum = ctypes.get_errno()
        raise OSError(errnum, f"{name}: {os.strerror(errnum)}")


def die_with_parent():
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def in_new_pid_namespace(function):
    """function() in a process whose end is the end of all its descendants; what it returned."""
    call("unshare", CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            die_with_parent()
            status = function()
        except SystemExit as e:
            print(e, file=sys.stderr)
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def enter_sandbox():
    """Takes this process out of the host: mounts and network of its own, an empty /run."""
    call("unshare", CLONE_NEWNS | CLONE_NEWNET)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    call("mount", b"proc", b"/proc", b"proc", 0, None)
    call("mount", b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755")
    RUN.mkdir()


class Host:
    """One network namespace; `with host:` moves the calling thread into it."""

    def __init__(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        call("unshare", CLONE_NEWNET)
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        self.back = []
        # Addresses must be usable at once: no duplicate address detection, on any interface.
        self.sysctl("net/ipv6/conf/default/accept_dad", 0)
        self.sysctl("net/ipv6/conf/default/router_solicitations", 0)
        # A firewall that rejects says so every time.
        self.sysctl("net/ipv4/icmp_ratelimit", 0)
        self.sysctl("net/ipv6/icmp/ratelimit", 0)
        for name in ("icmp_msgs_burst", "icmp_msgs_per_sec"):  # of the namespace since Linux 6.12
            with self:
                if os.path.exists(f"/proc/sys/net/ipv4/{name}"):
                    self.sysctl(f"net/ipv4/{name}", 100000)
        self.run("ip", "link", "set", "lo", "up")
        call("setns", home, CLONE_NEWNET)
        os.close(home)

    def __enter__(self):
        self.back.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        call("setns", self.fd, CLONE_NEWNET)
        return self

    def __exit__(self, *_):
        home = self.back.pop()
        call("setns", home, CLONE_NEWNET)
        os.close(home)

    def run(self, *command, stdin=None, check=True, timeout=60, env=None):
        """Runs a command here; its CompletedProcess, with text output."""
        if "tables-legacy" in command[0] and not command[0].endswith("-save"):
            command = (command[0], "-w", *command[1:])  # other namespaces have the same lock
        with self:
            done = subprocess.run(command, input=stdin, capture_output=True, text=True,
                                  timeout=timeout, env=env, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr}")
        return done

    def sysctl(self, name, value):
        with self, open(f"/proc/sys/{name}", "w", encoding="ascii") as f:
            f.write(str(value))

    def ip(self, *lines):
        self.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def nft(self, text):
        """Loads nft rules."""
        self.run("nft", "-f", "-", stdin=text)

    def listing(self):
        return self.run("nft", "list", "ruleset").stdout

    def wait_for_addresses(self):
        """IPv6 addresses are tentative until a kernel worker has got round to them."""
        tentative, end = 0x40, time.monotonic() + 5
        while time.monotonic() < end:
            with self, open("/proc/thread-self/net/if_inet6", encoding="ascii") as f:
                if not any(int(line.split()[4], 16) & tentative for line in f):
                    return
            time.sleep(0.002)
        raise RuntimeError("IPv6 addresses stay tentative")

    def forward(self):
        self.sysctl("net/ipv4/ip_forward", 1)
        self.sysctl("net/ipv6/conf/all/forwarding", 1)


def link(a, a_name, a_addresses, b, b_name, b_addresses):
    """A cable between two hosts. Neighbours know each other: a first packet is not held up."""
    mac = {a: f"02:00:00:00:00:{next(MAC):02x}", b: f"02:00:00:00:00:{next(MAC):02x}"}
    a.ip(f"link add {a_name} address {mac[a]} type veth "
         f"peer name {b_name} address {mac[b]} netns {b.path}")
    for host, name, own, peer, peers in ((a, a_name, a_addresses, b, b_addresses),
                                         (b, b_name, b_addresses, a, a_addresses)):
        host.ip(f"link set {name} up",
                *(f"addr add {address} dev {name}" for address in own.split()),
                *(f"neigh add {address.split('/')[0]} lladdr {mac[peer]} dev {name}"
                  for address in peers.split()))
    for host in (a, b):
        host.wait_for_addresses()


ONCE = """table inet once {
    set seen4 {
        type ipv4_addr . ipv4_addr . inet_service . inet_service; flags dynamic; size 65535;
    }
    set seen6 {
        type ipv6_addr . ipv6_addr . inet_service . inet_service; flags dynamic; size 65535;
    }
    chain output {
        type filter hook output priority filter;
        tcp flags & (syn | ack) != syn accept
        ip saddr . ip daddr . tcp sport . tcp dport @seen4 drop
        ip6 saddr . ip6 daddr . tcp sport . tcp dport @seen6 drop
        add @seen4 { ip saddr . ip daddr . tcp sport . tcp dport }
        add @seen6 { ip6 saddr . ip6 daddr . tcp sport . tcp dport }
    }
}"""


def syn_once(*hosts):
    """These hosts send no SYN twice: limits count the same however slow this machine is."""
    for host in hosts:
        host.nft(ONCE)


def two_hosts():
    """client -- server, and a second cable to the server's eth1. The client also holds the denied
    sources. Returns (client, server)."""
    client, server = Host(), Host()
    link(client, "eth0", "192.0.2.20/24 2001:db8::20/64 203.0.113.5/32 2001:db8:bad::5/128",
         server, "eth0", "192.0.2.10/24 2001:db8::10/64")
    link(client, "eth1", "10.10.0.20/24 2001:db8:10::20/64",
         server, "eth1", "10.10.0.1/24 2001:db8:10::1/64")
    server.ip("route add 203.0.113.0/24 dev eth0", "route add 2001:db8:bad::/48 dev eth0")
    return client, server


NOWHERE = """table inet nowhere {
    chain forward {
        type filter hook forward priority filter;
        ip daddr 198.51.100.99 reject with icmp type host-unreachable
        ip6 daddr 2001:db8:2::99 reject with icmpv6 type addr-unreachable
    }
}"""


def far_host(client, server):
    """A host behind the client, which forwards and can send 1280 bytes at a time to it; and
    198.51.100.99, 2001:db8:2::99, of which the client says that they cannot be reached."""
    far = Host()
    link(client, "far0", "198.51.100.1/24 2001:db8:2::1/64",
         far, "eth0", "198.51.100.5/24 2001:db8:2::5/64")
    far.ip("route add default via 198.51.100.1", "route add default via 2001:db8:2::1")
    client.ip("link set far0 mtu 1280")
    client.nft(NOWHERE)  # an unreachable route would answer a few times only
    client.forward()
    server.ip("route add 198.51.100.0/24 via 192.0.2.20",
              "route add 2001:db8:2::/64 via 2001:db8::20")
    return far


def three_hosts(mtu=1500, name="eth1", net="10.10.0"):
    """lan -- gateway -- wan: 10.10.0.20 eth0 | eth1 10.10.0.1, 192.0.2.10 eth0 | eth0 192.0.2.20.
    mtu is what the gateway can send into the LAN, over what it calls name. Returns (lan, gateway,
    wan)."""
    lan, gateway, wan = Host(), Host(), Host()
    link(lan, "eth0", f"{net}.20/24 2001:db8:10::20/64",
         gateway, name, f"{net}.1/24 2001:db8:10::1/64")
    link(wan, "eth0", "192.0.2.20/24 2001:db8::20/64",
         gateway, "eth0", "192.0.2.10/24 2001:db8::10/64")
    lan.ip(f"route add default via {net}.1", "route add default via 2001:db8:10::1")
    wan.ip("route add default via 192.0.2.10", "route add default via 2001:db8::10")
    gateway.ip(f"link set {name} mtu {mtu}")
    gateway.forward()
    return lan, gateway, wan
