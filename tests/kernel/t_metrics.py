# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack metrics: what it says is so, in a form that Prometheus and its linter accept."""

import os
import re
import resource
import shutil
import subprocess
import threading

import lab
from booted import Booted
from harness import WEB, Untrack, claim, equal, test
from traffic import SERVER, Ask, finish_all, serve

SERIES = re.compile(r'(?P<name>[a-z_][a-z0-9_]*)(?P<labels>\{.*\})? (?P<value>[0-9]+)')
LABELS = re.compile(r'\{([a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*)\}')
UNITS = {"seconds", "bytes", "ratio", "celsius", "meters", "volts", "amperes", "joules", "grams"}
NOT_BASE = {"milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "ms", "us",
            "kilobytes", "megabytes", "kb", "mb", "bits", "percent", "kelvin"}
RESERVED = ("_count", "_sum", "_bucket", "_info_total")


FIREWALL = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        icmpv6 type { 133, 134, 135, 136 } accept
        ct state new tcp dport 80 accept
    }
}"""


def lint_name(name, kind):
    """The rules of promtool check metrics."""
    words = name.split("_")
    claim(re.fullmatch(r"untrack_[a-z0-9_]+", name), f"{name}: its form")
    claim("__" not in name and not name.endswith("_"), f"{name}: empty words")
    claim(not NOT_BASE & set(words), f"{name}: not a base unit")
    claim(not set(words) & {"gauge", "counter", "histogram", "summary"}, f"{name}: has its type")
    claim(not name.endswith(RESERVED), f"{name}: a suffix of histograms")
    claim((kind == "counter") == name.endswith("_total"), f"{name}: counters end in _total")
    unit = [w for w in words if w in UNITS]
    claim(not unit or words[-1] == unit[0] or words[-2:] == [unit[0], "total"], f"{name}: its unit")


def parse(text):
    """{metric: {labels: value}}; claims that the text is as it should be."""
    claim(text.endswith("\n") and "\r" not in text, "lines")
    found, name, helped = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped, words = line.split(" ", 3)[2:]
            claim(helped not in found and len(words) > 5 and words.endswith("."), line)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            equal(name, helped, "HELP comes before TYPE")
            claim(kind in ("gauge", "counter"), line)
            lint_name(name, kind)
            found[name] = {}
        else:
            m = SERIES.fullmatch(line)
            claim(m and m["name"] == name, line)
            labels = m["labels"] or ""
            claim(not labels or LABELS.fullmatch(labels), line)
            claim(labels not in found[name], f"twice: {line}")
            found[name][labels] = int(m["value"])
    claim(all(found.values()), "a metric without a series")
    return found


def promtool(text):
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, check=False)
        equal((done.returncode, done.stderr), (0, ""), "promtool")


def metrics(untrack):
    done = untrack.run("metrics")
    equal((done.returncode, done.stderr), (0, ""), "metrics")
    promtool(done.stdout)
    return parse(done.stdout)


@test("metrics: what was exempt, loaded and lost is what they say", both=True)
def what_they_say():
    client, server = lab.two_hosts()
    serve(server, 80)
    server.nft(FIREWALL)
    untrack = Untrack(server, WEB + "[service quiet]\nprotocol = tcp\nport = 81\n")
    found = metrics(untrack)
    equal(found["untrack_generation"][""], 0, "before")
    claim("untrack_last_apply_timestamp_seconds" not in found, "before")
    untrack.apply()
    equal(finish_all([Ask(client, SERVER[4], 80)]), ["answer"], "a connection")
    found = metrics(untrack)
    packets, sizes = (found[f"untrack_exempt_{what}_total"] for what in ("packets", "bytes"))
    equal(sorted(packets), sorted(sizes), "series")
    equal(len(packets), 4, "one for each exemption and direction")
    for direction in ("in", "out"):
        labels = f'{{exemption="web",direction="{direction}"}}'
        claim(packets[labels] >= 3 and sizes[labels] >= 40 * packets[labels], f"{labels}: {found}")
        equal(packets[labels.replace("web", "quiet")], 0, "nobody asked")
    equal(found["untrack_generation"][""], 1, "generation")
    equal(found["untrack_drift"][""], 0, "drift")
    equal(found["untrack_twins"]['{state="missing"}'], 0, "twins")
    claim(found["untrack_twins"]['{state="present"}'] > 0, "twins")
    claim('{id="service-closed",severity="warning"}' in found["untrack_findings"], "findings")
    entries = int(server.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count").stdout)
    equal(found["untrack_conntrack_entries"][""], entries, "entries")
    lose(server, untrack)


def lose(server, untrack):
    """The firewall and our rules go."""
    server.nft("flush ruleset")
    if untrack.backend == "iptables":
        server.run("iptables-legacy", "-t", "raw", "-F")
    found = metrics(untrack)
    claim(found["untrack_drift"][""] > 0, f"drift: {found}")
    claim(found["untrack_exemption_rules_missing"]['{exemption="web"}'] > 0, f"missing: {found}")


@test("metrics: --output is whole at any time, and a failure leaves the old one")
def output():
    host = lab.Host()
    untrack = Untrack(host, WEB)
    directory = lab.RUN / "textfile"
    directory.mkdir()
    file = directory / "untrack.prom"
    os.umask(0o077)
    equal(untrack.expect(0, "metrics", "--output", str(file)), "", "it says nothing")
    equal(file.stat().st_mode & 0o7777, 0o644, "mode")
    before, inode = file.read_text(encoding="ascii"), file.stat().st_ino
    parse(before)
    untrack.expect(0, "metrics", "--output", str(file))
    claim(file.stat().st_ino != inode, "written in place")
    equal([p.name for p in directory.iterdir()], ["untrack.prom"], "files left behind")
    # No room: neither a half of it nor a rest.
    untrack.apply()
    with host:
        done = subprocess.run(
            untrack.command("metrics", "--output", str(file)), check=False, text=True,
            capture_output=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    claim(done.returncode == 2 and "File too large" in done.stderr, done.stderr)
    equal(file.read_text(encoding="ascii"), before, "the old one")
    equal([p.name for p in directory.iterdir()], ["untrack.prom"], "files left behind")


@test("metrics: --output refuses what is no plain file, and a kernel that cannot be read")
def refused():
    host = lab.Host()
    untrack = Untrack(host, WEB)
    link = lab.RUN / "link"
    link.symlink_to("/dev/null")
    for place in (str(link), str(lab.RUN), "/dev/null"):
        said = untrack.expect(2, "metrics", "--output", place)
        claim("is not a plain file" in said, said)
    claim(os.path.islink(link), "the link was replaced")
    said = untrack.expect(2, "metrics", "--output", "/nowhere/untrack.prom")
    claim("No such file or directory" in said and "cure: make its directory" in said, said)
    file = lab.RUN / "old.prom"
    file.write_text("old\n", encoding="ascii")
    done = host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    "--inh-caps=-all", *untrack.command("metrics", "--output", str(file)),
                    check=False)
    claim(done.returncode in (2, 3) and "error: " in done.stderr, done.stderr)
    equal(file.read_text(encoding="ascii"), "old\n", "the old one")


@test("metrics: a reader beside several writers never sees a part")
def readers():
    host = lab.Host()
    untrack = Untrack(host, WEB)
    file = lab.RUN / "untrack.prom"
    untrack.expect(0, "metrics", "--output", str(file))
    last = file.read_text(encoding="ascii").splitlines()[-1]
    writers = [threading.Thread(target=lambda: [untrack.run("metrics", "--output", str(file))
                                                for _ in range(10)]) for _ in range(2)]
    for w in writers:
        w.start()
    while any(w.is_alive() for w in writers):
        text = file.read_text(encoding="ascii")
        equal(text.splitlines()[-1:], [last], "the end")
    for w in writers:
        w.join()
    equal([p.name for p in lab.RUN.iterdir() if "prom" in p.name], ["untrack.prom"], "rests")


TEXTFILES = "/var/lib/prometheus/node-exporter"


@test("metrics: the unit writes the file from its sandbox, and the timer starts it")
def unit():
    with Booted(prepare=Booted.install_units) as booted:
        booted.write("etc/untrack/rules.d/10-test.conf", WEB)
        booted.run("nft", "-f", "-", stdin=FIREWALL)
        legacy = booted.run("iptables-legacy", "-S", check=False).returncode == 0
        booted.run("untrack", "apply")
        booted.run("systemctl", "start", "untrack-metrics.service")  # no such directory: no failure
        booted.run("mkdir", "-p", TEXTFILES)
        booted.run("systemctl", "start", "untrack-metrics.service")
        said = booted.run("journalctl", "-o", "cat", "-u", "untrack-metrics.service").stdout
        file = booted.root / TEXTFILES[1:] / "untrack.prom"
        claim(file.exists(), f"legacy {legacy}: {said}")
        found = parse(file.read_text(encoding="ascii"))
        equal((found["untrack_drift"][""], found["untrack_generation"][""]), (0, 1), "metrics")
        claim("untrack_conntrack_found_total" in found, "statistics")
        equal(file.stat().st_mode & 0o7777, 0o644, "mode")
        file.unlink()
        booted.run("systemctl", "start", "untrack-metrics.timer")
        timers = booted.run("systemctl", "list-timers", "--no-pager").stdout
        claim("untrack-metrics.service" in timers, timers)
