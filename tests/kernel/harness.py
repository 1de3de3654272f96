# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests as functions, the program under test, and what the tests claim about it."""

import difflib
import functools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import traceback

import lab
import netlink

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(os.environ.get("UNTRACK", ROOT / "build" / "untrack"))
RULESETS = pathlib.Path(__file__).parent / "rulesets"
TESTS = []  # (name, function), in order of definition

WEB = """
[service web]
protocol = tcp
port = 80
"""


class Failure(Exception):
    """A claim that does not hold."""


class Skip(Exception):
    """This machine cannot run the test."""


def test(name, both=False):
    """A test; both: once with each backend."""
    def register(function):
        TESTS.append((name, function))
        if both:
            TESTS.append((f"{name} [iptables]",
                          functools.partial(with_backend, "iptables", function)))
        return function
    return register


def with_backend(name, function):
    """For the rest of this process, which is that of one test."""
    Untrack.backend = name
    function()


def claim(truth, what):
    if not truth:
        raise Failure(what)


def equal(got, want, what):
    if got != want:
        raise Failure(f"{what}:\n  want {want}\n  got  {got}")


def same_text(got, want, what):
    """Equality of two listings; says which lines differ."""
    if got == want:
        return
    lines = difflib.unified_diff(want.splitlines(), got.splitlines(), "want", "got", n=1,
                                 lineterm="")
    raise Failure(f"{what}:\n" + "\n".join(lines))


def ruleset(name):
    return (RULESETS / f"{name}.nft").read_text(encoding="ascii")


def together(functions):
    """Runs each in a process of its own, all at once; {name: what it returned}. A failure of one is
    a failure of all."""
    running, found, faults = {}, {}, []
    for name, function in functions.items():
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            live(function, write)
        os.close(write)
        running[name] = pid, read
    for name, (pid, read) in running.items():
        with open(read, encoding="utf-8") as f:
            said = f.read()
        os.waitpid(pid, 0)
        answer = json.loads(said) if said else {"failure": "ended without a word"}
        if "failure" in answer:
            faults.append(f"{name}: {answer['failure']}")
        found[name] = answer.get("result")
    claim(not faults, "\n".join(faults))
    return found


def live(function, write):
    """The rest of the life of a process of together()."""
    lab.die_with_parent()
    try:
        answer = {"result": function()}
    except Failure as e:
        answer = {"failure": str(e)}
    except BaseException:  # pylint: disable=broad-except
        answer = {"failure": traceback.format_exc()}
    with open(write, "w", encoding="utf-8") as f:
        json.dump(answer, f)
    os._exit(0)


class Untrack:
    """The program, with a configuration and a state directory of its own, on one host."""

    count = 0
    backend = os.environ.get("UNTRACK_BACKEND", "auto")

    def __init__(self, host, config=WEB):
        Untrack.count += 1
        self.host = host
        self.dir = lab.RUN / f"untrack-{os.getpid()}-{Untrack.count}"
        (self.dir / "rules.d").mkdir(parents=True)
        (self.dir / "untrack.conf").touch()
        self.configure(config)
        if self.backend == "iptables":  # the tables raw, which nobody can remove once they exist
            for tool in ("iptables", "ip6tables"):
                host.run(f"{tool}-legacy", "-t", "raw", "-S")

    def configure(self, config):
        (self.dir / "rules.d" / "10-test.conf").write_text(config, encoding="ascii")

    def command(self, *args):
        backend = [] if self.backend == "auto" else ["--backend", self.backend]
        return [PROGRAM, "--config", str(self.dir), "--state", str(self.dir / "state"), *backend,
                *args]

    def run(self, *args, **kwargs):
        try:
            return self.host.run(*self.command(*args), check=False, **kwargs)
        except subprocess.TimeoutExpired as e:
            raise Failure(str(e)) from None

    def expect(self, status, *args):
        """Runs it and claims its exit status; its output, standard error after standard output."""
        done = self.run(*args)
        text = done.stdout + done.stderr
        if "Sanitizer" in text or done.returncode != status:
            raise Failure(f"untrack {' '.join(args)}: status {done.returncode}, want {status}\n"
                          + text)
        return text

    def apply(self):
        return self.expect(0, "apply")

    def remove(self):
        return self.expect(0, "remove")


# What is true of a host ---------------------------------------------------------------------------

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "gre": socket.IPPROTO_GRE}


def tracked(host, proto="tcp", port=None):
    """Conntrack entries of a protocol, with this port at either end if given."""
    return [e for e in netlink.entries(host)
            if e.proto == PROTOCOLS[proto] and port in (None, e.sport, e.dport)]


def no_entry(host, proto="tcp", port=None):
    left = tracked(host, proto, port)
    claim(not left, f"{len(left)} conntrack entries of {proto} {port or ''}, first {left[:2]}")


def twins(host):
    """The rules of ours outside our own table."""
    text = host.listing()
    own = re.search(r"^table inet untrack \{.*?^\}\n", text, re.M | re.S)
    if own:
        text = text.replace(own.group(0), "")
    return [line.strip() for line in text.splitlines() if '"untrack:' in line]


IPTABLES_TWIN = re.compile(r'^-A .* --ctstate UNTRACKED -m comment --comment "?untrack:.*\n', re.M)


def iptables_twins(host, form):
    """The twins in the tables of this iptables, "nft" or "legacy", as it saves them."""
    text = "".join(host.run(f"{tool}-{form}-save").stdout for tool in ("iptables", "ip6tables"))
    return [line.strip() for line in IPTABLES_TWIN.findall(text)]


def without_twins(save):
    """What iptables-save or iptables -S says, but for our rules."""
    return IPTABLES_TWIN.sub("", save)


def foreign(host):
    """The listing without our table."""
    return re.sub(r"^table inet untrack \{.*?^\}\n", "", host.listing(), flags=re.M | re.S)


def zeroed(listing):
    """A listing of nft or of iptables-save without counts, and without the hour."""
    listing = re.sub(r"^# (Generated|Completed|Warning).*\n", "", listing, flags=re.M)
    listing = re.sub(r"^(:.*) \[\d+:\d+\]", r"\1 [0:0]", listing, flags=re.M)
    return re.sub(r"packets \d+ bytes \d+", "packets 0 bytes 0", listing)


SAVES = [f"{tool}-{form}-save" for form in ("nft", "legacy") for tool in ("iptables", "ip6tables")]


def legacy_tables(host):
    """The tables of x_tables that exist: asking iptables-legacy would make some."""
    found = []
    for family in ("ip", "ip6"):
        with host, open(f"/proc/thread-self/net/{family}_tables_names", encoding="ascii") as f:
            found += [f"{family} {name}" for name in sorted(f.read().split())]
    return found


def listings(host):
    """Everything that the tools of nft and of both iptables list here, without counts."""
    found = {"nft": zeroed(host.listing()), "tables": "\n".join(legacy_tables(host))}
    for tool in SAVES:
        found[tool] = zeroed(host.run(tool).stdout) if shutil.which(tool) else ""
    return found


def same_listings(got, want, what):
    for tool, text in want.items():
        same_text(got[tool], text, f"{what}: {tool}")
