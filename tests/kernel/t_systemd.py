# SPDX-License-Identifier: GPL-2.0-or-later
"""What depends on systemd, with a real one."""

import re
import time

from booted import Booted
from harness import WEB, claim, equal, ruleset, same_text, test, zeroed

WEB2 = WEB.replace("80", "80, 8081")


class Scene:
    """A booted host with rules of generation 1, and a configuration that says more."""

    def __init__(self, booted):
        self.booted = booted
        booted.run("nft", "-f", "-", stdin=ruleset("stateful-new"))
        self.configure(WEB)
        booted.run("untrack", "apply")
        self.before = self.listing()
        self.configure(WEB2)

    def configure(self, text):
        path = self.booted.root / "etc/untrack/rules.d/10-test.conf"
        path.write_text(text, encoding="ascii")

    def listing(self):
        return "\n".join(sorted(zeroed(self.booted.run("nft", "list", "ruleset").stdout)
                                .splitlines()))

    def pending(self):
        """What is on record, or nothing."""
        return self.booted.run("cat", "/run/untrack/pending", check=False).stdout

    def units(self):
        return re.findall(r"untrack-confirm-[0-9a-f]{16}\.\w+", self.booted.run(
            "systemctl", "list-units", "--all", "--no-legend", "--plain", "untrack-confirm-*").stdout)

    def timers(self):
        return [unit for unit in self.units() if unit.endswith(".timer")]

    def applied(self):
        claim("8081" in self.listing(), "nothing was applied")

    def goes_back(self, what, seconds):
        end = time.monotonic() + seconds + 20
        while self.pending() or self.units():
            claim(time.monotonic() < end, f"{what}: it is still pending: {self.units()}")
            time.sleep(0.05)
        same_text(self.listing(), self.before, what)

    def logged(self):
        self.booted.run("journalctl", "--sync")
        return self.booted.run("journalctl", "-b", "-o", "cat", "--no-pager").stdout


@test("confirm under systemd: a transient timer goes back, and says so in the journal")
def goes_back():
    with Booted() as booted:
        scene = Scene(booted)
        start = time.monotonic()
        done = booted.run("untrack", "apply", "--confirm=3s")
        claim("systemd does not take" not in done.stderr, done.stderr)
        scene.applied()
        claim(re.search(r"^unit untrack-confirm-[0-9a-f]{16}\.timer$", scene.pending(), re.M),
              scene.pending())
        equal(len(scene.timers()), 1, "timers")
        equal(booted.run("systemctl", "show", "-p", "AccuracyUSec", *scene.timers()).stdout,
              "AccuracyUSec=100ms\n", "how exact the timer is (by default, to a minute)")
        status = booted.run("untrack", "status").stdout
        claim("unless untrack confirm" in status, status)
        scene.goes_back("the timer", 3)
        took = time.monotonic() - start
        claim(2.9 < took < 15, f"after {took} s: AccuracySec?")
        claim("not confirmed in time: went back, and generation 1 is in the kernel" in
              scene.logged(), scene.logged())


@test("confirm under systemd: the end of a service and of all its processes does not end it")
def outlives_its_service():
    with Booted() as booted:
        scene = Scene(booted)
        booted.run("systemd-run", "--quiet", "--wait", "--collect", "untrack", "apply",
                   "--confirm=5s")
        scene.applied()
        scene.goes_back("asked for by a service that has ended", 5)


@test("confirm under systemd: names with blanks, dollars and percent signs reach the timer")
def odd_names():
    with Booted() as booted:
        scene = Scene(booted)
        booted.run("cp", "-r", "/etc/untrack", "/etc/a $HOME %n ${x} $$")
        booted.run("untrack", "--config", "/etc/a $HOME %n ${x} $$", "--state",
                   "/var/lib/untrack", "remove")
        booted.run("mkdir", "/var/lib/a $HOME %n ${x} $$")
        scene.before = scene.listing()
        booted.run("untrack", "--config", "/etc/a $HOME %n ${x} $$", "--state",
                   "/var/lib/a $HOME %n ${x} $$", "apply", "--confirm=4s")
        scene.applied()
        equal(len(scene.timers()), 1, "timers")
        end = time.monotonic() + 20
        while scene.listing() != scene.before:
            claim(time.monotonic() < end, "it does not go back:\n" + scene.logged())
            time.sleep(0.05)


@test("confirm under systemd: confirm and asking again stop the timer that was")
def confirmed():
    with Booted() as booted:
        scene = Scene(booted)
        booted.run("untrack", "apply", "--confirm=5s")
        first = scene.timers()
        booted.run("untrack", "apply", "--confirm=6s")
        equal(len(scene.timers()), 1, "timers after asking again")
        claim(scene.timers() != first, "the old timer is still there")
        booted.run("untrack", "confirm")
        equal((scene.units(), scene.pending()), ([], ""), "left after confirm")
        time.sleep(6.5)
        scene.applied()


@test("confirm under systemd, in another network: a process of our own goes back there")
def other_network():
    with Booted() as booted:
        scene = Scene(booted)
        script = ("untrack remove -q && untrack apply -q --confirm=4s && "
                  "grep '^unit -$' /run/untrack/pending && nft list ruleset | grep 8081 && "
                  "for i in $(seq 200); do sleep 0.1; [ -e /run/untrack/pending ] || break; done; "
                  "! nft list ruleset | grep untrack")
        before = scene.listing()
        booted.run("unshare", "-n", "sh", "-ec", script)
        same_text(scene.listing(), before, "the host's own network")
