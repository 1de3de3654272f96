# SPDX-License-Identifier: GPL-2.0-or-later
"""Every firewall answers exempt packets as it answered tracked ones: one test for each of
firewalls.py. With UNTRACK_TABLE=FILE a row for each is appended there: name, kind, and what became
of it."""

import functools
import os

from firewalls import GIVEN, all_firewalls
from harness import (Untrack, claim, equal, iptables_twins, listings, same_listings, test, together,
                     tracked, twins)
from matrix import Router, Server, Talks
from netlink import generation
from traffic import SERVER, SERVER_LAN

WEB = "[service web]\nprotocol = tcp\nport = %d\n"
VARIANTS = {  # role server of a port is "web"
    "names": "[service names]\nprotocol = udp\nport = 53\n[loopback]\nnotrack = yes\n",
    "client": "[service pages]\nprotocol = tcp\nport = 80\nrole = client\n"
              "[service resolver]\nprotocol = udp\nport = 53\nrole = client\n",
}
ROUTER = "[service web]\nprotocol = tcp\nport = 80\nrole = router\n"
# Firewalls that are refused in one variant only.
REFUSED_VARIANTS = {
    ("admin-untracked", "names"): "untracked-dropped",
    ("hand-dns-notrack-legacy", "names"): "untracked-dropped",
    ("hand-dns-notrack-nft", "names"): "untracked-dropped",
    ("ipt-negated-state-legacy", "client"): "state-negated",
    ("ipt-negated-state-nft", "client"): "state-negated",
}
# A rule that sets a zone tracks what comes over eth1, whatever was said before: apply warns.
ZONED = {"hand-ct-helper-zone": "state-lost"}
# Where the LAN is not eth1, 10.10.0.0/24.
LANS = {"libvirt-default-legacy": ("virbr0", "192.168.122")}


def apply_and_remove(host, untrack):
    """A removal leaves everything as it was, and an apply that changes nothing writes nothing."""
    before = listings(host)
    untrack.apply()
    untrack.remove()
    same_listings(listings(host), before, "apply and remove")
    said = untrack.apply()
    now = generation(host), listings(host)
    text = untrack.apply()
    claim(text.startswith("unchanged"), f"a second apply says\n{text}")
    equal((generation(host), listings(host)), now, "a second apply")
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
    others = len(tracked(scene.host, port=22))
    rules = all_twins(scene.host, firewall)
    wants_syn = firewall.mentions("syn")  # of what is new, as a live connection is after a removal
    live = Talks(scene.client, SERVER, (firewall.port,))
    untrack.remove()
    for kind, result in live.answers().items():
        first, _, then = result.partition(", then ")
        claim(wants_syn or first == then, f"{kind} while the rules are removed: {result}")
    if "dynamic" not in before["nft"]:
        same_listings(listings(scene.host), before, "after the removal")
    return {"answers": found, "entries of port 22": others, "twins": rules}


def tracked_web(firewall):
    scene = Server(firewall.load, firewall.port)
    return {"answers": scene.answers(), "entries of port 22": len(tracked(scene.host, port=22))}


def variant(firewall, name):
    scene = Server(firewall.load, firewall.port)
    untrack = Untrack(scene.host, VARIANTS[name])
    if (firewall.name, name) in REFUSED_VARIANTS:
        check_refusal(scene.host, untrack, REFUSED_VARIANTS[firewall.name, name])
        return None
    if name == "client" and translates(scene.host, untrack, firewall):
        return None
    before = listings(scene.host)
    untrack.apply()
    found = scene.answers()
    left = scene.served("udp", 53) + scene.looped()
    if name == "client":
        left = scene.asked("tcp", 80) + scene.asked("udp", 53)
    equal(left, [], "entries of what is exempt")
    rules = all_twins(scene.host, firewall)
    untrack.remove()
    if "dynamic" not in before["nft"]:
        same_listings(listings(scene.host), before, "after the removal")
    return {"answers": found, "twins": rules}


def translates(host, untrack, firewall):
    """Does the firewall translate addresses of what is exempt? Then apply says so."""
    if not firewall.mentions("masquerade|snat") or untrack.run("apply").returncode == 0:
        return False
    check_refusal(host, untrack, "nat-conflict")
    return True


def router(firewall, config):
    """The firewall's host forwards, and exempts what config says (None: nothing)."""
    scene = Router(firewall.load, firewall.port, *LANS.get(firewall.name, ()))
    if not config:
        return {"answers": scene.answers()}
    untrack = Untrack(scene.host, config)
    if config == ROUTER and translates(scene.host, untrack, firewall):
        return None
    untrack.apply()
    found = scene.answers()
    if config == ROUTER:
        equal(scene.forwarded("tcp", 80), [], "entries of what is exempt")
    return {"answers": found, "twins": all_twins(scene.host, firewall)}


def check_refusal(host, untrack, finding):
    before = generation(host), listings(host)
    text = untrack.expect(3, "apply")
    claim(f"[{finding}]" in text, f"refused, but not for {finding}:\n{text}")
    equal((generation(host), listings(host)), before, "the kernel after a refusal")


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
    scenes = {"tracked": functools.partial(tracked_web, firewall),
              "web": functools.partial(web, firewall)}
    stateful = firewall.mentions("ct (state|mark)|--(ct)?state|masquerade|limit")
    scenes |= {name: functools.partial(variant, firewall, name) for name in VARIANTS if stateful}
    forwards = firewall.mentions("forward|postrouting") and stateful
    if forwards:
        for name, config in (("routed", None), ("gateway", WEB % firewall.port),
                             ("router", ROUTER)):
            scenes[name] = functools.partial(router, firewall, config)
    found = together(scenes)
    equal(found["web"]["entries of port 22"], found["tracked"]["entries of port 22"],
          "entries of what is not exempt")
    for name, ports in (("web", (firewall.port,)), ("names", ()), ("client", ()), ("gateway", ()),
                        ("router", (80,))):
        if found.get(name):
            tracked_too = "routed" if name in ("gateway", "router") else "tracked"
            compare(found[tracked_too]["answers"], found[name], ports, name)


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


for one in all_firewalls():
    test(f"same answers: {one.name}")(functools.partial(judge, one))
