# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of iptables-legacy: what reading leaves alone, twins that come and go, other writers."""

import fcntl
import os
import re
import shlex
import shutil
import socket
import subprocess
import time

import lab
from harness import (Skip, Untrack, claim, equal, legacy_tables, no_entry, same_text, test)
from lab import Host, two_hosts
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

OPEN = ["answer", "answer"]
CLOSED = ["silence", "silence"]
LOCK = "/run/xtables.lock"  # of one test: /run is its own

FILTER = """*mangle
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
:deny - [0:0]
:services - [0:0]
[5:500] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[2:120] -A INPUT -m conntrack --ctstate INVALID -j DROP
[3:180] -A INPUT ! -i lo -j deny
[4:240] -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW -g services
[6:60] -A deny -s {denied} -m comment --comment "untrack: not one of its rules" -j DROP
[1:60] -A services -p tcp -m multiport --dports 22,80,8000:8010 -j ACCEPT
[0:0] -A services -j RETURN
COMMIT
"""
DENIED = {"iptables": "203.0.113.0/24", "ip6tables": "2001:db8:bad::/48"}
ERRORS = {"iptables": "", "ip6tables": "-A INPUT -p ipv6-icmp -j ACCEPT\n"}


def need(*tools):
    for tool in tools or ("iptables-legacy",):
        if not shutil.which(tool):
            raise Skip(f"no {tool} here")


def load(host):
    """The same firewall for both families, with counts. IPv6 lives by ICMP."""
    need()
    for tool, denied in DENIED.items():
        text = FILTER.format(denied=denied)
        if tool == "ip6tables":
            text = text.replace("[3:180]", "[0:0] -A INPUT -p ipv6-icmp -j ACCEPT\n[3:180]")
        host.run(f"{tool}-legacy-restore", "-c", stdin=text)


def saved(host, counts=True):
    """What iptables-legacy-save prints for both families, without the hour."""
    text = "".join(host.run(f"{tool}-legacy-save", *(["-c"] if counts else [])).stdout
                   for tool in DENIED)
    return re.sub(r"^#.*\n", "", text, flags=re.M)


def ours(host):
    return [line for line in saved(host, False).splitlines() if '"untrack:web"' in line]


def no_policies(listing):
    """A listing without the counts of policies, which iptables-legacy itself sets to zero."""
    return re.sub(r"^(:.*) \[.*", r"\1", listing, flags=re.M)


def others(listing):
    """A listing without our rules."""
    return re.sub(r'^.*"untrack:web".*\n', "", listing, flags=re.M)


def web(client):
    return finish_all([Ask(client, SERVER[f], 80) for f in FAMILIES])


@test("legacy: reading makes no table, of either family")
def reading():
    need()
    server = Host()
    untrack = Untrack(server)
    for command in ("apply", "status", "diff", "remove"):
        untrack.run(command)
        equal(legacy_tables(server), [], command)
    server.run("iptables-legacy", "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED",
               "-j", "ACCEPT")
    server.run("iptables-legacy", "-P", "INPUT", "DROP")
    before = saved(server)
    for command in ("status", "diff", "apply", "status", "apply", "remove"):
        untrack.run(command)
        equal(legacy_tables(server), ["ip filter"], command)
    same_text(saved(server), before, "in the end")


@test("legacy: twins come and go; rules, policies and every count stay")
def come_and_go():
    server = Host()
    load(server)
    untrack = Untrack(server)
    before = saved(server)
    untrack.apply()
    equal(len(ours(server)), 5, "twins")
    same_text(others(saved(server)), before, "others' rules and counts after apply")
    once = saved(server)
    claim("unchanged" in untrack.apply(), "the second apply")
    same_text(saved(server), once, "after the second apply")
    untrack.expect(0, "diff")
    untrack.remove()
    same_text(saved(server), before, "after remove")


@test("legacy: real packets meet the same verdicts, and no entry is left")
def packets():
    client, server = two_hosts()
    serve(server, 80)
    load(server)
    equal(web(client), OPEN, "tracked")
    untrack = Untrack(server)
    untrack.apply()
    equal(web(client), OPEN, "exempt")
    no_entry(server, port=80)
    denied = finish_all([Ask(client, SERVER[4], 80, src="203.0.113.5"),
                         Ask(client, SERVER[4], 81)])
    equal(denied, CLOSED, "a denied source, a closed port")


@test("legacy: the tools of iptables work on, save and restore keep the twins")
def tools():
    server = Host()
    load(server)
    untrack = Untrack(server)
    untrack.apply()
    listing = saved(server)
    for tool in DENIED:
        for chain in ("INPUT", "deny", "services"):
            for line in server.run(f"{tool}-legacy", "-S", chain).stdout.splitlines():
                if line.startswith("-A"):
                    server.run(f"{tool}-legacy", "-C", *shlex.split(line)[1:])
        server.run(f"{tool}-legacy", "-L", "-n", "-v")
        text = server.run(f"{tool}-legacy-save", "-c").stdout
        server.run(f"{tool}-legacy-restore", "-c", stdin=text)
    same_text(saved(server), listing, "saved and restored")
    untrack.expect(0, "diff")
    claim("unchanged" in untrack.apply(), "apply after save and restore")
    twin = shlex.split(ours(server)[0])
    server.run("iptables-legacy", "-D", *twin[1:])
    claim(len(ours(server)) == listing.count('"untrack:web"') - 1, "-D took it away")
    untrack.expect(1, "diff")
    untrack.apply()
    same_text(no_policies(saved(server)), no_policies(listing), "repaired")
    server.run("iptables-legacy", "-A", "INPUT", "-p", "udp", "-j", "ACCEPT")
    server.run("iptables-legacy", "-D", "INPUT", "-p", "udp", "-j", "ACCEPT")
    same_text(no_policies(saved(server)), no_policies(listing), "their own rule came and went")


@test("legacy: flushed, reordered, doubled: repaired, nothing twice")
def repairs():
    server = Host()
    load(server)
    untrack = Untrack(server)
    untrack.apply()
    listing = saved(server)
    twin = ours(server)[0]
    table = next(part for part in others(listing).split("COMMIT\n") if part.startswith("*filter"))
    chain = table.splitlines()
    changes = {
        "restored by its owner": lambda: load(server),
        "one chain flushed and made again": lambda: server.run(
            "iptables-legacy-restore", "-n", "-c", stdin="*filter\n-F INPUT\n" + "".join(
                line + "\n" for line in chain if "-A INPUT" in line) + "COMMIT\n"),
        "a twin doubled": lambda: server.run("iptables-legacy", *shlex.split(
            twin.replace("-A ", "-I ", 1))),
        "a twin at the end": lambda: server.run("iptables-legacy", *shlex.split(twin)),
    }
    for what, change in changes.items():
        change()
        untrack.expect(1, "diff")
        untrack.apply()
        same_text(no_policies(saved(server)), no_policies(listing), what)
        claim("unchanged" in untrack.apply(), f"{what}: the apply after it")
    untrack.remove()
    same_text(no_policies(saved(server)), no_policies(others(listing)), "removed")


@test("legacy: its owner inserts and deletes rules between two applies")
def moved():
    client, server = two_hosts()
    serve(server, 80)
    load(server)
    untrack = Untrack(server)
    untrack.apply()
    n = len(ours(server))
    server.run("iptables-legacy", "-I", "INPUT", "-p", "udp", "-m", "udp", "--dport", "9", "-j",
               "DROP")
    untrack.expect(0, "diff")
    claim("unchanged" in untrack.apply(), "numbers moved, nothing else did")
    server.run("iptables-legacy", "-I", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-s",
               "198.51.100.0/24", "-j", "DROP")
    untrack.apply()
    equal(len(ours(server)), n + 1, "one more state rule, one more twin")
    equal(web(client), OPEN, "exempt")
    no_entry(server, port=80)
    server.run("iptables-legacy", "-D", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-s",
               "198.51.100.0/24", "-j", "DROP")
    untrack.apply()
    equal(len(ours(server)), n, "one fewer")


def slowed(untrack, command, call, microseconds, when=1):
    """The command, held up before the N-th of these system calls."""
    with untrack.host:
        return subprocess.Popen(
            ["strace", "-qq", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
             f"inject={call}:delay_enter={microseconds}:when={when}", *untrack.command(command)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})


def ended(process, what):
    text = process.communicate(timeout=30)[0]
    equal((process.returncode, text if process.returncode else ""), (0, ""), what)


@test("legacy: somebody else writes between reading and commit: nothing of his is lost")
def stale():
    need("strace", "iptables-legacy")
    for lock in (LOCK, "/run/another.lock"):
        # flock: before our lock; setsockopt: between our second look and the commit
        for call in ("flock",) if lock == LOCK else ("flock", "setsockopt"):
            server = Host()
            load(server)
            untrack = Untrack(server)
            slow = slowed(untrack, "apply", call, 700000)
            time.sleep(0.35)
            server.run("iptables-legacy", "-I", "INPUT", "-p", "udp", "-m", "udp", "--dport", "9",
                       "-m", "state", "--state", "NEW", "-j", "DROP",
                       env={**os.environ, "XTABLES_LOCKFILE": lock})
            ended(slow, f"{call}, {lock}")
            claim("--dport 9 -m state" in saved(server), f"{call}, {lock}: his rule is lost")
            untrack.expect(0, "diff")
            listing = saved(server)
            untrack.remove()
            same_text(saved(server), others(listing), f"{call}, {lock}: removed")


@test("legacy: the lock is waited for, but not for ever")
def locked():
    server = Host()
    load(server)
    untrack = Untrack(server)
    before = saved(server), server.listing()
    held = os.open(LOCK, os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    with server:
        waits = subprocess.Popen(untrack.command("apply"), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
    time.sleep(0.6)
    claim(waits.poll() is None, "did not wait")
    fcntl.flock(held, fcntl.LOCK_UN)
    ended(waits, "apply after the lock was free")
    untrack.remove()
    fcntl.flock(held, fcntl.LOCK_EX)
    start = time.monotonic()
    text = untrack.expect(3, "apply")
    took = time.monotonic() - start
    claim("[xtables-lock]" in text and LOCK in text and f"process {os.getpid()}" in text, text)
    claim(9 < took < 25, f"took {took:.1f} s")
    equal((saved(server), server.listing()), before, "the kernel")
    untrack.expect(1, "diff")  # reading needs no lock
    os.close(held)


def writes(untrack, command):
    """What a command writes, in order: "add" and "remove" of a legacy table, "nft"."""
    trace = lab.RUN / "trace"
    done = untrack.host.run("strace", "-qq", "-f", "-o", str(trace), "-s", "400", "-e",
                            "trace=setsockopt,sendto,sendmsg", *untrack.command(command),
                            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    equal(done.returncode, 0, command)
    order = []
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if re.search(r"setsockopt\(\d+, SOL_IPV?6?, (IPT|IP6T)_SO_SET_REPLACE", line) or \
                re.search(r"setsockopt\(\d+, SOL_IP(V6)?, (0x)?(40|64)\b", line):
            order.append("legacy")
        elif "NFNL_MSG_BATCH_BEGIN" in line or "NFNL_SUBSYS_NONE" in line or \
                "nlmsg_type=NFNL_MSG" in line:
            order.append("nft")
    return order


@test("legacy: twins come before the notrack rules and go after them")
def order():
    need("strace", "iptables-legacy")
    server = Host()
    load(server)
    untrack = Untrack(server)
    equal(writes(untrack, "apply"), ["legacy", "legacy", "nft"], "apply")
    equal(writes(untrack, "apply"), [], "unchanged")
    equal(writes(untrack, "remove"), ["nft", "legacy", "legacy"], "remove")


@test("legacy: what the kernel refuses leaves everything as it was")
def refused():
    need("strace", "iptables-legacy")
    server = Host()
    load(server)
    untrack = Untrack(server)
    before = saved(server), server.listing()
    faults = [("setsockopt", error, when) for error in ("EINVAL", "ENOMEM", "EAGAIN")
              for when in range(1, 9)]
    faults += [("flock", "ENOLCK", 1), ("sendto", "ENOBUFS", 3)]
    seen = set()
    for call, error, when in faults:
        done = server.run("strace", "-qq", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                          f"inject={call}:error={error}:when={when}", *untrack.command("apply"),
                          check=False, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        what = f"{call} {error} {when}"
        seen.add(done.returncode)
        claim(done.returncode in (0, 3), f"{what}: status {done.returncode}\n{done.stderr}")
        if done.returncode == 3:
            same_counts = re.sub(r"\[\d+:\d+\]", "", saved(server)), server.listing()
            equal(same_counts, (re.sub(r"\[\d+:\d+\]", "", before[0]), before[1]), what)
            continue
        untrack.expect(0, "diff")
        untrack.remove()
    equal(seen, {0, 3}, "outcomes")


@test("legacy: nft rules change meanwhile, or both at a time: all ends well")
def contention():
    server = Host()
    load(server)
    untrack = Untrack(server)
    before = saved(server)
    script = ("i=0; while [ $i -lt 40 ]; do nft add table ip busy$i; "
              "iptables-legacy -w -A OUTPUT -p udp --dport $((i + 1)) -j ACCEPT; i=$((i + 1)); done")
    with server:
        busy = subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL)
    while busy.poll() is None:
        untrack.apply()
        untrack.remove()
    equal(busy.returncode, 0, "the other one's status")
    equal(server.listing().count("table ip busy"), 40, "the other one's tables")
    after = saved(server)
    equal(after.count("-A OUTPUT -p udp"), 40, "the other one's rules")
    after = re.sub(r"^.*-A OUTPUT -p udp.*\n", "", after, flags=re.M)
    same_text(no_policies(after), no_policies(before), "everything else")
    with server:
        both = [subprocess.Popen(untrack.command("apply"), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for _ in range(3)]
    for process in both:
        ended(process, "an apply of three")
    untrack.expect(0, "diff")


@test("legacy: no packet that a rule counts is lost by our commits")
def flood():
    server = Host()
    load(server)
    server.run("iptables-legacy", "-I", "INPUT", "-p", "udp", "-m", "udp", "--dport", "9", "-j",
               "DROP")
    untrack = Untrack(server)
    with server:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", 9))
    sent, rounds = 0, 0
    with server:
        while rounds < 10:
            both = subprocess.Popen(["sh", "-c", f"{shlex.join(untrack.command('apply'))} && "
                                     f"{shlex.join(untrack.command('remove'))}"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while both.poll() is None:
                for _ in range(50):
                    s.send(b"x")
                    sent += 1
            equal(both.returncode, 0, "apply and remove")
            rounds += 1
    counted = re.search(r"\[(\d+):\d+\] -A INPUT -p udp", saved(server)).group(1)
    equal(int(counted), sent, "packets counted")
