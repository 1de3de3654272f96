# SPDX-License-Identifier: GPL-2.0-or-later
"""apply, remove, rollback, diff and status and the kernel: what they write and leave."""

import re
import time
import shutil
import subprocess

import lab
from harness import (PROGRAM, WEB, Skip, Untrack, claim, equal, listings, no_entry, ruleset,
                     same_listings, same_text, test, twins, zeroed)
from lab import Host, two_hosts
from netlink import generation
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

OPEN = ["answer", "answer"]
CLOSED = ["silence", "silence"]
WEB2 = WEB + "[service api]\nprotocol = tcp\nport = 443\n"

# What else lives on a host: every family, sets, maps, counters, a stateful object.
OTHERS = """table inet others {
    counter seen { packets 3 bytes 99; }
    set blocked { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }
    map marks { type inet_service : mark; elements = { 22 : 0x00000001, 25 : 0x00000002 }; }
    chain early { type filter hook prerouting priority raw - 5; tcp dport 25 notrack; }
    chain side { ip saddr @blocked counter name "seen" drop; }
    chain late { type filter hook input priority filter + 5; jump side; }
}
table ip old { chain post { type nat hook postrouting priority srcnat; }; }
table ip6 six { chain in { type filter hook input priority 10; counter packets 7 bytes 8; }; }
table bridge br { chain forward { type filter hook forward priority 0; }; }
table arp quiet { chain in { type filter hook input priority 0; }; }
"""


def web(client):
    return finish_all([Ask(client, SERVER[f], 80) for f in FAMILIES])


@test("apply twice: the second writes nothing")
def unchanged():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    claim("applied: " in untrack.apply(), "the first apply does not say what it did")
    before = generation(server), server.listing()
    for _ in range(3):
        text = untrack.apply()
        claim("unchanged: " in text, f"not unchanged:\n{text}")
    equal((generation(server), server.listing()), before, "generation id and listing")
    untrack.expect(0, "diff")
    untrack.expect(0, "status")
    equal(generation(server), before[0], "generation id after diff and status")


@test("diff tells what apply would do, and does nothing")
def diff():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    before = generation(server)
    text = untrack.expect(1, "diff")
    claim("+" in text and "80" in text, f"no difference shown:\n{text}")
    untrack.expect(0, "check")
    untrack.expect(0, "show")
    untrack.run("status")
    # What the host is refuses it; once that was gone over, it is in force and was said.
    untrack.configure(WEB.replace("80", "40000"))
    for said in (untrack.expect(3, "diff"), untrack.expect(3, "apply")):
        claim("[ephemeral-overlap]" in said, f"refused, but not for its port:\n{said}")
    equal(generation(server), before, "generation id")
    equal(server.listing(), zeroed(server.listing()), "counters")
    untrack.expect(0, "apply", "--force")
    untrack.expect(0, "diff")


@test("apply, then remove, leaves the listing byte for byte as it was")
def remove_leaves_nothing():
    for rules in ("stateful-new", "output-drop", "goto", "vmap", "jump-deny-after"):
        server = Host()
        server.nft(OTHERS + ruleset(rules))
        before = server.listing()
        untrack = Untrack(server, WEB2)
        untrack.apply()
        claim("table inet untrack" in server.listing(), "nothing was applied")
        untrack.remove()
        same_text(server.listing(), before, rules)
        untrack.remove()  # nothing there: fine


@test("the listing reloads, and what is reloaded is what was applied")
def reload():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(OTHERS + ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    listing = server.listing()
    server.nft("flush ruleset\n" + listing)
    same_text(server.listing(), listing, "reloaded")
    equal(web(client), OPEN, "after the reload")
    no_entry(server, port=80)
    untrack.expect(0, "diff")
    before = generation(server)
    untrack.apply()
    equal(generation(server), before, "generation id: apply after the reload wrote something")


@test("table inet untrack reads well: every rule says whose it is")
def reads_well():
    server = Host()
    untrack = Untrack(server, WEB2 + "[service dns]\nprotocol = udp\nport = 53\nrole = peer\n"
                      "[interface storage]\nname = eth2\n")
    untrack.apply()
    listing = server.run("nft", "list", "table", "inet", "untrack").stdout
    rules = [line for line in listing.splitlines() if re.search(r"\b(notrack|return)\b", line)]
    claim(len(rules) >= 6, listing)
    for rule in rules:
        claim(re.search(r'comment ".*(loopback|storage|dns|web|api)', rule), f"no name: {rule}")


@test("a firewall reload takes the twins: the next apply brings them back, once")
def firewall_reload():
    client, server = two_hosts()
    serve(server, 80)
    firewall = ruleset("stateful-new")
    server.nft(firewall)
    untrack = Untrack(server)
    untrack.apply()
    listing = server.listing()
    equal(web(client), OPEN, "before the reload")
    server.nft("delete table inet filter\n" + firewall)
    equal(twins(server), [], "twins right after the reload")
    equal(web(client), CLOSED, "right after the reload")
    untrack.expect(1, "diff")
    untrack.apply()
    equal(sorted(zeroed(server.listing()).splitlines()), sorted(zeroed(listing).splitlines()),
          "the rules after repair")
    equal(web(client), OPEN, "after the repair")
    no_entry(server, port=80)


@test("a change of the firewall moves, adds and removes twins")
def firewall_change():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    once = twins(server)
    server.nft("insert rule inet filter input ct state new tcp dport 81 accept")
    untrack.apply()
    equal(web(client), OPEN, "with one more rule")
    server.nft("flush chain inet filter input\n"
               "add rule inet filter input ct state established accept\n"
               "add rule inet filter input meta l4proto { icmp, ipv6-icmp } accept\n"
               "add rule inet filter input tcp dport 80 accept")
    claim(once and not twins(server), "flush did not take the twins")
    untrack.apply()
    equal(twins(server), [], "twins where none is needed")
    equal(web(client), OPEN, "with no rule that needs a twin")
    no_entry(server, port=80)


@test("table inet untrack edited by hand: refused, nothing lost")
def edited():
    edits = ("add rule inet untrack prerouting udp dport 9 notrack",
             "add chain inet untrack mine", "add set inet untrack mine { type ipv4_addr; }",
             "insert rule inet untrack output counter")
    for edit in edits:
        server = Host()
        server.nft(ruleset("stateful-new"))
        untrack = Untrack(server)
        untrack.apply()
        server.nft(edit)
        before = generation(server), server.listing()
        untrack.configure(WEB2)
        for command in (("apply",), ("remove",)):
            text = untrack.expect(3, *command)
            claim("[foreign-objects]" in text, f"{edit}: {command}: does not say why:\n{text}")
        claim(untrack.run("diff").returncode == 1, f"{edit}: diff does not show it")
        same_text(server.listing(), before[1], edit)
        equal(generation(server), before[0], f"generation id, {edit}")
        untrack.expect(0, "apply", "--force")
        claim("mine" not in server.listing() and "dport 9 " not in server.listing(),
              f"{edit}: --force left it")


@test("a rule of ours deleted by hand comes back")
def deleted():
    client, server = two_hosts()
    serve(server, 80)
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    listing = server.listing()
    for take in ("flush chain inet untrack output", "flush table inet untrack",
                 "delete table inet untrack"):
        server.nft(take)
        untrack.expect(1, "diff")
        untrack.apply()
        equal(sorted(zeroed(server.listing()).splitlines()), sorted(zeroed(listing).splitlines()),
              take)
    handle = re.search(r"untrack:web.*# handle (\d+)",
                       server.run("nft", "-a", "list", "chain", "inet", "filter", "input").stdout)
    server.nft(f"delete rule inet filter input handle {handle.group(1)}")
    untrack.apply()
    equal(sorted(zeroed(server.listing()).splitlines()), sorted(zeroed(listing).splitlines()),
          "a twin deleted")
    equal(web(client), OPEN, "at last")
    no_entry(server, port=80)
    server.nft("flush table inet untrack")
    untrack.remove()
    claim("untrack" not in server.listing(), "something is left of a flushed table")


IPTABLES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


@test("iptables-nft and legacy tables: twins come and go there")
def iptables():
    for kind in ("nft", "legacy"):
        for tool in (f"iptables-{kind}", f"ip6tables-{kind}"):
            if not shutil.which(f"{tool}-restore"):
                raise Skip(f"no {tool}-restore here")
            server = Host()
            server.run(f"{tool}-restore", stdin=IPTABLES)
            before = listings(server)
            untrack = Untrack(server)
            untrack.apply()
            claim('"untrack:web"' in server.run(f"{tool}-save").stdout, f"{tool}: no twins")
            untrack.remove()
            same_listings(listings(server), before, tool)


@test("no privileges: said plainly, nothing done")
def unprivileged():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    program = lab.RUN / "untrack"
    shutil.copy(PROGRAM, program)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              "--bounding-set=-all", str(program)] + untrack.command()[1:]
    before = generation(server)
    for command in ("apply", "remove"):
        done = server.run(*nobody, command, check=False)
        claim(done.returncode in (2, 3), f"{command}: status {done.returncode}\n{done.stderr}")
        claim(re.search("root|privilege|permi|capab", done.stderr, re.I),
              f"{command} does not say why:\n{done.stderr}")
    equal(generation(server), before, "generation id")
    done = server.run(*nobody, "check", check=False)
    equal((done.returncode, done.stderr), (0, ""), "check needs no privileges")


@test("counters survive an apply that changes other things")
def counters():
    client, server = two_hosts()
    serve(server, 80, 443)
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    equal(web(client), OPEN, "traffic")
    packets = lambda: sum(map(int, re.findall(
        r"packets (\d+)", server.run("nft", "list", "table", "inet", "untrack").stdout)))
    counted = -1
    while counted != packets():  # the last FIN may still be on its way
        counted = packets()
        time.sleep(0.05)
    claim(counted >= 2 * 3 * 2, f"{counted} packets counted of two connections, both ways")
    untrack.configure(WEB2)
    untrack.apply()
    equal(packets(), counted, "packets counted, right after the apply")
    equal(web(client), OPEN, "traffic")
    claim(packets() > counted, "the counters stand still")


@test("rollback brings back the rules before the last apply")
def rollback():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    first = server.listing()
    untrack.configure(WEB2)
    untrack.apply()
    claim("443" in server.run("nft", "list", "table", "inet", "untrack").stdout, "no second apply")
    untrack.expect(0, "rollback")
    equal(sorted(server.listing().splitlines()), sorted(first.splitlines()), "after rollback")


@test("rollback of the first apply leaves the listing as it was")
def rollback_first():
    server = Host()
    server.nft(OTHERS + ruleset("stateful-new"))
    before = server.listing()
    untrack = Untrack(server)
    untrack.apply()
    untrack.expect(0, "rollback")
    same_text(server.listing(), before, "after rollback")


@test("two at a time: both end well, one set of rules")
def at_once():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    with server:
        both = [subprocess.Popen(untrack.command("apply"), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for _ in range(4)]
    for process in both:
        text = process.communicate(timeout=20)[0]
        equal((process.returncode, text if process.returncode else ""), (0, ""), "an apply")
    listing = server.listing()
    untrack.remove()
    untrack.apply()
    same_text(server.listing(), listing, "rules of four applies and of one")


@test("others keep changing their rules meanwhile: apply still ends well, theirs are kept")
def contention():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    script = "i=0; while [ $i -lt 60 ]; do nft add table ip busy$i; i=$((i + 1)); done"
    with server:
        busy = subprocess.Popen(["sh", "-c", script])
    while busy.poll() is None:
        untrack.apply()
        untrack.remove()
    equal(busy.returncode, 0, "the other one's status")
    equal(server.listing().count("table ip busy"), 60, "the other one's tables")
