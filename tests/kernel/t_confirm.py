# SPDX-License-Identifier: GPL-2.0-or-later
"""apply --confirm goes back by itself, whatever becomes of the session that asked for it."""

import fcntl
import os
import re
import select
import shutil
import signal
import socket
import termios
import time

import lab
from harness import (PROGRAM, WEB, Skip, Untrack, claim, equal, ruleset, same_text, test, together,
                     zeroed)
from lab import Host

WEB2 = WEB.replace("80", "80, 8081")
WEB3 = WEB.replace("80", "80, 8443")
QUESTION = "type 'keep'"
PATIENCE = 20  # seconds beyond the time that was asked for


def listing(host):
    return "\n".join(sorted(zeroed(host.listing()).splitlines()))


def until(truth, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not truth():
        claim(time.monotonic() < end, what)
        time.sleep(0.02)


class Scene:
    """A host with rules of generation 1, and a configuration that says more."""

    def __init__(self, first=WEB):
        self.host = Host()
        self.host.nft(ruleset("stateful-new"))
        self.clean = listing(self.host)
        self.untrack = Untrack(self.host, first or WEB)
        if first:
            self.untrack.apply()
        self.before = listing(self.host)
        self.untrack.configure(WEB2)

    def ask(self, seconds=4, status=0):
        """apply --confirm without a terminal."""
        text = self.untrack.expect(status, "apply", f"--confirm={seconds}s")
        claim("8081" in listing(self.host), f"nothing was applied:\n{text}")
        return text

    def state(self, name):
        return self.untrack.dir / "state" / name

    def is_pending(self):
        return self.state("run/pending").exists()

    def timers(self):
        """The processes that wait to go back here."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                with open(f"/proc/{pid}/stat", "rb") as f:
                    zombie = f.read().rpartition(b")")[2].split()[0] == b"Z"
            except OSError:
                continue
            if b"expire" in words and str(self.state("")).rstrip("/").encode() in words:
                found += [] if zombie else [int(pid)]
        return found

    def goes_back(self, what, to=None, seconds=2):
        want = self.before if to is None else to
        until(lambda: not self.is_pending() and not self.timers(),
              f"{what}: it is still pending", seconds + PATIENCE)
        same_text(listing(self.host), want, what)

    def ends(self, what):
        """Nothing is pending, and the timer dies, which is up to the kernel."""
        claim(not self.is_pending(), f"{what}: it is still pending")
        until(lambda: not self.timers(), f"{what}: the timer is still there")

    def stays(self, what, seconds):
        """The new rules, and nobody who would take them away."""
        time.sleep(seconds)
        claim("8081" in listing(self.host), f"{what}: the rules went")
        self.ends(what)

    def header(self, n):
        return self.state(f"generation-{n}.conf").read_text(encoding="ascii").split("\n\n")[0]


class Terminal:
    """A shell with job control on a terminal of its own, which runs untrack in the foreground."""

    def __init__(self, untrack, *args):
        self.master, slave = os.openpty()
        self.said = ""
        command = " ".join(untrack.command(*args))
        with untrack.host:
            self.leader = os.fork()
            if self.leader == 0:
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                for fd in range(3):
                    os.dup2(slave, fd)
                os.closerange(3, 100)
                for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)  # whatever nohup made of it
                os.execvp("sh", ["sh", "-mc", f"{command}; echo status $?"])
        os.close(slave)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.said += os.read(self.master, 4096).decode()
            except OSError:  # nobody is at the other end any more
                time.sleep(seconds)

    def wait_for(self, words, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while words not in self.said:
            claim(time.monotonic() < end, f"the terminal does not say '{words}':\n{self.said}")
            self.read(0.1)

    def type(self, text):
        os.write(self.master, text.encode())

    def client(self):
        with open(f"/proc/{self.leader}/task/{self.leader}/children", encoding="ascii") as f:
            return int(f.read().split()[0])

    def close(self):
        os.close(self.master)


def asked_on_terminal(scene, seconds=8):
    terminal = Terminal(scene.untrack, "apply", f"--confirm={seconds}s")
    terminal.wait_for(QUESTION)
    claim("8081" in listing(scene.host), "nothing was applied")
    return terminal


def kill_client(terminal, number):
    os.kill(terminal.client(), number)


def kill_leader(terminal, number):
    os.kill(terminal.leader, number)


def kill_groups(terminal, number):
    groups = {os.getpgid(terminal.client()), os.getpgid(terminal.leader)}
    for group in groups:
        os.killpg(group, number)


def kill_all_but_the_timer(terminal, number):
    """Whatever hangs on the session, the leader last."""
    for pid in (terminal.client(), terminal.leader):
        os.kill(pid, number)


VICTIMS = {"client": kill_client, "leader": kill_leader, "groups": kill_groups,
           "session": kill_all_but_the_timer}


def is_dead(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().split(") ")[1][0] == "Z"
    except OSError:  # also while it is being read
        return True


def killed(victim, number):
    def case():
        scene = Scene()
        terminal = asked_on_terminal(scene)
        client = terminal.client()
        VICTIMS[victim](terminal, number)
        if victim != "leader":
            until(lambda: is_dead(client), "the client does not die")
        claim(scene.is_pending() and len(scene.timers()) == 1, "the timer went, too")
        scene.goes_back(f"{signal.Signals(number).name} to the {victim}")
    return case


@test("confirm: SIGHUP, SIGINT, SIGTERM, SIGKILL to the client, the leader, the groups, the session")
def signals():
    together({f"{victim} {number}": killed(victim, number) for victim in VICTIMS
              for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL)})


def closed_terminal():
    scene = Scene()
    terminal = asked_on_terminal(scene)
    terminal.close()
    scene.goes_back("a closed terminal")


def end_of_input():
    scene = Scene()
    terminal = asked_on_terminal(scene)
    terminal.type("\4")
    terminal.wait_for("status 0")
    claim("[unconfirmed]" in terminal.said and scene.is_pending(), terminal.said)
    scene.goes_back("end of input")


def other_word():
    scene = Scene()
    terminal = asked_on_terminal(scene)
    terminal.type("yes\n")
    terminal.wait_for("status 0")
    claim("[unconfirmed]" in terminal.said and scene.is_pending(), terminal.said)
    scene.goes_back("another word")


def no_answer():
    scene = Scene()
    terminal = asked_on_terminal(scene)
    terminal.wait_for("status 3")
    claim("not confirmed in time" in terminal.said, terminal.said)
    scene.goes_back("no answer")
    claim("untrack: not confirmed in time: went back, and generation 1 is in the kernel" in
          terminal.said, f"the terminal was not told:\n{terminal.said}")


def dead_client_terminal():
    scene = Scene()
    terminal = asked_on_terminal(scene)
    kill_client(terminal, signal.SIGKILL)
    terminal.wait_for("went back, and generation 1 is in the kernel")
    scene.goes_back("a dead client")


def keep():
    scene = Scene()
    terminal = asked_on_terminal(scene, 60)
    terminal.type("keep\n")
    terminal.wait_for("status 0")
    claim("confirmed: generation 2 stays" in terminal.said, terminal.said)
    scene.stays("keep", 0)


def confirmed_elsewhere():
    scene = Scene()
    terminal = asked_on_terminal(scene, 60)
    scene.untrack.expect(0, "confirm")
    terminal.wait_for("status 0")
    claim("confirmed elsewhere" in terminal.said, terminal.said)
    scene.stays("confirmed elsewhere", 0)


def findings_first():
    """What there is to say stands before the question."""
    scene = Scene()
    scene.untrack.configure(WEB2 + "[interface x]\nname = nowhere0\n")
    terminal = asked_on_terminal(scene, 60)
    claim("[missing-interface]" in terminal.said.split(QUESTION)[0], terminal.said)
    scene.untrack.expect(0, "rollback")
    terminal.wait_for("status 3")


@test("confirm on a terminal: the word keeps, anything else and nothing at all goes back")
def answers():
    together({f.__name__: f for f in (closed_terminal, end_of_input, other_word, no_answer,
                                      dead_client_terminal, keep, confirmed_elsewhere,
                                      findings_first)})


def returns_at_once():
    """Nothing of the caller's stays open, or ssh would wait for it."""
    scene = Scene()
    start = time.monotonic()
    text = scene.ask(60)
    claim(time.monotonic() - start < 20, "apply --confirm waits")
    claim(re.search(r"generation 2 is not confirmed yet: .* to generation 1 .*\(in (60|59) s\)", text),
          text)
    pid, = scene.timers()
    equal({os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")},
          {"/dev/null"}, "open files of the timer")
    equal(os.readlink(f"/proc/{pid}/cwd"), "/", "its directory")
    equal(os.getsid(pid), pid, "its session")
    text = scene.untrack.expect(0, "confirm")
    claim("confirmed: generation 2 stays" in text, text)
    claim("unconfirmed" not in scene.header(2), scene.header(2))
    scene.stays("confirmed", 0)
    scene.untrack.expect(1, "confirm")


def confirmed_in_time():
    scene = Scene()
    scene.ask(6)
    scene.untrack.expect(0, "confirm")
    scene.stays("confirmed in time", 6.5)


def first_apply():
    scene = Scene(first=None)
    text = scene.ask()
    claim("to no rules of untrack at all" in text, text)
    claim("unconfirmed" in scene.header(1), scene.header(1))
    scene.goes_back("the first apply")
    same_text(listing(scene.host), scene.clean, "the first apply")
    text = scene.untrack.expect(1, "confirm")
    claim("[confirm]" in text, text)


def after_a_boot():
    """The kernel holds nothing, whatever the records say: that is the way back."""
    for config in (WEB, WEB2):
        scene = Scene()
        scene.host.nft("flush ruleset\n" + ruleset("stateful-new"))
        scene.untrack.configure(config)
        scene.untrack.expect(0, "apply", "--confirm=3s")
        claim("table inet untrack" in listing(scene.host), "nothing was applied")
        scene.goes_back("after a boot", scene.clean)


def unchanged():
    scene = Scene()
    scene.untrack.configure(WEB)
    text = scene.untrack.expect(0, "apply", "--confirm=1s")
    claim("unchanged:" in text and "[unconfirmed]" not in text, text)
    scene.ends("unchanged")


def refused():
    scene = Scene()
    scene.host.nft("add chain inet untrack mine")
    text = scene.untrack.expect(3, "apply", "--confirm=60s")
    claim("[foreign-objects]" in text, text)
    scene.ends("refused")


def goes_over_what_refuses():
    """What somebody puts into our table meanwhile does not keep it from going back."""
    scene = Scene()
    scene.ask()
    scene.host.nft("add chain inet untrack mine")
    scene.goes_back("with foreign objects")


@test("confirm without a terminal: returns at once, goes back, or stays when it is confirmed")
def without_terminal():
    together({f.__name__: f for f in (returns_at_once, confirmed_in_time, first_apply, after_a_boot,
                                      unchanged, refused, goes_over_what_refuses)})


def extended():
    scene = Scene()
    scene.ask(6)
    first, = scene.timers()
    scene.untrack.configure(WEB3)
    scene.untrack.expect(0, "apply", "--confirm=14s")
    claim("8443" in listing(scene.host), "the second was not applied")
    until(lambda: len(scene.timers()) == 1 and first not in scene.timers(),
          "the first timer is still there")
    time.sleep(6.5)
    claim("8443" in listing(scene.host), "it went back after the first time")
    scene.goes_back("extended", seconds=8)


def extended_unchanged():
    scene = Scene()
    scene.ask(6)
    text = scene.untrack.expect(0, "apply", "--confirm=60s")
    claim("unchanged:" in text and re.search(r"\(in (60|59|58) s\)", text), text)
    time.sleep(6.5)
    claim("8081" in listing(scene.host), "it went back after the first time")
    scene.untrack.expect(0, "confirm")
    scene.stays("extended and confirmed", 0)


def extended_refused():
    """A second one that is refused leaves the first as it was, its time included."""
    scene = Scene()
    scene.ask(12)
    timers = scene.timers()
    scene.host.nft("add chain inet untrack mine")
    scene.untrack.configure(WEB3)
    scene.untrack.expect(3, "apply", "--confirm=60s")
    until(lambda: scene.timers() == timers, "not only the first timer is there")
    scene.goes_back("a second one refused")


def plain_apply():
    scene = Scene()
    scene.ask(12)
    scene.untrack.configure(WEB3)
    text = scene.untrack.expect(3, "apply")
    claim("[unconfirmed]" in text and "untrack confirm" in text, text)
    claim("8443" not in listing(scene.host), "it was applied all the same")
    scene.goes_back("after a plain apply")


def rolled_back():
    scene = Scene()
    scene.ask(60)
    scene.untrack.configure(WEB3)
    scene.untrack.expect(0, "apply", "--confirm=60s")  # generation 3: the way back is still 1
    text = scene.untrack.expect(0, "rollback")
    claim("rolled back to generation 1" in text, text)
    scene.goes_back("rollback", seconds=0)


def removed():
    scene = Scene()
    scene.ask(6)
    scene.untrack.remove()
    scene.ends("remove")
    time.sleep(6.5)
    same_text(listing(scene.host), scene.clean, "after remove")


@test("confirm: one at a time; asking again extends, apply alone is refused, ways out end it")
def one_at_a_time():
    together({f.__name__: f for f in (extended, extended_unchanged, extended_refused, plain_apply,
                                      rolled_back, removed)})


def full_disk(scene):
    """A small file system for the records, and what fills it."""
    state = scene.state("")
    state.mkdir()
    lab.call("mount", b"tmpfs", str(state).encode(), b"tmpfs", 0, b"size=128k,mode=755")

    def fill():
        with open(state / "ballast", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
    return fill


def disk_fills():
    scene = Scene(first=None)
    fill = full_disk(scene)
    scene.untrack.configure(WEB)
    scene.untrack.apply()
    scene.before = listing(scene.host)
    scene.untrack.configure(WEB2)
    scene.ask(6)
    fill()
    scene.goes_back("on a full disk")
    (scene.state("ballast")).unlink()
    claim("unconfirmed" in scene.header(2), "generation 2 counts as confirmed")
    scene.untrack.expect(0, "apply")
    claim("unconfirmed" not in scene.header(2), "generation 2 does not count as confirmed")


def disk_fills_before_confirm():
    scene = Scene(first=None)
    fill = full_disk(scene)
    scene.untrack.configure(WEB)
    scene.untrack.apply()
    scene.before = listing(scene.host)
    scene.untrack.configure(WEB2)
    scene.ask(12)
    fill()
    text = scene.untrack.expect(3, "confirm")
    claim("not confirmed" in text and "free space" in text, text)
    scene.goes_back("not confirmed for lack of space")


def edit(name, change):
    def case():
        scene = Scene()
        scene.ask(12)
        path = scene.state(name)
        change(path)
        if name.startswith("run"):
            for command, status in (("confirm", 2), ("apply", 3)):
                text = scene.untrack.expect(status, command)
                claim("run/pending" in text and "untrack rollback" in text, text)
        elif "2" in name and path.exists():
            scene.untrack.expect(3, "confirm")
        scene.goes_back(f"{name} edited")
    return case


def truncate(path):
    os.truncate(path, 40)


def append(path):
    with open(path, "a", encoding="ascii") as f:
        f.write("[service more]\nprotocol = tcp\nport = 22\n")


def replace(path):
    path.write_text("nonsense\n", encoding="ascii")


def later(path):
    """A deadline of tomorrow."""
    text = path.read_text(encoding="ascii")
    path.write_text(re.sub(r"deadline \d+", lambda m: m.group(0) + "0000", text), encoding="ascii")


def damaged_rollback():
    scene = Scene()
    scene.ask(60)
    truncate(scene.state("run/pending"))
    text = scene.untrack.expect(0, "rollback")
    claim("rolled back to generation 1" in text and "[confirm]" in text, text)
    same_text(listing(scene.host), scene.before, "rollback")
    claim(not scene.is_pending(), "the damaged file is still there")


@test("confirm: a full disk, and records edited by hand, do not keep it from going back")
def records():
    cases = {"disk fills": disk_fills, "disk fills before confirm": disk_fills_before_confirm,
             "damaged rollback": damaged_rollback}
    for name in ("generation-1.conf", "generation-2.conf", "run/pending"):
        for change in (truncate, append, replace):
            cases[f"{name} {change.__name__}"] = edit(name, change)
    for name in ("generation-1.conf", "generation-2.conf"):
        cases[f"{name} removed"] = edit(name, os.unlink)
    cases["deadline"] = edit("run/pending", later)
    together(cases)


def stubborn():
    scene = Scene()
    scene.ask()
    pid, = scene.timers()
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            os.kill(pid, number)
    scene.goes_back("a timer that got every signal")


def dead_timer():
    scene = Scene()
    scene.ask(3)
    pid, = scene.timers()
    os.kill(pid, signal.SIGKILL)
    time.sleep(3.5)
    text = scene.untrack.expect(0, "status")
    claim("its time is over" in text, text)
    scene.untrack.expect(3, "apply")
    scene.untrack.expect(0, "rollback")
    scene.goes_back("rollback after the timer's death")


def locked():
    scene = Scene()
    scene.ask()
    with open(scene.state("run/lock"), "r+", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        time.sleep(5)
        claim("8081" in listing(scene.host), "it did not wait for the lock")
    scene.goes_back("after the lock")


def from_elsewhere():
    """Relative names, and a directory that is gone by then."""
    scene = Scene()
    here = lab.RUN / f"here-{os.getpid()}"
    here.mkdir()
    os.chdir(here)
    words = ["--config", os.path.relpath(scene.untrack.dir), "--state",
             os.path.relpath(scene.state("")), "apply", "--confirm=1s"]
    done = scene.host.run(PROGRAM, *words, check=False)
    equal(done.returncode, 0, done.stderr)
    os.chdir("/")
    here.rmdir()
    scene.goes_back("relative names")


def replaced_program():
    """An upgrade in between: the timer does not need the file any more."""
    scene = Scene()
    program = lab.RUN / f"program-{os.getpid()}"
    shutil.copy(PROGRAM, program)
    done = scene.host.run(str(program), *scene.untrack.command("apply", "--confirm=1s")[1:])
    equal(done.returncode, 0, done.stderr)
    program.unlink()
    scene.goes_back("without the program")


def clock():
    """The date cannot be changed here; which clock is asked can be seen."""
    if not shutil.which("strace"):
        return
    scene = Scene()
    done = scene.host.run("strace", "-e", "clock_nanosleep", *scene.untrack.command(
        "expire", "0123456789abcdef", "1000"), env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    claim("clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, {tv_sec=1," in done.stderr, done.stderr)
    same_text(listing(scene.host), scene.before, "an expire of nothing")


@test("confirm: the timer waits for locks, for no signal, and needs no file and no directory")
def the_timer():
    together({f.__name__: f for f in (stubborn, dead_timer, locked, from_elsewhere,
                                      replaced_program, clock)})


@test("confirm: the system log is told")
def system_log():
    """With a /dev of our own, for its /dev/log."""
    lab.call("mount", b"tmpfs", b"/dev", b"tmpfs", 0, b"mode=755")
    os.mknod("/dev/null", 0o666 | 0o020000, os.makedev(1, 3))
    os.mknod("/dev/urandom", 0o666 | 0o020000, os.makedev(1, 9))
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    log.settimeout(PATIENCE)
    scene = Scene()
    scene.ask()
    said = log.recv(4096).decode()
    claim(re.match(r"<29>.*untrack\[\d+\]: not confirmed in time: went back, and generation 1 is",
                   said), said)
    scene.goes_back("with a log")


def killed_at(calls, when):
    def case():
        scene = Scene()
        done = scene.host.run("strace", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e",
                              f"inject={calls}:signal=KILL:when={when}",
                              *scene.untrack.command("apply", "--confirm=1s"), check=False,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        claim(done.returncode in (0, -9, 137), f"status {done.returncode}:\n{done.stderr}")
        pending = scene.is_pending()  # first: it may go back while we look
        changed = "8081" in listing(scene.host)
        claim(not changed or pending, "the rules changed, and nothing is pending")
        scene.goes_back(f"killed at {calls} {when}")
        text = scene.untrack.expect(0, "apply")
        claim("8081" in listing(scene.host), f"the next apply:\n{text}")
        return [done.returncode != 0, changed]
    return case


@test("confirm: a power cut finds the mark on disk before the rules change; an apply alone waits once")
def on_disk_first():
    if not shutil.which("strace"):
        raise Skip("no strace here")
    scene = Scene()

    def waits(*options):
        done = scene.host.run("strace", "-qq", "-e", "trace=fsync,sendmsg",
                              *scene.untrack.command("apply", *options),
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        return re.findall(r"^(fsync|sendmsg)\(", done.stderr, re.MULTILINE)

    equal(waits("--confirm=60s"), ["fsync", "sendmsg", "fsync"], "apply --confirm")
    scene.untrack.expect(0, "confirm")
    scene.untrack.configure(WEB3)
    equal(waits(), ["sendmsg", "fsync"], "apply")


@test("confirm: apply --confirm killed at any step: what changed goes back")
def killed_within():
    if not shutil.which("strace"):
        raise Skip("no strace here")
    points = {"sendto,sendmsg": 12, "?rename,?renameat,?renameat2": 6, "fsync,fdatasync": 3,
              "unlink,unlinkat": 8, "clone,?clone3,?vfork,?fork": 2, "openat": 40, "close": 40,
              "recvfrom,recvmsg": 60}
    cases = {f"{calls} {when}": killed_at(calls, when)
             for calls, last in points.items() for when in range(1, last + 1, 1 if last < 20 else 3)}
    found = {}
    names = list(cases)
    for i in range(0, len(names), 24):
        found.update(together({name: cases[name] for name in names[i:i + 24]}))
    kills = sum(k for k, _ in found.values())
    later_ones = sum(k and c for k, c in found.values())
    claim(kills > 40 and later_ones > 8, f"only {kills} kills, {later_ones} of them after the change")


@test("confirm: a second apply --confirm killed anywhere leaves a timer, and the way back")
def killed_second():
    if not shutil.which("strace"):
        raise Skip("no strace here")

    def at(calls, when):
        def case():
            scene = Scene()
            scene.ask(8)
            scene.untrack.configure(WEB3)
            scene.host.run("strace", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e",
                           f"inject={calls}:signal=KILL:when={when}",
                           *scene.untrack.command("apply", "--confirm=7s"), check=False,
                           env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            claim(scene.is_pending() and scene.timers(), "nothing is pending")
            scene.goes_back(f"killed at {calls} {when}")
        return case

    points = {"?rename,?renameat,?renameat2": 4, "clone,?clone3,?vfork,?fork": 2,
              "pidfd_open,pidfd_send_signal": 2, "sendto,sendmsg": 6}
    together({f"{calls} {when}": at(calls, when)
              for calls, last in points.items() for when in range(1, last + 1)})
