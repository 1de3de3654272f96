# SPDX-License-Identifier: GPL-2.0-or-later
"""Every firewall answers exempt packets as it answered tracked ones: one test for each of
firewalls.py. With UNTRACK_TABLE=FILE a row for each is appended there: name, kind, and what became
of it."""

import functools
import os

from firewalls import Firewall, GIVEN, all_firewalls
from harness import (Untrack, claim, equal, iptables_twins, listings, same_listings, test, together,
                     tracked, twins)
from matrix import Router, Server, Talks
from netlink import generation
from traffic import SERVER, SERVER_LAN

WEB = "[service web]\nprotocol = tcp\nport = %d\n"
NAMES = """[service names]
protocol = udp
port = 53
[loopback]
notrack = yes
"""
CLIENT = """[service pages]
protocol = tcp
port = 80
role = client
[service resolver]
protocol = udp
port = 53
role = client
"""
THROUGH = """[service through]
protocol = tcp
port = 80
role = router
"""
# Firewalls that are refused in one variant only.
REFUSED_VARIANTS = {
    ("admin-untracked", NAMES): "untracked-dropped",
    ("ipt-negated-state-legacy", CLIENT): "state-negated",
    ("ipt-negated-state-nft", CLIENT): "state-negated",
    ("shorewall-one-interface-legacy", CLIENT): "untracked-dropped",
    ("shorewall-one-interface-nft", CLIENT): "untracked-dropped",
}
# A rule that sets a zone tracks what comes over eth1, whatever was said before: apply warns.
ZONED = {"hand-ct-helper-zone": "those of web that it matches stay tracked [state-lost]"}
# Where the LAN is not eth1, 10.10.0.0/24.
LANS = {"libvirt-default-legacy": ("virbr0", "192.168.122")}


def apply_and_remove(host, untrack):
    """A removal leaves everything as it was, and an apply that changes nothing writes nothing."""
    before = listings(host)
    untrack.apply()
    untrack.remove()
    same_listings(listings(host), before, "apply and remove")
    said = untrack.apply()
    now, then = listings(host), generation(host)
    text = untrack.apply()
    claim(text.startswith("unchanged"), f"a second apply says\n{text}")
    same_listings(listings(host), now, "a second apply")
    equal(generation(host), then, "nft's generation after a second apply")
    return before, said


def all_twins(host, firewall):
    return twins(host) + (iptables_twins(host, firewall.form) if firewall.form else [])


def web(firewall):
    """A service of this host on the port that the firewall opens."""
    scene = Server(firewall.load, firewall.port)
    untrack = Untrack(scene.host, WEB % firewall.port)
    before, said = apply_and_remove(scene.host, untrack)
    claim(ZONED.get(firewall.name, "") in said, f"no warning of zones:\n{said}")
    found = scene.answers()
    equal([e for e in scene.served("tcp", firewall.port) if firewall.name not in ZONED
           or not {e.src, e.dst} & set(SERVER_LAN.values())], [], "entries of what is exempt")
    other = len(tracked(scene.host, port=22))
    rules = all_twins(scene.host, firewall)
    # A live connection is new after a removal.
    wants_syn = firewall.mentions("syn|maxseg|mss")
    live = Talks(scene.client, SERVER, (firewall.port,))
    untrack.remove()
    for kind, result in live.answers().items():
        first, _, then = result.partition(", then ")
        claim(wants_syn or first == then, f"{kind} while the rules are removed: {result}")
    if "dynamic" not in before["nft"]:
        same_listings(listings(scene.host), before, "after the removal")
    return {"answers": found, "entries of port 22": other, "twins": rules}


def tracked_web(firewall):
    scene = Server(firewall.load, firewall.port)
    return {"answers": scene.answers(), "entries of port 22": len(tracked(scene.host, port=22))}


def accepted(host, firewall, configs):
    """Those of the configurations that are not refused; the others are, for what they must be."""
    found = []
    for config in configs:
        finding = REFUSED_VARIANTS.get((firewall.name, config))
        untrack = Untrack(host, config)
        if not finding and config in (CLIENT, THROUGH) and firewall.mentions("masquerade|snat"):
            finding = "nat-conflict" if untrack.run("check", "--live").returncode else None
        if finding:
            check_refusal(host, untrack, finding)
        else:
            found.append(config)
    return found


def others(firewall):
    """A name server of this host, its own questions to others, and loopback."""
    scene = Server(firewall.load, firewall.port)
    configs = accepted(scene.host, firewall, (NAMES, CLIENT))
    untrack = Untrack(scene.host, "".join(configs))
    before = listings(scene.host)
    untrack.apply()
    found = scene.answers()
    left = []
    if NAMES in configs:
        left += scene.served("udp", 53) + scene.looped()
    if CLIENT in configs:
        left += scene.asked("tcp", 80) + scene.asked("udp", 53)
    equal(left, [], "entries of what is exempt")
    rules = all_twins(scene.host, firewall)
    untrack.remove()
    if "dynamic" not in before["nft"]:
        same_listings(listings(scene.host), before, "after the removal")
    return {"answers": found, "twins": rules}


def routed(firewall):
    return {"answers": Router(firewall.load, firewall.port,
                              *LANS.get(firewall.name, ())).answers()}


def through(firewall):
    """A service of a gateway, and the same port of what is behind it."""
    scene = Router(firewall.load, firewall.port, *LANS.get(firewall.name, ()))
    configs = accepted(scene.host, firewall, (WEB % firewall.port, THROUGH))
    Untrack(scene.host, "".join(configs)).apply()
    found = scene.answers()
    if THROUGH in configs:
        equal(scene.forwarded("tcp", 80), [], "entries of what is exempt")
    return {"answers": found, "twins": all_twins(scene.host, firewall)}


def check_refusal(host, untrack, finding):
    before, then = listings(host), generation(host)
    text = untrack.expect(3, "apply")
    claim(f"[{finding}]" in text, f"refused, but not for {finding}:\n{text}")
    same_listings(listings(host), before, "the kernel after a refusal")
    equal(generation(host), then, "nft's generation after a refusal")


def refused(firewall):
    scene = Server(firewall.load, firewall.port)
    check_refusal(scene.host, Untrack(scene.host, WEB % firewall.port), firewall.finding)


def also_fine(kind, want, got, ports):
    """An ACK that belongs to no connection opens one while tracked and continues one while exempt,
    which a port that is open to somebody answers."""
    return " stray " in kind and int(kind.split()[-1]) in ports and (want, got) == ("silence",
                                                                                    "reset")


def compare(want, got, exempt_ports, what):
    differ = [f"{kind}: tracked {want[kind]}, exempt {got['answers'][kind]}" for kind in want
              if want[kind] != got["answers"][kind]
              and not also_fine(kind, want[kind], got["answers"][kind], exempt_ports)]
    claim(not differ, f"{what}:\n" + "\n".join(differ) + "\nwith\n" + "\n".join(got["twins"]))


def same_answers(firewall):
    scenes = {"tracked": tracked_web, "web": web}
    if firewall.mentions("ct (state|mark)|--(ct)?state|masquerade|limit"):
        scenes["others"] = others
        if firewall.mentions("^-A (FORWARD|POSTROUTING)|hook (forward|postrouting)"):
            scenes |= {"routed": routed, "through": through}
    found = together({name: functools.partial(scene, firewall) for name, scene in scenes.items()})
    equal(found["web"]["entries of port 22"], found["tracked"]["entries of port 22"],
          "entries of what is not exempt")
    for name, like, ports in (("web", "tracked", (firewall.port,)), ("others", "tracked", ()),
                              ("through", "routed", (80,))):
        if name in found:
            compare(found[like]["answers"], found[name], ports, name)


def judge(firewall):
    outcome = "differs"
    try:
        if firewall.finding:
            refused(firewall)
            outcome = f"refused: {firewall.finding}"
        else:
            same_answers(firewall)
            outcome = "same"
    finally:
        if os.environ.get("UNTRACK_TABLE"):
            with open(os.environ["UNTRACK_TABLE"], "a", encoding="ascii") as f:
                f.write(f"| {firewall.name} | {firewall.kind} | {outcome} |\n")


@test("the firewalls that were given are all there, each once")
def all_there():
    names = [firewall.name for firewall in all_firewalls()]
    equal([n for n in GIVEN if names.count(n) != 1], [], "missing, or there twice")
    equal(len(GIVEN), 61, "firewalls")
    same = [firewall for firewall in all_firewalls()
            if firewall.name in GIVEN and not firewall.finding]
    equal(len(same), 55, "of which the same answers are expected")


@test("same answers: kube-proxy-legacy, and a port that it does not translate")
def beside_services():
    kube = next(firewall for firewall in all_firewalls() if firewall.name == "kube-proxy-legacy")
    kube = Firewall(kube.name, kube.path, kube.kind, 8080)
    found = together({name: functools.partial(scene, kube)
                      for name, scene in (("tracked", tracked_web), ("web", web))})
    compare(found["tracked"]["answers"], found["web"], (8080,), "web")


for one in all_firewalls():
    test(f"same answers: {one.name}")(functools.partial(judge, one))
