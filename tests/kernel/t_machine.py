# SPDX-License-Identifier: GPL-2.0-or-later
"""What other kernels make of it, where everything is a module and netfilter is not there yet when
the service starts: machines of machine.py, for `make test-kernels`."""

import re
import shlex
import shutil
import time

from harness import ROOT, RULESETS, WEB, claim, equal, ruleset
from harness import test as a_test
from machine import MACHINE, Machine
from t_boot import CONNTRACK, configure, journal, show, timeout, until, wait_for_state

BUILT = ("untrack", "fault", "shim.so", "entries", "no_memory.so")


def test(name):
    """There are machines only where a kernel for them was fetched."""
    return a_test(f"machine: {name}") if MACHINE else lambda function: function


# A second host, behind the cable that the network brings up. It knocks from before the rules on.
OUTSIDE = """[Unit]
DefaultDependencies=no
Before=untrack.service nftables.service iptables.service network-pre.target
Before=modprobe@nf_tables.service modprobe@nft_ct.service
After=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=sh -c 'cut -d" " -f1 /proc/modules >/run/modules.before'
ExecStart=ip netns add outside
ExecStart=ip link add eth0 type veth peer name out0 netns outside
ExecStart=ip -n outside address add 192.0.2.20/24 dev out0
ExecStart=ip -n outside link set out0 up
ExecStart=ip address add 192.0.2.10/24 dev eth0
ExecStart=systemctl --no-block start knocking.service
[Install]
WantedBy=sysinit.target
"""
SERVICE = """[Unit]
DefaultDependencies=no
{unit}
[Service]
ExecStart={command}
[Install]
WantedBy=basic.target
"""
NETWORK = """[Unit]
DefaultDependencies=no
After=network-pre.target
Before=network.target
Wants=network-pre.target network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set eth0 up
[Install]
WantedBy=basic.target
"""
LISTEN = """
import socket, threading
def answer(listener):
    while True:
        s, _ = listener.accept()
        s.sendall(b"x")
        s.close()
for port in (80, 443, 8080):
    listener = socket.create_server(("0.0.0.0", port), backlog=128)
    threading.Thread(target=answer, args=(listener,)).start()
"""
KNOCK = """
import socket, time
with open("/run/knocks", "w", buffering=1) as log:
    while True:
        for port in (80, 443, 8080):
            s = socket.socket()
            s.settimeout(0.5)
            try:
                s.connect(("192.0.2.10", port))
                said = "answer" if s.recv(1) else "closed"
            except OSError as e:
                said = type(e).__name__
            s.close()
            log.write(f"{time.monotonic()} {port} {said}\\n")
            time.sleep(0.05)
"""
LEGACY = """[Unit]
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target
After=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=iptables-legacy-restore /etc/iptables.save
ExecStart=ip6tables-legacy-restore /etc/ip6tables.save
[Install]
WantedBy=sysinit.target
"""


def scene(backend, firewall=True):
    """A host with a network of its own, a listener, a client, and a firewall of that kind."""
    def prepare(booted):
        configure(booted, f"[untrack]\nbackend = {backend}\n{CONNTRACK}{WEB}")
        booted.write("opt/listen.py", LISTEN)
        booted.write("opt/knock.py", KNOCK)
        units = {"outside": OUTSIDE, "network": NETWORK,
                 "listening": SERVICE.format(unit="After=network.target",
                                             command="python3 /opt/listen.py"),
                 "knocking": SERVICE.format(unit="", command="ip netns exec outside "
                                            "python3 /opt/knock.py")}
        if backend == "iptables" and firewall:
            units["iptables"] = LEGACY
            for name in ("iptables", "ip6tables"):
                shutil.copy(RULESETS / "hand-iptables-legacy" / f"{name}.save", booted.root / "etc")
        for name, text in units.items():
            booted.write(f"etc/systemd/system/{name}.service", text)
        booted.write("etc/nftables.conf", "flush ruleset\n" + ruleset("stateful-new"))
        booted.enable("untrack.service", *(f"{name}.service" for name in units),
                      *(["nftables.service"] if backend == "nftables" and firewall else []))
    return prepare


def knocks(booted):
    """[(seconds since boot, port, result)]"""
    rows = [line.split() for line in booted.run("cat", "/run/knocks").stdout.splitlines()]
    return [(float(at), int(port), said) for at, port, said in (r for r in rows if len(r) == 3)]


def entries(booted, port):
    text = booted.run("conntrack", "-L", "-p", "tcp").stdout
    return [line for line in text.splitlines() if f"dport={port} " in line]


def modules(booted, path="/proc/modules"):
    return {line.split()[0] for line in booted.run("cat", path).stdout.splitlines()}


def claim_order(booted):
    """Rules, then the network, then the first answer."""
    def at(unit, name):
        return int(show(booted, unit, name)[0]) / 1e6

    until(lambda: any(k[1:] == (80, "answer") for k in knocks(booted)), "no answer", booted)
    seen = knocks(booted)
    times = {"rules": at("untrack", "ExecMainExitTimestampMonotonic"),
             "network-pre.target": at("network-pre.target", "ActiveEnterTimestampMonotonic"),
             "network": at("network", "ExecMainStartTimestampMonotonic"),
             "first answer": next(k[0] for k in seen if k[1:] == (80, "answer"))}
    order = list(times.values())
    claim(0 < order[0] and order == sorted(order), f"order: {times}")
    took = (times["rules"] - at("untrack", "ExecMainStartTimestampMonotonic")) * 1000
    print(f"ExecStart to exit: {took:.0f} ms; " +
          ", ".join(f"{name} {value:.2f} s" for name, value in times.items()))


def claim_exempt(booted):
    """Port 80 works and is not tracked, 443 works and is, 8080 is closed."""
    until(lambda: (443, "answer") in {k[1:] for k in knocks(booted)}, "443", booted)
    seen = {k[1:] for k in knocks(booted)}
    claim((8080, "answer") not in seen, "a closed port is open")
    claim(entries(booted, 443), "nothing is tracked on this host: the test shows nothing")
    equal(entries(booted, 80), [], "entries of port 80")


def claim_commands(booted):
    """What looks at the kernel and changes nothing finds all well there."""
    for command, words in ((["status"], "web"), (["check", "--live"], ""), (["diff"], ""),
                           (["check", "--kernel"], ""), (["watch", "--once"], ""),
                           (["metrics"], "untrack_rules"), (["doctor"], ""), (["facts"], "{")):
        done = booted.run("untrack", *command, check=False)
        text = done.stdout + done.stderr
        claim(done.returncode == 0 and words in text,
              f"untrack {' '.join(command)}: status {done.returncode}:\n{text}")


def boots_well(backend, brought):
    with Machine(prepare=scene(backend)) as booted:
        early = modules(booted, "/run/modules.before") & {*brought, "nf_conntrack", "nf_tables"}
        equal(early, set(), "modules that were there before the service")
        claim_order(booted)
        claim_exempt(booted)
        equal(timeout(booted), "3600", "the setting of [conntrack]")
        equal(brought - modules(booted), set(), "modules that did not come")
        equal(show(booted, "untrack", "ActiveState", "ExecMainStatus"), ["active", "0"],
              journal(booted, "-u", "untrack"))
        claim_commands(booted)
        if backend == "iptables":
            restarted(booted)
        booted.run("systemctl", "stop", "untrack")
        left = everything(booted)
        claim("untrack" not in left.lower(), f"left after stop:\n{left}")
        equal(timeout(booted), "432000", "the setting, after stop")


def everything(booted):
    """All rules, of nft and of iptables-legacy."""
    return booted.run("sh", "-c", "nft list ruleset; "
                      "iptables-legacy-save; ip6tables-legacy-save").stdout


def legacy_rules(booted):
    text = booted.run("iptables-legacy-save").stdout
    return "-A UNTRACK-PRE" in text and re.search(r"UNTRACKED .*untrack:web", text)


def restarted(booted):
    claim(legacy_rules(booted), "no twins:\n" + everything(booted))
    booted.run("systemctl", "restart", "iptables")
    until(lambda: legacy_rules(booted), "twins after the restart of iptables", booted)


@test("rules, then network, then listener; modules come by themselves; nftables")
def boots_with_nftables():
    boots_well("nftables", {"nf_tables", "nf_conntrack", "nft_ct", "nf_conntrack_netlink"})


@test("rules, then network, then listener; modules come by themselves; iptables-legacy")
def boots_with_iptables():
    boots_well("iptables", {"nf_conntrack", "iptable_raw", "ip6table_raw", "xt_CT", "xt_comment"})


@test("no firewall: the service alone brings what it needs, and the settings are in effect")
def boots_alone():
    with Machine(prepare=scene("nftables", firewall=False)) as booted:
        claim_order(booted)
        equal(timeout(booted), "3600", "the setting of [conntrack]")
        equal(entries(booted, 80), [], "entries of port 80")


# Firewalls of Debian ------------------------------------------------------------------------------

# These start on the way to multi-user.target.

def with_ufw(booted):
    configure(booted, WEB)
    for port in ("80", "443"):
        booted.inside("ufw", "allow", f"{port}/tcp")
    conf = booted.root / "etc/ufw/ufw.conf"
    booted.write("etc/ufw/ufw.conf", conf.read_text("ascii").replace("ENABLED=no", "ENABLED=yes"))
    booted.enable("untrack.service", "ufw.service")


def with_firewalld(booted):
    configure(booted, WEB)
    booted.inside("firewall-offline-cmd", "--add-service=http", "--add-service=https")
    booted.enable("untrack.service", "firewalld.service")


def whole(booted):
    """Is all of ours there, and a twin in theirs?"""
    said = booted.run("untrack", "diff", check=False).stdout
    return re.match(r"equal: .* [1-9]\d* twin", said)


def follows(prepare, unit, reload):
    """A firewall that is restarted has our rules again; one that reloads by itself, where we watch."""
    with Machine(prepare=prepare, target="multi-user.target") as booted:
        wait_for_state(booted, unit, "active")
        until(lambda: whole(booted), f"with {unit}", booted)
        booted.run("systemctl", "restart", unit)
        until(lambda: whole(booted), f"restart {unit}", booted)
        booted.run("systemctl", "start", "untrack-watch")
        since = time.monotonic()
        booted.run(*reload)
        until(lambda: whole(booted), " ".join(reload), booted)
        print(f"{' '.join(reload)}, and ours are back: {time.monotonic() - since:.1f} s")
        booted.run("systemctl", "stop", "untrack")
        left = everything(booted)
        claim("untrack" not in left.lower(), f"left after stop:\n{left}")


@test("ufw starts, is restarted and reloads: our rules are back")
def ufw():
    follows(with_ufw, "ufw.service", ["ufw", "reload"])


@test("firewalld starts, is restarted and reloads: our rules are back")
def firewalld():
    follows(with_firewalld, "firewalld.service", ["firewall-cmd", "--reload"])


# Tests of this directory --------------------------------------------------------------------------

SUITE = ("policy drop input", "policy drop output", "drain: an exempt interface",
         "settings: set with the rules", "check --kernel: both backends",
         "check --kernel: what this kernel does not have", "apply, then remove",
         "role router", "path MTU: a large answer", "status: counts", "legacy: twins come and go",
         "an exempt interface: everything", "GRE", "doctor: a full table")


def with_tests(booted):
    there = booted.root / "opt"
    for name in ("tests/kernel", "rules.d"):
        shutil.copytree(ROOT / name, there / name)
    (there / "build").mkdir()
    for name in BUILT:
        shutil.copy(booted.built / name, there / "build")


RUN = """exec >/run/said 2>&1
export TIMES=1 UNTRACK_LIMIT=900 UNTRACK_MUST_WORK=1
/opt/tests/kernel/run -j 1 {words}
echo "status $?"
"""


@test("tests of the kernel suite")
def suite():
    with Machine(prepare=with_tests) as booted:
        booted.write("run/tests", RUN.format(words=" ".join(map(shlex.quote, SUITE))))
        booted.run("systemd-run", "-q", "-p", "LimitNOFILE=524288", "sh", "/run/tests")
        said = ""
        while not re.search(r"^status \d+$", said, re.M):
            time.sleep(2)
            more = booted.run("tail", "-c", f"+{len(said.encode()) + 1}", "/run/said").stdout
            print(more, end="", flush=True)
            said += more
        claim(said.endswith("\nstatus 0\n"), "not all passed")
