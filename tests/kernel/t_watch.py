# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack watch: what others take away comes back by itself, soon, and without a fight."""

import functools
import os
import re
import signal
import subprocess
import time

from firewalls import TOOLS, words_of
from harness import WEB, Untrack, claim, equal, no_entry, ruleset, test, without_twins
from lab import Host, two_hosts
from netlink import generation
from t_repair import SAVE
from traffic import serve
from watching import DNS, Stream, Watch

NATIVE = """table inet filter
delete table inet filter
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
        udp dport 53 ct state new accept
        tcp dport 22 ct state new accept
    }
    chain output {
        type filter hook output priority filter; policy drop;
        ct state established,related,new accept
    }
}
"""
UDP_SAVE = SAVE.replace("-A INPUT -p tcp -m multiport --dports 22,80,443",
                        "-A INPUT -p udp -m multiport --dports 53,123")


class Nft:
    """A firewall in a native table."""

    repairs = r"replaced: \d twins? in inet filter input"

    def __init__(self, host):
        self.host = host
        self.reload()

    def reload(self):
        self.host.nft(NATIVE)


class Restored:
    """A firewall of iptables, loaded as distributions do."""

    def __init__(self, form, host):
        self.form, self.host = form, host
        self.repairs = rf"replaced: \d twins? in iptables-{form} ip filter INPUT"
        self.reload()

    def reload(self):
        for family, tool in TOOLS.items():
            self.host.run(f"{tool}-{self.form}-restore", stdin=words_of(UDP_SAVE, family))


FORMS = {"nft": Nft, "iptables-nft": functools.partial(Restored, "nft"),
         "iptables-legacy": functools.partial(Restored, "legacy")}


def comes_back(form):
    client, server = two_hosts()
    serve(server, 53, proto="udp")
    firewall = FORMS[form](server)
    untrack = Untrack(server, DNS)
    untrack.apply()
    gaps = []
    with Watch(untrack) as watch, Stream(client) as stream:
        stream.flows()
        for attempt in range(3):
            start = time.monotonic()
            firewall.reload()
            watch.repaired(f"reload {attempt + 1}")
            stream.flows()
            gaps.append(stream.gap(start))
        found = re.findall(firewall.repairs, watch.said())
        claim(len(found) >= 3, f"repairs that are told:\n{watch.said()}")
        claim(re.search("repaired [3-6] times", watch.status()), watch.status())
    no_entry(server, "udp", 53)
    equal(len(list((untrack.dir / "state").glob("generation-*"))), 1, "generations")
    print("gaps " + ", ".join(f"{gap:.0f} ms" for gap in gaps))


for form_name in FORMS:
    test(f"watch: traffic comes back after a reload of the firewall, {form_name}")(
        functools.partial(comes_back, form_name))


@test("watch: what nft takes out of our own table, and who did it")
def own_table():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    with Watch(untrack) as watch:
        for word, command in (("flushed: 6 rules", ["flush", "ruleset"]),
                              ("flushed: 6 rules", ["delete", "table", "inet", "untrack"]),
                              ("removed: 3 rules", ["flush", "chain", "inet", "untrack", "output"])):
            known = len(watch.said())
            server.run("nft", *command)
            watch.repaired(" ".join(command))
            watch.until(lambda: re.search(rf"{word}.*by nft \(process \d+\)",
                                          watch.said()[known:]), word)
        server.nft(ruleset("stateful-new"))
        watch.repaired("a firewall where none was")
        watch.until(lambda: "replaced: 3 twins in inet filter input" in watch.said(), "replaced")
        known = len(watch.said())
        server.nft("insert rule inet filter input tcp dport 9 drop")
        handle = re.search(r"tcp dport \{ 22, 80, 443 \} ct state new .* # handle (\d+)",
                           server.run("nft", "-a", "list", "ruleset").stdout)[1]
        server.nft(f"insert rule inet filter input handle {handle} tcp dport 10 drop")
        watch.until(lambda: "displaced: 1 twin in inet filter input" in watch.said()[known:],
                    "a rule between a twin and its rule")
        watch.repaired("displaced")
        before = generation(server)
        time.sleep(0.3)
        equal(generation(server), before, "it writes where nothing is to be done")


@test("watch: it waits while a firewall is still loading, and pauses where somebody fights it")
def no_fight():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    with Watch(untrack) as watch:
        with server:
            nft = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        nft.stdin.write("delete table inet untrack\n")
        for i in range(150):
            nft.stdin.write(f"add rule inet filter input tcp dport {1000 + i} accept\n")
            nft.stdin.flush()
            time.sleep(0.002)
        watch.repaired("a firewall that took its time")
        claim(watch.said().count("[repaired]") <= 5, f"repairs:\n{watch.said()}")
        end = time.monotonic() + 20
        while time.monotonic() < end and "again and again" not in watch.said():
            nft.stdin.write("delete table inet untrack\n")
            nft.stdin.flush()
            time.sleep(0.02)
        nft.stdin.close()
        nft.wait()
        repairs = watch.said().count("[repaired]")
        claim(5 < repairs <= 12, f"{repairs} repairs")
        claim("again and again" in watch.said(), f"it says nothing:\n{watch.said()}")
        watch.process.send_signal(signal.SIGHUP)
        watch.repaired("after SIGHUP")
        watch.until(lambda: watch.notes.count("READY=1") == 2, "ready after the reload")
        claim("RELOADING=1" in watch.notes, watch.notes)


@test("watch: more changes than the kernel can queue for it")
def lost_news():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    with Watch(untrack) as watch:
        watch.process.send_signal(signal.SIGSTOP)
        server.run("nft", "-i", stdin="delete table inet untrack\n" +
                   "add table ip x\ndelete table ip x\n" * 400)
        watch.process.send_signal(signal.SIGCONT)
        watch.repaired("after an overrun")


@test("watch: confirm, rollback, remove and stop are respected")
def respects():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    state = untrack.dir / "state"
    with Watch(untrack) as watch:
        claim("nothing was applied yet" in watch.status(), watch.status())
        untrack.apply()
        untrack.configure(WEB.replace("80", "80, 8081"))
        untrack.expect(0, "apply", "--confirm=1h")
        server.nft("flush ruleset")
        watch.repaired("what waits for its confirmation")
        claim("8081" in server.listing() and (state / "run/pending").exists(), "it does not wait")
        untrack.expect(0, "rollback")
        time.sleep(0.2)
        claim("8081" not in server.listing() and "table inet untrack" in server.listing(),
              "after rollback")
        untrack.remove()
        time.sleep(0.2)
        claim("untrack" not in server.listing(), "after remove")
        untrack.apply()
        untrack.expect(0, "remove", "--stop")
        server.nft("flush ruleset")
        watch.until(lambda: "was stopped" in watch.status(), "idle after remove --stop")
        claim("untrack" not in server.listing(), "after remove --stop")
        equal(untrack.expect(0, "watch", "--once").count("was stopped"), 1, "watch --once")
        claim("was stopped" in untrack.expect(1, "status"), "status")
        untrack.apply()
        server.nft("flush ruleset")
        watch.repaired("started again")
        untrack.configure(WEB.replace("80", "80, 8082"))
        untrack.expect(0, "apply", "--confirm=1h")
        (state / "run/pending").unlink()  # as after a reboot
        server.nft("flush ruleset")
        watch.until(lambda: "never confirmed" in watch.status(), "idle: nobody confirmed it")
        claim("untrack" not in server.listing(), "what was never confirmed came back")


@test("watch: what refuses a repair is said once, and ends when it is gone")
def refused():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    with Watch(untrack) as watch:
        server.nft("add rule inet untrack prerouting tcp dport 9 accept")
        watch.until(lambda: "[foreign-objects]" in watch.said(), "it says so")
        for _ in range(3):
            server.nft("add table ip x\ndelete table ip x")
            time.sleep(0.1)
        equal(watch.said().count("[foreign-objects]"), 1, watch.said())
        claim("cannot repair: " in watch.status(), watch.status())
        claim("tcp dport 9 accept" in server.listing(), "it was removed")
        server.nft("delete table inet untrack")
        watch.repaired("when it is gone")


@test("watch --once: repairs and ends; refused, it says so")
def once():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.expect(0, "watch", "--once")
    claim("untrack" not in server.listing(), "where nothing was applied something came")
    untrack.apply()
    claim("unchanged: 1 exemption" in untrack.expect(0, "watch", "--once"), "equal")
    server.nft("flush ruleset")
    text = untrack.expect(0, "watch", "--once")
    claim("repaired: 1 exemption" in text and "flushed: 6 rules" in text, text)
    untrack.expect(0, "diff")
    server.nft("add rule inet untrack prerouting tcp dport 9 accept")
    claim("foreign-objects" in untrack.expect(3, "watch", "--once"), "refused")
    (untrack.dir / "state" / "generation-1.conf").write_text("damage", encoding="ascii")
    untrack.expect(2, "watch", "--once")


@test("watch: what it costs when nothing happens")
def idle():
    server = Host()
    FORMS["iptables-legacy"](server)
    untrack = Untrack(server, DNS)
    untrack.apply()
    with Watch(untrack) as watch:
        def ticks():
            with open(f"/proc/{watch.process.pid}/stat", encoding="ascii") as f:
                return sum(int(n) for n in f.read().rpartition(")")[2].split()[11:13])
        start = ticks()
        time.sleep(3)
        used = (ticks() - start) * 1000 / os.sysconf("SC_CLK_TCK")
        with open(f"/proc/{watch.process.pid}/status", encoding="ascii") as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
        print(f"{used:.0f} ms of processor time in 3 s, at most {peak} KiB of memory")
        claim(used <= 100 and peak < 16384, f"{used} ms, {peak} KiB")
