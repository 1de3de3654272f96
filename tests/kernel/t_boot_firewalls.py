# SPDX-License-Identifier: GPL-2.0-or-later
"""Real firewalls on a real systemd, started before us and again after us: rules and twins come back
without anybody's help, and so does traffic. For how long was it cut off?"""

import functools
import re
import time

from booted import Booted
from harness import claim, equal, no_entry, test
from lab import two_hosts
from packages import unpack
from t_boot import NETWORK, configure, journal, show, until
from traffic import CLIENT, SERVER, serve
from watching import Stream

# Answers from others need twins with each of these firewalls.
ASKS = "[service dns]\nprotocol = udp\nport = 53\nrole = client\n"
# firewalld starts after basic.target.
TARGET = """[Unit]
Requires=basic.target
After=basic.target
"""
# A newer firewalld waits for itself, by firewall-cmd, which needs polkit.
WANTED = """[Service]
ExecStartPost=
[Install]
WantedBy=firewalled.target
"""


def unpack_ufw(booted):
    unpack(["ufw"], booted.root)
    for file in (booted.root / "usr/share/ufw/iptables").glob("*.rules"):
        booted.write(f"etc/ufw/{file.name}", file.read_text(encoding="ascii"))
    booted.write("etc/ufw/ufw.conf", "ENABLED=yes\nLOGLEVEL=off\n")


def unpack_firewalld(booted):
    unpack(["firewalld", "python3-firewall"], booted.root)
    settings = booted.root / "etc/firewalld/firewalld.conf"
    text = settings.read_text(encoding="utf-8")  # from 2.1 on; what the finding owned-table says
    settings.write_text(re.sub(r"(?m)^(NftablesTableOwner)=.*", r"\1=no", text), encoding="utf-8")


def host_with(unpack_firewall, service):
    """Files of a host with the units, and with that firewall enabled."""
    def prepare(booted):
        booted.install_units()
        configure(booted, ASKS)
        unpack_firewall(booted)
        booted.write("etc/systemd/system/firewalled.target", TARGET)
        booted.write("etc/systemd/system/network.service",
                     NETWORK.replace("basic.target", "firewalled.target"))
        booted.write(f"etc/systemd/system/{service}.d/wanted.conf", WANTED)
        booted.enable("network.service", service, "untrack.service")
    return prepare


class Scene:
    """A booted host with a firewall that asks others, and what has happened there."""

    def __init__(self, booted, stream, service):
        self.booted, self.stream, self.service = booted, stream, service
        self.found = []

    def repairs(self, unit):
        return len(re.findall(r"\[repaired\]$", journal(self.booted, "-u", unit), re.M))

    def again(self, unit, *command):
        """Runs it, waits until this unit has repaired, and notes the gap."""
        repairs, begin = self.repairs(unit), time.monotonic()
        self.stream.flows()
        self.booted.run(*command)
        until(lambda: self.repairs(unit) > repairs, f"{' '.join(command)}: {unit}", self.booted)
        self.stream.flows()
        equal(self.booted.run("untrack", "diff", "-q", check=False).returncode, 0, "diff")
        self.found.append(f"{' '.join(command)} {self.stream.gap(begin):.0f} ms")


def claim_boot(booted, server, service):
    said = journal(booted, "-u", "untrack.service")
    claim(re.search(r"^applied: 1 exemption, 6 rules, [1-9] twins", said, re.M), said)
    firewall, rules, network = (int(show(booted, unit, "ActiveEnterTimestampMonotonic")[0])
                                for unit in (service, "untrack.service", "network-pre.target"))
    claim(0 < firewall <= rules <= network, f"{service} at {firewall} us, rules at {rules} us, "
          f"network-pre.target at {network} us")
    equal(booted.run("untrack", "diff", "-q", check=False).returncode, 0, "diff after the boot")
    no_entry(server, "udp", 53)


def firewall_boots(unpack_firewall, name, by_systemd, by_itself):
    client, server = two_hosts()
    serve(client, 53, proto="udp")
    server.ip("link set eth0 down")
    service = f"{name}.service"
    with Booted(server, host_with(unpack_firewall, service), target="firewalled.target") as booted, \
            Stream(server, ends=(SERVER[4], CLIENT[4])) as stream:
        stream.flows()
        claim_boot(booted, server, service)
        scene = Scene(booted, stream, service)
        for verb in by_systemd:
            scene.again(f"untrack-after@{service}", "systemctl", verb, name)
        booted.run("systemctl", "start", "untrack-watch")
        scene.again("untrack-watch", *by_itself)
        no_entry(server, "udp", 53)
        print("gaps: " + ", ".join(scene.found))


# A reload that systemd is not told of is watch's to find: firewall-cmd --reload is one, too, and
# needs polkit.
for firewall, row in {
        "ufw": (unpack_ufw, "ufw", ["restart"], ["ufw", "reload"]),
        "firewalld": (unpack_firewalld, "firewalld", ["restart", "reload"],
                      ["systemctl", "kill", "--signal=HUP", "firewalld"]),
}.items():
    test(f"boot, restarts and reloads of {firewall}: rules, twins and traffic come back")(
        functools.partial(firewall_boots, *row))
