# SPDX-License-Identifier: GPL-2.0-or-later
"""Real firewalls on a real systemd, started before us and again after us: rules and twins come back
without anybody's help, and so does traffic. For how long was it cut off?"""

import re
import time

from booted import Booted
from harness import claim, equal, no_entry, test, tracked
from lab import two_hosts
from packages import unpack
from t_boot import NETWORK, configure, journal, show, until, wait_for_state
from traffic import CLIENT, ask, serve
from watching import Stream

# Asks others: the answers need twins with every one of these firewalls.
ASKS = "[service dns]\nprotocol = udp\nport = 53\nrole = client\n"
# What services of a host want at boot; Booted goes no further than it is told.
TARGET = """[Unit]
Requires=basic.target
After=basic.target
"""


def unpack_ufw(booted):
    unpack(["ufw"], booted.root)
    etc, shipped = booted.root / "etc/ufw", booted.root / "usr/share/ufw"
    for file in (shipped / "iptables").glob("*.rules"):
        booted.write(f"etc/ufw/{file.name}", file.read_text())
    booted.write("etc/ufw/ufw.conf", "ENABLED=yes\nLOGLEVEL=off\n")
    claim((etc / "before.rules").exists(), "no rules of ufw")


def unpack_firewalld(booted):
    unpack(["firewalld", "python3-firewall"], booted.root)


def host_with(unpack_firewall, service, *enabled):
    def prepare(booted):
        booted.install_units()
        configure(booted, ASKS)
        unpack_firewall(booted)
        booted.write("etc/systemd/system/firewalled.target", TARGET)
        booted.write("etc/systemd/system/network.service",
                     NETWORK.replace("basic.target", "firewalled.target"))
        booted.write(f"etc/systemd/system/{service}.d/wanted.conf",
                     "[Install]\nWantedBy=firewalled.target\n")
        booted.enable("network.service", service, "untrack.service", *enabled)
    return prepare


def twins_there(booted):
    return "unchanged" in booted.run("untrack", "apply", check=False).stdout


@test("XX")
def xx():
    import subprocess
    for unp, svc in ((unpack_firewalld, "firewalld.service"),):
        client, server = two_hosts()
        serve(client, 53, proto="udp")
        server.ip("link set eth0 down")
        t=time.monotonic()
        with Booted(server, host_with(unp, svc), target="firewalled.target") as b:
            print("boot", time.monotonic()-t)
            print(b.run("systemctl", "list-units", "--state=failed").stdout)
            print(b.run("systemctl", "status", svc, "untrack", check=False).stdout)
            print(journal(b, "-u", "untrack*", "-u", svc))
            print(b.run("untrack","status",check=False).stdout)
            print(b.run("systemctl", "show", "-p", "ActiveEnterTimestampMonotonic,Id", svc, "untrack.service", "network-pre.target", "network.service").stdout)
            cmds = [["restart", svc], ["reload", svc]]
            with Stream(server, ends=("192.0.2.10", CLIENT[4])) as stream:
                stream.flows()
                for c in cmds:
                    begin=time.monotonic()
                    print(c, b.run("systemctl", *c, check=False))
                    print(time.monotonic()-begin)
                    time.sleep(2)
                    try: stream.flows(3)
                    except Exception as e: print(e)
                    print("gap", stream.gap(begin))
                    print(b.run("untrack","diff",check=False).stdout)
                    print(b.run("untrack","apply",check=False))
