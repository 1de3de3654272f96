# SPDX-License-Identifier: GPL-2.0-or-later
"""Reloads of real firewalls beside untrack watch: for how long is exempt traffic cut off? Their
packages are unpacked, never installed, by make reloads: installed, they would start."""

import functools
import os
import pathlib
import shutil
import time

import lab
from harness import Skip, Untrack, claim, test
from lab import two_hosts
from packages import unpack
from traffic import serve
from watching import DNS, Stream, Watch

FERM = """domain (ip ip6) table filter chain INPUT {
    policy DROP;
    mod state state (ESTABLISHED RELATED) ACCEPT;
    interface lo ACCEPT;
    proto (icmp ipv6-icmp) ACCEPT;
    proto udp dport 53 mod state state NEW ACCEPT;
}
"""
FIREHOL = """version 6
interface any world
    policy drop
    server "dns icmp" accept
    client all accept
"""
SHOREWALL = {
    "zones": "fw firewall\nnet ipv4\n",
    "interfaces": "net eth0\nnet eth1\n",
    "policy": "$FW net ACCEPT\nnet all DROP\nall all REJECT\n",
    "rules": "?SECTION NEW\nACCEPT net $FW udp 53\n",
}
FIREWALLS = {  # name: (packages, files, how to start it, how to reload it)
    "ferm": (["ferm"], {"/etc/ferm/own.conf": FERM}, ["ferm", "/etc/ferm/own.conf"], None),
    "FireHOL": (["firehol-common", "firehol"],
                {"/etc/default/firehol": "START_FIREHOL=YES\n",
                 "/etc/firehol/firehol.conf": FIREHOL}, ["firehol", "start"], None),
    "Shorewall": (["shorewall-core", "shorewall"],
                  {f"/etc/shorewall/{name}": text for name, text in SHOREWALL.items()},
                  ["shorewall", "start"], ["shorewall", "reload"]),
}


def own_copy(place):
    """What this test changes there is gone when it ends."""
    here = lab.RUN / place.replace("/", "-")
    for name in ("upper", "work"):
        (here / name).mkdir(parents=True)
    options = f"lowerdir={place},upperdir={here}/upper,workdir={here}/work"
    lab.call("mount", b"overlay", place.encode(), b"overlay", 0, options.encode())


def set_up(packages, files):
    for place in ("/usr", "/etc", "/var"):
        own_copy(place)
    unpack(packages)
    pathlib.Path("/var/lib/shorewall").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_text(text, encoding="ascii")


def reloads(packages, files, start, again):
    client, server = two_hosts()
    set_up(packages, files)
    if not shutil.which(start[0]):
        raise Skip(f"no {start[0]} in {packages}")
    serve(server, 53, proto="udp")
    server.run(*start)
    untrack = Untrack(server, DNS)
    claim("0 twins" not in untrack.apply(), "this firewall needs no twins: the test shows nothing")
    found = []
    with Watch(untrack) as watch, Stream(client) as stream:
        for _ in range(3):
            stream.flows()
            begin = time.monotonic()
            server.run(*(again or start))
            took = time.monotonic() - begin
            watch.until(lambda n=len(found): watch.said().count("[repaired]") > n, "a repair")
            watch.repaired("after the reload")
            stream.flows()
            found.append(f"{stream.gap(begin):.0f} ms ({1000 * took:.0f} ms)")
    print("gaps (and how long the reload took): " + ", ".join(found))


for firewall, row in FIREWALLS.items() if "UNTRACK_RELOADS" in os.environ else ():
    test(f"reloads of {firewall}: exempt traffic comes back by itself")(
        functools.partial(reloads, *row))
