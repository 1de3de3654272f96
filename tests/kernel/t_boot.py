# SPDX-License-Identifier: GPL-2.0-or-later
"""The units, on a real systemd that boots: rules before the network, through reloads and restarts of
the firewall, and the last good ones where the new ones are not."""

import re
import shutil
import subprocess
import threading
import time

import lab
from booted import Booted
from harness import PROGRAM, ROOT, WEB, claim, equal, no_entry, ruleset, test, tracked
from lab import two_hosts
from machine import boot
from traffic import SERVER, ask, serve

UNITS = ["untrack.service", "untrack-after@.service", "untrack-firewalld.service",
         "untrack-watch.service", "untrack-verify.service", "untrack-metrics.service"]
PATH = "usr/local/lib/systemd/system"
# Stands for those that start when there is a network, and are not waited for.
SHOREWALL = """[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=nft -f /etc/nftables.conf
ExecReload=nft -f /etc/nftables.conf
[Install]
WantedBy=multi-user.target
"""
CONNTRACK = "[conntrack]\ntimeout-tcp-established = 1h\n"
BROKEN = "[service web]\nport = 80\n"  # and no protocol
# What an interface manager does, and when it may.
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


def configure(booted, text):
    booted.write("etc/untrack/rules.d/10-test.conf", text)


def prepared(*enabled, config=WEB, firewall=True):
    """Files of a host with the units, upstream's nftables.service, and a network."""
    def prepare(booted):
        booted.install_units()
        configure(booted, config)
        booted.write("etc/nftables.conf", "flush ruleset\n" + ruleset("stateful-new"))
        booted.write("etc/systemd/system/network.service", NETWORK)
        booted.enable("network.service", *(["nftables.service"] if firewall else []), *enabled)
    return prepare


def show(booted, unit, *properties):
    """The values of properties of a unit."""
    text = booted.run("systemctl", "show", unit, "-p", ",".join(properties)).stdout
    found = dict(line.split("=", 1) for line in text.splitlines())
    return [found[name] for name in properties]


def journal(booted, *args):
    booted.run("journalctl", "--sync")
    return booted.run("journalctl", "-b", "-o", "cat", "--no-pager", *args).stdout


def listing(booted):
    return booted.run("nft", "list", "ruleset").stdout


def has_rules(booted, port="80"):
    text = listing(booted)
    return all(word in text for word in ("table inet untrack", f"elements = {{ {port} }}",
                                         "untrack:web", "table inet filter"))


def claim_rules(booted, what, port="80"):
    claim(has_rules(booted, port), f"{what}:\n{listing(booted)}")


def until(truth, what, booted):
    end = time.monotonic() + booted.PATIENCE
    while not truth():
        claim(time.monotonic() < end, f"{what}: in vain:\n{listing(booted)}" +
              journal(booted, "-u", "untrack*"))
        time.sleep(0.02)


def wait_for_rules(booted, what, port="80"):
    """What one job of systemd has set off is another job: nobody waits for it."""
    until(lambda: has_rules(booted, port), what, booted)


def wait_for_state(booted, unit, state):
    until(lambda: show(booted, unit, "ActiveState") == [state], f"{unit} {state}", booted)


class Knocking:
    """A client that tries to connect all the time, from before the boot."""

    def __init__(self, client):
        self.client, self.results, self.end = client, [], False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.end:
            self.results.append(ask(self.client, SERVER[4], 80, patience=0.1))

    def stop(self):
        self.end = True
        self.thread.join()
        return self.results


@test("boot: rules and twins are there before the network, and no packet is tracked")
def before_the_network():
    client, server = two_hosts()
    serve(server, 80, 443)
    server.ip("link set eth0 down")
    knocking = Knocking(client)
    with Booted(server, prepared("untrack.service")) as booted:
        claim_rules(booted, "after the boot")
        rules, network = (int(show(booted, unit, "ActiveEnterTimestampMonotonic")[0])
                          for unit in ("untrack.service", "network-pre.target"))
        claim(0 < rules <= network, f"rules at {rules} us, network-pre.target at {network} us")
        time.sleep(0.5)
        answers = knocking.stop()
        claim("answer" in answers, f"no connection: {set(answers)}")
        no_entry(server, "tcp", 80)
        equal(ask(client, SERVER[4], 443), "answer", "what is not exempt")
        claim(tracked(server, "tcp", 443), "nothing is tracked on this host: the test shows nothing")
        start, end, status, cpu = show(booted, "untrack.service", "ExecMainStartTimestampMonotonic",
                                       "ExecMainExitTimestampMonotonic", "ExecMainStatus",
                                       "CPUUsageNSec")
        equal(status, "0", journal(booted, "-u", "untrack"))
        print(f"ExecStart to exit: {(int(end) - int(start)) / 1000:.1f} ms, processor time "
              f"{int(cpu) / 1e6:.1f} ms; "
              f"{len(answers)} attempts, {answers.count('answer')} answers")


def timeout(booted):
    return booted.run("cat", "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established"
                      ).stdout.strip()


@test("boot: reload, restart, stop and start of firewalls: rules and twins come back")
def firewall_again():
    def prepare(booted):
        prepared("untrack.service")(booted)
        booted.write("etc/systemd/system/shorewall.service", SHOREWALL)

    with boot(prepare=prepare) as booted:
        for what in (["reload", "nftables"], ["restart", "nftables"], ["start", "shorewall"],
                     ["reload", "shorewall"], ["restart", "shorewall"], ["reload", "untrack"]):
            booted.run("systemctl", *what)
            wait_for_rules(booted, " ".join(what))
        booted.run("systemctl", "stop", "nftables")
        equal(listing(booted), "", "rules after stop nftables")
        booted.run("systemctl", "start", "nftables")
        wait_for_rules(booted, "start nftables")
        booted.run("systemctl", "stop", "untrack")
        booted.run("systemctl", "restart", "nftables")
        booted.run("systemctl", "start", "untrack-after@nftables")
        claim("untrack" not in listing(booted), "what was stopped was repaired")
        equal(show(booted, "untrack", "ActiveState"), ["inactive"], "untrack.service")


@test("boot: reload, restart, stop and start of untrack.service, and its timer")
def service_again():
    with boot(prepare=prepared("untrack.service", config=WEB + CONNTRACK)) as booted:
        equal(timeout(booted), "3600", "the setting of [conntrack], made by the service")
        configure(booted, WEB.replace("80", "443") + CONNTRACK)
        booted.run("systemctl", "restart", "untrack")
        claim_rules(booted, "restart with another configuration", "443")
        booted.run("systemctl", "stop", "untrack")
        claim("untrack" not in listing(booted), f"after stop untrack:\n{listing(booted)}")
        equal(timeout(booted), "432000", "the setting, after stop untrack")
        history = booted.run("untrack", "history").stdout
        equal(re.findall(r"^generation (\d)", history, re.M), ["2", "1"], "generations:\n" + history)
        booted.run("systemctl", "start", "untrack-verify")
        claim("untrack" not in listing(booted), "what was stopped was repaired")
        booted.run("systemctl", "start", "untrack")
        claim_rules(booted, "start untrack", "443")
        timer = "/run/systemd/system/untrack-verify.timer.d/soon.conf"
        booted.run("mkdir", "-p", timer.rpartition("/")[0])
        booted.run("tee", timer, stdin="[Timer]\nOnActiveSec=100ms\nAccuracySec=10ms\n")
        booted.run("systemctl", "daemon-reload")
        booted.run("nft", "-f", "/etc/nftables.conf")
        booted.run("systemctl", "start", "untrack-verify.timer")
        wait_for_rules(booted, "the timer", "443")
        booted.run("systemctl", "stop", "untrack")
        wait_for_state(booted, "untrack-verify.timer", "inactive")


def with_past(*commands, config, broken=False):
    """The state of a host on which these were run before it went down, with WEB first."""
    def prepare(booted):
        prepared("untrack.service", config=WEB)(booted)
        host, state = lab.Host(), booted.root / "var/lib/untrack"
        host.nft(ruleset("stateful-new"))
        for i, command in enumerate(commands):
            configure(booted, WEB if not i else config)
            done = host.run(PROGRAM, "--config", str(booted.root / "etc/untrack"), "--state",
                            str(state), *command, check=False)
            equal(done.returncode, 0, done.stderr)
        shutil.rmtree(state / "run")
        if broken:
            configure(booted, config)
    return prepare


def claim_last_good(booted, reason):
    claim_rules(booted, reason)
    state, status, text = show(booted, "untrack.service", "ActiveState", "ExecMainStatus",
                               "StatusText")
    equal((state, status), ("active", "1"), journal(booted, "-u", "untrack"))
    claim(re.search(rf"generation 1 is in force instead: .*{reason}", text), f"status: {text}")
    said = journal(booted, "-u", "untrack", "-p", "err")
    claim(re.search(rf"{reason}.*: generation 1 is in force instead", said), f"journal: {said}")


@test("boot with a broken configuration: the last good generation, and the unit says so")
def broken_configuration():
    with boot(prepare=with_past(["apply"], config=BROKEN, broken=True)) as booted:
        claim_last_good(booted, "cannot be used")
        done = booted.run("systemctl", "reload", "untrack", check=False)
        claim(done.returncode != 0, "a reload with it is no failure")
        claim_rules(booted, "after the failed reload")
        for verb in ("restart", "reload"):
            booted.run("systemctl", verb, "nftables")
            wait_for_rules(booted, f"{verb} nftables")


@test("boot after apply --confirm that nobody confirmed: the last good generation")
def unconfirmed():
    past = with_past(["apply"], ["apply", "--confirm=1h"], config=WEB.replace("80", "8443"))
    with boot(prepare=past) as booted:
        claim_last_good(booted, "never confirmed")
        claim("8443" not in listing(booted), "what was not confirmed is there")


READ_ONLY = """[Unit]
DefaultDependencies=no
Before=untrack.service
After=local-fs.target
[Service]
Type=oneshot
ExecStart=sh -c 'mount --bind /var /var && mount -o remount,ro,bind /var'
[Install]
WantedBy=sysinit.target
"""


@test("boot with a read-only /var: what is on record is applied all the same")
def read_only():
    def prepare(booted):
        with_past(["apply"], config=WEB)(booted)
        booted.write("etc/systemd/system/read-only.service", READ_ONLY)
        booted.enable("read-only.service")

    with boot(prepare=prepare) as booted:
        claim_rules(booted, "/var is read-only")
        equal(show(booted, "untrack.service", "ActiveState", "ExecMainStatus"), ["active", "0"],
              journal(booted, "-u", "untrack"))
        claim("Read-only file system" in journal(booted, "-u", "untrack"), "nothing is said of it")


@test("boot with untrack-watch.service: it repairs, idles while untrack is stopped, and is small")
def watch_service():
    with boot(prepare=prepared("untrack.service", "untrack-watch.service")) as booted:
        booted.run("systemctl", "start", "untrack-watch")
        booted.run("nft", "-f", "/etc/nftables.conf")
        wait_for_rules(booted, "after nft -f with flush ruleset")
        said = journal(booted, "-u", "untrack-watch", "-p", "warning")
        claim("flushed: 6 rules" in said and "by nft (process" in said, f"journal: {said}")
        claim("6 rules, 3 twins; repaired" in show(booted, "untrack-watch", "StatusText")[0],
              show(booted, "untrack-watch", "StatusText"))
        booted.run("systemctl", "reload", "untrack-watch")
        pid, peak = show(booted, "untrack-watch", "MainPID", "MemoryCurrent")
        status = booted.run("cat", f"/proc/{pid}/status").stdout
        print("watch: " + re.search(r"VmRSS:\s+(.*)", status)[1] + f" resident, cgroup {peak} bytes")
        claim(re.search(r"CapBnd:\s+0000000000003000\n", status) and
              re.search(r"Seccomp:\s+2\n", status), status)
        booted.run("systemctl", "stop", "untrack")
        wait_for_state(booted, "untrack-watch", "inactive")
        claim("untrack" not in listing(booted), listing(booted))
        booted.run("systemctl", "start", "untrack")
        wait_for_state(booted, "untrack-watch", "active")
        booted.run("systemctl", "restart", "nftables")
        wait_for_rules(booted, "restart of nftables")
        wait_for_state(booted, "untrack-watch", "active")


def exposure(path):
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", str(path)],
                          capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    claim(found, done.stdout + done.stderr)
    return float(found[1])


@test("the units: sound, and hardly exposed")
def units():
    booted = Booted()
    try:
        booted.mount()
        booted.files()
        booted.install_units()
        paths = sorted((booted.root / PATH).glob("untrack*.service"))
        equal([path.name for path in paths], sorted(UNITS), "services")
        done = subprocess.run(["chroot", str(booted.root), "systemd-analyze", "verify", "--man=no",
                               *(f"/{PATH}/{p.name}" for p in (booted.root / PATH).iterdir())],
                              capture_output=True, text=True, check=False)
        faults = [line for line in done.stderr.splitlines() if "untrack" in line]
        equal((done.returncode, faults), (0, []), "systemd-analyze verify")
        found = {path.name: exposure(path) for path in paths}
        claim(max(found.values()) <= 2.0, f"exposure: {found}")
        print(", ".join(f"{name} {value}" for name, value in found.items()))
    finally:
        booted.__exit__()
