# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack watch, as systemd would start it, and traffic that shows for how long it was cut off."""

import os
import signal
import socket
import subprocess
import threading
import time

import lab
from harness import Failure, claim
from traffic import AF, CLIENT, SERVER

DNS = "\n[service dns]\nprotocol = udp\nport = 53\n"


class Watch:
    """The program in the background, from `with` to its end."""

    def __init__(self, untrack, *options):
        self.untrack, self.options = untrack, options
        self.notes, self.process = [], None
        self.path = untrack.dir / "watch.log"
        self.log = open(self.path, "a", encoding="utf-8")
        self.name = str(untrack.dir / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.notes += self.socket.recv(4096).decode().splitlines()

    def __enter__(self):
        with self.untrack.host:
            self.process = subprocess.Popen(
                self.untrack.command("watch", *self.options), stdin=subprocess.DEVNULL,
                stdout=self.log, stderr=self.log, env={**os.environ, "NOTIFY_SOCKET": self.name})
        self.until(lambda: "READY=1" in self.notes, "READY=1")
        return self

    def status(self):
        return [note for note in self.notes if note.startswith("STATUS=")][-1]

    def said(self):
        return self.path.read_text(encoding="utf-8")

    def until(self, truth, what, seconds=20):
        end = time.monotonic() + seconds
        while not truth():
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failure(f"{what}: in vain (status {self.process.poll()})\n{self.said()}\n"
                              f"{self.notes[-5:]}\n{self.untrack.host.listing()[:3000]}")
            time.sleep(0.005)

    def repaired(self, what):
        """Until the kernel holds what is on record again."""
        self.until(lambda: self.untrack.run("diff", "-q").returncode == 0, what)

    def __exit__(self, fault, *_):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        end = time.monotonic() + 5
        while not fault and "STOPPING=1" not in self.notes and time.monotonic() < end:
            time.sleep(0.005)
        claim(fault or (status == 0 and "STOPPING=1" in self.notes),
              f"watch ended with {status}:\n{self.said()}")


class Stream:
    """Datagrams to a port that answers, one each two milliseconds: the times of the answers."""

    def __init__(self, client, port=53, ends=(CLIENT[4], SERVER[4])):
        with client:
            self.socket = socket.socket(AF[4], socket.SOCK_DGRAM)
        self.socket.bind((ends[0], 0))
        self.socket.connect((ends[1], port))
        self.socket.settimeout(0.002)
        self.times, self.end = [], False
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def loop(self):
        lab.die_with_parent()
        while not self.end:
            try:
                self.socket.send(b"8\n")
                self.socket.recv(64)
                self.times.append(time.monotonic())
                time.sleep(0.002)
            except OSError:
                pass

    def flows(self, seconds=20):
        """Waits until answers come."""
        n, end = len(self.times), time.monotonic() + seconds
        while len(self.times) < n + 3:
            claim(time.monotonic() < end, "no traffic")
            time.sleep(0.005)

    def gap(self, since):
        """The longest time without an answer since then, in milliseconds."""
        times = [since] + [t for t in self.times if t > since]
        return 1000 * max((b - a for a, b in zip(times, times[1:])), default=0)

    def __exit__(self, *_):
        self.end = True
        self.thread.join()
