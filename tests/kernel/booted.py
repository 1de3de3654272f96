# SPDX-License-Identifier: GPL-2.0-or-later
"""A real systemd, booted in a container whose files are this machine's, in about a second."""

import os
import shutil
import signal
import subprocess
import time

import lab
from harness import PROGRAM, ROOT, Skip, claim

CGROUP = "/sys/fs/cgroup"


class Booted:
    """One container with a network of its own, or that of a host of the lab; `with` ends it.
    Nothing is left of it. prepare(booted) changes its files before it boots."""

    PATIENCE = 20  # seconds for what is to come by itself
    MUST = ("systemd-nspawn", "nsenter", "journalctl")

    def __init__(self, host=None, prepare=None, target="basic.target"):
        for tool in self.MUST:
            if not shutil.which(tool):
                raise Skip(f"no {tool} here: make deps-test")
        self.dir = lab.RUN / "booted"
        self.dir.mkdir()
        lab.call("mount", b"tmpfs", str(self.dir).encode(), b"tmpfs", 0, b"mode=755")
        for name in ("upper", "work", "root"):
            (self.dir / name).mkdir()
        self.root = self.dir / "root"
        self.host, self.prepare, self.target = host, prepare, target
        self.cgroup = None
        self.leader = self.nspawn = None

    def __enter__(self):
        self.mount()
        self.files()
        if self.prepare:
            self.prepare(self)
        self.boot()
        return self

    def lower(self):
        """The files below those of the test."""
        return "/"

    def mount(self):
        options = f"lowerdir={self.lower()},upperdir={self.dir}/upper,workdir={self.dir}/work"
        try:
            lab.call("mount", b"overlay", str(self.root).encode(), b"overlay", 0, options.encode())
        except OSError as e:
            raise Skip(f"no overlay here: {e}") from e

    def own_cgroup(self):
        subprocess.run(["umount", "-R", CGROUP], capture_output=True, check=False)
        try:
            lab.call("mount", b"cgroup2", CGROUP.encode(), b"cgroup2", 0, None)
        except OSError as e:
            raise Skip(f"no cgroup2 here: {e}") from e
        self.cgroup = f"{CGROUP}/untrack-test-{os.getpid()}-{time.monotonic_ns()}"
        os.mkdir(self.cgroup)

    def files(self):
        (self.root / "etc/machine-id").write_text("", encoding="ascii")
        sbin = self.root / "usr/local/sbin"
        sbin.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROGRAM, sbin / "untrack")
        for name in ("etc/untrack", "var/lib/untrack", "var/log/journal"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        (self.root / "etc/untrack/rules.d").mkdir(parents=True)
        (self.root / "var/lib/untrack").mkdir(parents=True)

    def write(self, name, text):
        """A file inside."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def install_units(self):
        """Those of the project, as make install would."""
        built = lab.RUN / "units"
        subprocess.run(["make", "-s", "-C", str(ROOT), f"B={built}", "units"], check=True,
                       env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})
        units = self.root / "usr/local/lib/systemd/system"
        units.mkdir(parents=True, exist_ok=True)
        for file in (built / "systemd").iterdir():
            shutil.copy(file, units)
        tmpfiles = self.root / "usr/local/lib/tmpfiles.d"
        tmpfiles.mkdir(parents=True, exist_ok=True)
        (units / "untrack.conf").rename(tmpfiles / "untrack.conf")

    def enable(self, *units):
        subprocess.run(["systemctl", "--quiet", f"--root={self.root}", "enable", *units],
                       check=True, stdin=subprocess.DEVNULL)

    def network(self):
        if not self.host:
            return ["--private-network"]
        return [f"--network-namespace-path={self.host.path}", "--capability=CAP_NET_ADMIN"]

    def boot(self):
        self.own_cgroup()

        def enter_cgroup():
            with open(f"{self.cgroup}/cgroup.procs", "w", encoding="ascii") as f:
                f.write("0")

        # Services of this machine are no part of the test: by default, no further than basic.target.
        with open(self.dir / "console", "wb") as console:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", str(self.root), f"--machine=t{os.getpid()}",
                 "--boot", *self.network(), "--register=no", "--keep-unit", "--console=pipe",
                 "--kill-signal=SIGRTMIN+4", f"systemd.unit={self.target}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                preexec_fn=enter_cgroup)
        end = time.monotonic() + 30
        while not self.is_up():
            claim(self.nspawn.poll() is None and time.monotonic() < end,
                  "systemd does not start:\n" + (self.dir / "console").read_text(errors="replace"))
            time.sleep(0.02)
        self.run("systemctl", "is-system-running", "--wait", check=False)

    def is_up(self):
        children = f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children"
        with open(children, encoding="ascii") as f:
            pids = f.read().split()
        self.leader = pids[0] if pids else None
        return self.leader and os.path.exists(f"/proc/{self.leader}/root/run/systemd/private")

    def run(self, *command, check=True, stdin=None, timeout=30):
        """Runs a command inside; its CompletedProcess, with text output."""
        done = subprocess.run(["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-C",
                               "--", *command], input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)
        claim(not check or done.returncode == 0,
              f"{' '.join(command)}: status {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def __exit__(self, *_):
        if self.nspawn:
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(10)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        if self.cgroup:
            self.remove_cgroup()

    def remove_cgroup(self):
        with open(f"{self.cgroup}/cgroup.kill", "w", encoding="ascii") as f:
            f.write("1")
        for _ in range(50):
            for path, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    pass
            if not os.path.exists(self.cgroup):
                return
            time.sleep(0.05)
