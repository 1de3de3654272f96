# SPDX-License-Identifier: GPL-2.0-or-later
"""The sessions of the README and of untrack(8), typed as they stand there: nothing in them rots."""

import shutil
import subprocess

import lab
from booted import Booted
from console import blocks_of_manual, blocks_of_readme, headings, perform
from harness import PROGRAM, ROOT, WEB, claim, equal, test
from lab import two_hosts
from t_boot import has_rules, show, until
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

CLONE_NEWUTS = 0x04000000
HERE = lab.RUN / "here"  # where the reader is
FIREWALL = """flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		ct state invalid drop
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		ip saddr 203.0.113.0/24 drop
		tcp dport { 22, 80, 443 } ct state new accept
		udp dport 40000-40003 ct state new accept
	}
}
"""
ENVIRONMENT = {"PATH": f"{lab.RUN}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": "/root", "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def move_in():
    """The reader's machine: files of its own where the program's are, and the project's rules.d."""
    lab.call("unshare", CLONE_NEWUTS)
    subprocess.run(["hostname", "web1"], check=True)
    lab.call("mount", b"tmpfs", b"/var/lib", b"tmpfs", 0, b"mode=755")
    etc = lab.RUN / "etc"
    shutil.copytree("/etc", etc, symlinks=True)
    shutil.rmtree(etc / "untrack", ignore_errors=True)
    (etc / "nftables.conf").write_text(FIREWALL, encoding="ascii")
    (etc / "untrack/rules.d").mkdir(parents=True)
    lab.call("mount", str(etc).encode(), b"/etc", b"none", 4096, None)  # MS_BIND
    (lab.RUN / "bin").mkdir()
    (lab.RUN / "bin/untrack").symlink_to(PROGRAM)
    shutil.copytree(ROOT / "rules.d", HERE / "rules.d", copy_function=shutil.copyfile)


def reader(host):
    """What types the command lines, on this host."""
    def shell(_, command):
        with host:
            return subprocess.run(["bash", "-c", f"exec 2>&1\n{command}"], cwd=HERE, text=True,
                                  env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=60, check=False).stdout
    return shell


def visitors(client):
    """Sixty connections to each port of the web server, over both families."""
    asks = [Ask(client, SERVER[f], port) for port in (80, 443) for f in FAMILIES for _ in range(30)]
    equal(set(finish_all(asks)), {"answer"}, "what visitors get")


def web_server():
    move_in()
    client, server = two_hosts()
    serve(server, 22, 80, 443)
    server.nft(FIREWALL)
    return client, server


def tour(blocks):
    claim(blocks, "nothing to type")
    client, server = web_server()
    equal(finish_all([Ask(client, SERVER[4], 22)]), ["answer"], "ssh")

    def visit(command):
        if command.startswith(("untrack suggest", "untrack status")):
            visitors(client)
    for block in blocks:
        perform(block, reader(server), visit)


@test("tours: the table is full")
def full_table():
    tour(blocks_of_readme("Five minutes: the table is full"))


@test("tours: rules in CI")
def pipeline():
    tour(blocks_of_readme("Five minutes: rules in CI"))


@test("tours: untrack(8): an administrator")
def administrator():
    tour(blocks_of_manual("An administrator exempts ports"))


@test("tours: untrack(8): CI")
def files_in_ci():
    tour(blocks_of_manual("Files of rules in CI"))


MY_FIREWALL = """[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/nftables.conf
[Install]
WantedBy=basic.target
"""


def prepare(booted):
    booted.install_units()
    booted.write("etc/nftables.conf", FIREWALL)
    booted.write("etc/systemd/system/my-firewall.service", MY_FIREWALL)
    booted.write("etc/untrack/rules.d/web.conf", WEB.lstrip().replace("80", "80, 443"))
    booted.enable("nftables.service", "my-firewall.service")


def tour_of_boot(blocks):
    claim(blocks, "nothing to type")
    _, server = two_hosts()
    serve(server, 22, 80, 443)
    with Booted(server, prepare) as booted:
        def shell(_, command):
            return booted.run("bash", "-c", f"exec 2>&1\n{command}", check=False).stdout

        def patience(command):  # what systemd does on its own takes a reader's moment
            if command.startswith("untrack diff"):
                until(lambda: has_rules(booted, "80, 443"), "the rules come back", booted)
            if command.startswith("journalctl"):
                booted.run("journalctl", "--sync")
        for block in blocks:
            perform(block, shell, patience)
        equal(show(booted, "untrack", "StatusText"), [""], "what the unit says in the end")
        claim("my-firewall.service" in show(booted, "untrack-after@my-firewall", "PartOf")[0],
              "the firewall of one's own is followed")


@test("tours: untrack(8): suggestions")
def suggestions():
    tour(blocks_of_manual("SUGGESTIONS"))


@test("tours: at boot")
def at_boot():
    tour_of_boot(blocks_of_readme("Five minutes: at boot"))


@test("tours: untrack(8): at boot")
def boot_of_the_manual():
    tour_of_boot(blocks_of_manual("The rules at boot"))


@test("tours: there is no session that is not typed")
def all_of_them():
    own = (ROOT / "tests/kernel/t_tours.py").read_text(encoding="ascii")
    for heading in headings():
        claim(f'"{heading}"' in own, f"nobody types what is in '{heading}'")
