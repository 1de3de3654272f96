# SPDX-License-Identifier: GPL-2.0-or-later
"""A real systemd on another kernel, where everything is a module: booted by qemu, in half a minute.
UNTRACK_MACHINE names the directory of that kernel, as tests/machines.sh makes it."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import lab
from booted import Booted
from harness import PROGRAM, claim

MACHINE = os.environ.get("UNTRACK_MACHINE")
LIMIT = 900  # seconds for one boot, on a machine that has other things to do

# It is asked from outside, over a serial line, once the services are there that this boot is about.
AGENT = """[Unit]
DefaultDependencies=no
After=sysinit.target
[Service]
ExecStart=python3 /opt/agent.py /dev/ttyS1
StandardOutput=tty
LimitNOFILE=524288
[Install]
WantedBy=basic.target
"""
# Not under test, and slow where each instruction is translated.
MASKED = """dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
systemd-update-utmp.service systemd-random-seed.service e2scrub_reap.service apt-daily.timer
apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer
systemd-network-generator.service systemd-pstore.service modprobe@drm.service
modprobe@fuse.service modprobe@configfs.service modprobe@efi_pstore.service"""
KERNEL_LINE = ("rdinit=/sbin/init console=ttyS0 panic=-1 quiet systemd.show_status=1 "
               "systemd.getty_auto=no mitigations=off audit=0 random.trust_cpu=on no_timer_check "
               "systemd.unit=")


class Machine(Booted):
    """As its parent, with files of a Debian of its own and the program installed there."""

    PATIENCE = 300
    MUST = ("qemu-system-x86_64", "cpio")

    def __init__(self, host=None, prepare=None, target="basic.target"):
        super().__init__(host, prepare, target)
        self.kernel, self.built = pathlib.Path(MACHINE), pathlib.Path(PROGRAM).parent
        self.socket = self.line = None

    def lower(self):
        return str(self.kernel.parent / "root")

    def files(self):
        self.write("etc/machine-id", "")
        self.write("etc/hostname", "untrack-test\n")
        self.write("etc/systemd/system/agent.service", AGENT)
        self.write("opt/agent.py", (pathlib.Path(__file__).parent / "agent.py").read_text("ascii"))
        self.enable("agent.service")
        for unit in MASKED.split():
            os.symlink("/dev/null", self.root / "etc/systemd/system" / unit)
        subprocess.run(["cp", "-a", f"{self.kernel.parent / 'installed'}/.", str(self.root)],
                       check=True)

    def inside(self, *command):
        """Runs a command of that Debian, before it boots."""
        done = subprocess.run(["chroot", str(self.root), *command], capture_output=True, text=True,
                              check=False)
        claim(done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def install_units(self):
        """They are installed with the rest."""

    def write(self, name, text):
        if self.line:
            self.run("tee", f"/{name}", stdin=text)
        else:
            super().write(name, text)

    def archive(self):
        """One archive of the Debian, the modules, and what is this test's own."""
        path = self.dir / "initrd"
        with open(path, "wb") as out:
            for part in (self.kernel.parent / "root.cpio", self.kernel / "modules.cpio"):
                with open(part, "rb") as f:
                    shutil.copyfileobj(f, out, 1 << 20)
            out.flush()
            names = subprocess.run(["find", ".", "-mindepth", "1", "-print0"], check=True,
                                   cwd=self.dir / "upper", capture_output=True).stdout
            subprocess.run(["cpio", "-0", "-o", "-H", "newc", "--quiet"], cwd=self.dir / "upper",
                           input=names, stdout=out, check=True)
        return path

    def command(self, line):
        """The machine, whose second serial line is this descriptor."""
        # No KVM: where one machine is in another, a kernel hangs. No microvm: that one does, too.
        # Its clock counts instructions: however busy this machine is, in that one nothing times out.
        return ["qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu", "Nehalem,-spec-ctrl",
                "-icount", "shift=1", "-smp", "1", "-m", "1536", "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", "-serial", f"file:{self.dir}/console",
                "-chardev", f"socket,id=line,fd={line}", "-serial", "chardev:line",
                "-kernel", str(self.kernel / "vmlinuz"), "-initrd", str(self.archive()),
                "-append", KERNEL_LINE + self.target]

    def boot(self):
        start = time.monotonic()
        ours, theirs = socket.socketpair()
        ours.settimeout(LIMIT)
        with theirs, open(self.dir / "qemu", "wb") as said:
            self.nspawn = subprocess.Popen(
                self.command(theirs.fileno()), pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                preexec_fn=lab.die_with_parent)
        self.socket, self.line = ours, ours.makefile("rwb")
        try:
            ready = self.line.readline()
        except OSError:
            ready = b""
        claim(ready == b"ready\n", f"no answer after {time.monotonic() - start:.0f} s: {ready}\n" +
              self.console())
        (self.dir / "initrd").unlink()
        self.run("systemctl", "is-system-running", "--wait", check=False)
        kernel = self.run("uname", "-r").stdout.strip()
        print(f"{kernel}: booted in {time.monotonic() - start:.0f} s")

    def console(self):
        texts = [(self.dir / name).read_text(errors="replace") for name in ("qemu", "console")]
        return "\n".join(texts)[-4000:]

    def run(self, *command, check=True, stdin=None, timeout=300):
        request = {"command": command, "stdin": stdin, "timeout": timeout}
        try:
            self.socket.settimeout(timeout + LIMIT)
            self.line.write(json.dumps(request).encode() + b"\n")
            self.line.flush()
            said = self.line.readline()
        except OSError as e:
            said = str(e).encode()
        claim(said.startswith(b"{"), f"{' '.join(command)}: {said}\n{self.console()}")
        answer = json.loads(said)
        claim(answer["status"] is not None, f"{' '.join(command)}: not done after {timeout} s")
        done = subprocess.CompletedProcess(command, answer["status"], answer["stdout"],
                                           answer["stderr"])
        claim(not check or done.returncode == 0,
              f"{' '.join(command)}: status {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def __exit__(self, *_):
        if self.nspawn:
            self.nspawn.kill()
            self.nspawn.wait()


def boot(**words):
    """A machine where one is asked for, or else a container on this kernel."""
    return (Machine if MACHINE else Booted)(**words)
