# SPDX-License-Identifier: GPL-2.0-or-later
"""Every firewall answers exempt packets as it answered tracked ones: one test for each ruleset in
rulesets/, and for those of UNTRACK_RULESETS (folders with kind, port and what `load` loads)."""

import functools
import os
import pathlib

from harness import (RULESETS, Untrack, claim, equal, no_entry, same_text, test, tracked, zeroed)
from lab import two_hosts
from netlink import generation
from traffic import (CLIENT, DENIED, FAMILIES, SERVER, Ask, Echo, Stray, Talk, finish_all, serve)

# What DESIGN.md section 5 refuses, and the finding that says so.
REFUSED = {
    "concatenated": "state-unknown",
    "ct-mark": "state-lost",
    "invalid-untracked": "untracked-dropped",
    "mangle-invalid": "untracked-dropped",
    "negated": "state-negated",
    "synproxy": "synproxy-conflict",
}
# An ACK that belongs to no connection opens one while tracked and continues one while exempt, which
# a port that is open to somebody answers.
ALSO_FINE = {(f"IPv{f} stray tcp 80", "reset") for f in FAMILIES}
MORE = pathlib.Path(os.environ.get("UNTRACK_RULESETS", "/nowhere"))

CONFIG = """
[service web]
protocol = tcp
port = 80
"""


def new_host(load):
    client, server = two_hosts()
    serve(server, 22, 25, 80, 443)
    serve(server, 53, proto="udp")
    load(server)
    return client, server


def answers(client):
    """What becomes of every kind of packet; {kind: result}."""
    asks = {}
    for f in FAMILIES:
        for who, source in (("allowed", CLIENT), ("denied", DENIED)):
            for port in (22, 25, 80, 443):
                asks[f"IPv{f} {who} tcp {port}"] = Ask(client, SERVER[f], port, source[f])
            asks[f"IPv{f} {who} udp 53"] = Ask(client, SERVER[f], 53, source[f], proto="udp")
            asks[f"IPv{f} {who} ping"] = Echo(client, SERVER[f], source[f])
    found = dict(zip(asks, finish_all(asks.values())))
    for f in FAMILIES:
        row = finish_all([Ask(client, SERVER[f], 80, CLIENT[f]) for _ in range(8)])
        found[f"IPv{f} eight in a row"] = " ".join(row)
    # Last, for limits on new connections count them while tracked: see ALSO_FINE.
    strays = {f"IPv{f} stray tcp {port}": Stray(client, CLIENT[f], SERVER[f], port, "ack")
              for f in FAMILIES for port in (25, 80)}
    found |= zip(strays, finish_all(strays.values(), 0.3))
    return found


def check_refusal(server, untrack, finding):
    before = generation(server), zeroed(server.listing())
    text = untrack.expect(3, "apply")
    claim(f"[{finding}]" in text, f"refused, but not for {finding}:\n{text}")
    equal((generation(server), zeroed(server.listing())), before, "the kernel after a refusal")


def differential(load, finding):
    client, server = new_host(load)
    if finding:
        check_refusal(server, Untrack(server, CONFIG), finding)
        return
    want = answers(client)
    others = len(tracked(server, port=22))

    client, server = new_host(load)
    before = server.listing()
    untrack = Untrack(server, CONFIG)
    untrack.apply()
    untrack.remove()
    same_text(zeroed(server.listing()), zeroed(before), "apply and remove")
    untrack.apply()
    got = answers(client)
    differ = [f"{kind}: tracked {want[kind]}, exempt {got[kind]}"
              for kind in want if want[kind] != got[kind] and (kind, got[kind]) not in ALSO_FINE]
    claim(not differ, "\n".join(differ) + "\n" + server.listing())
    no_entry(server, port=80)
    equal(len(tracked(server, port=22)), others, "entries of port 22")
    limited = set(want["IPv4 eight in a row"].split()) != {"answer"}
    talk = None if limited else Talk(client, SERVER[4], 80)
    untrack.remove()
    claim(not talk or talk.alive(), "the connection did not survive the removal")
    if "dynamic" not in before:
        same_text(zeroed(server.listing()), zeroed(before), "after the removal")


def load_text(path, server):
    server.nft(path.read_text(encoding="ascii"))


def load_folder(folder, server):
    server.run("sh", str(folder.parent / "load"), str(folder))


for file in sorted(RULESETS.glob("*.nft")):
    test(f"same answers: {file.stem}")(
        functools.partial(differential, functools.partial(load_text, file),
                          REFUSED.get(file.stem)))
for kind_file in sorted(MORE.glob("*/kind")):
    own = kind_file.parent.name.removeprefix("hand-")
    if kind_file.read_text().strip() == "nft" and not (RULESETS / f"{own}.nft").exists():
        test(f"same answers: {own}, not ours")(
            functools.partial(differential, functools.partial(load_folder, kind_file.parent),
                              REFUSED.get(own)))
