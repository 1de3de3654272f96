# SPDX-License-Identifier: GPL-2.0-or-later
"""Generations and the kernel: history, rollback, the boot, and records that cannot be had."""

import json
import os
import shutil
import subprocess

import lab
from harness import Failure, Untrack, WEB, claim, equal, foreign, ruleset, same_text, test
from lab import Host, two_hosts
from netlink import generation
from traffic import FAMILIES, SERVER, Ask, finish_all, serve

API = "[service api]\nprotocol = tcp\nport = 443\n"
MAIL = "[service mail]\nprotocol = tcp\nport = 25\n"
WRONG = "[service web]\nprotocol = tcp\nport = x\n"


def history(untrack):
    return json.loads(untrack.expect(0, "history", "--json"))["generations"]


def changes(entry):
    return [change["text"] for change in entry["changes"]]


def record(untrack, number):
    return untrack.dir / "state" / f"generation-{number}.conf"


def generations(untrack):
    return sorted(int(path.stem.split("-")[1])
                  for path in (untrack.dir / "state").glob("generation-*.conf"))


def reboot(untrack, firewall=None):
    """The rules are gone, and what was in /run; what was on disk stays."""
    untrack.host.nft("flush ruleset")
    if firewall:
        untrack.host.nft(firewall)
    shutil.rmtree(untrack.dir / "state" / "run")


def unconfirmed(untrack):
    """Applies what is configured with --confirm; the host goes down before an answer."""
    untrack.expect(0, "apply", "--confirm=60s")
    claim("\n# unconfirmed\n" in record(untrack, generations(untrack)[-1]).read_text("ascii"),
          "the generation does not say that it is unconfirmed")


@test("history: what came, went and changed; any generation is current again after a rollback")
def history_and_rollback():
    server = Host()
    firewall = ruleset("stateful-new")
    server.nft(firewall)
    untrack = Untrack(server)
    listings = []
    for config in (WEB, WEB + API, WEB.replace("80", "80, 8080") + MAIL):
        untrack.configure(config)
        untrack.apply()
        listings.append(server.listing())
    untrack.remove()
    listings.append(server.listing())
    found = history(untrack)
    equal([entry["generation"] for entry in found], [4, 3, 2, 1], "numbers")
    equal([changes(entry) for entry in found], [
        ["service web is no longer exempt: protocol tcp; port 80, 8080",
         "service mail is no longer exempt: protocol tcp; port 25"],
        ["service web: port 80 -> 80, 8080", "service mail is exempt now: protocol tcp; port 25",
         "service api is no longer exempt: protocol tcp; port 443"],
        ["service api is exempt now: protocol tcp; port 443"],
        ["service web is exempt now: protocol tcp; port 80"]], "changes")
    claim("service web: port 80 -> 80, 8080" in untrack.expect(0, "history"), "not in the text")
    for number in (2, 3, 1, 4, 2):
        untrack.expect(0, "rollback", str(number))
        # nft lists counters in an order of its own
        equal(sorted(server.listing().splitlines()), sorted(listings[number - 1].splitlines()),
              f"rules of generation {number}")
    equal(len(history(untrack)), 9, "each rollback is a generation")


@test("rollback refuses what apply refuses, and goes on with --force")
def rollback_forced():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    untrack.configure(WEB + API)
    untrack.apply()
    server.nft("add rule inet untrack output tcp dport 99 drop")
    before = server.listing()
    claim("foreign-objects" in untrack.expect(3, "rollback", "1"), "no reason")
    same_text(server.listing(), before, "rules after a refused rollback")
    untrack.expect(0, "rollback", "--force", "1")
    claim("dport 99" not in server.listing(), "the rule of others is still there")
    equal(history(untrack)[0]["forced"], ["foreign-objects"], "on record")


@test("apply --boot: a configuration that never was confirmed gives way to the last good one")
def boot_unconfirmed():
    client, server = two_hosts()
    serve(server, 80)
    firewall = ruleset("stateful-new")
    server.nft(firewall)
    untrack = Untrack(server)
    untrack.apply()
    good = server.listing()
    untrack.configure(WEB + API)
    unconfirmed(untrack)
    reboot(untrack, firewall)
    text = untrack.expect(1, "apply", "--boot")
    claim("never confirmed: generation 1 is in force instead" in text, text)
    same_text(foreign(server), foreign_of(good), "twins after the boot")
    equal(finish_all([Ask(client, SERVER[f], 80) for f in FAMILIES]), ["answer", "answer"], "web")
    found = history(untrack)
    equal([bool(entry["good-at-boot"]) for entry in found], [True, False, False], "marks")
    equal([entry["unconfirmed"] for entry in found], [False, True, False], "marks")
    # The same once more, and then somebody applies it and knows what it is.
    reboot(untrack, firewall)
    untrack.expect(1, "apply", "--boot")
    equal(len(generations(untrack)), 3, "generations")
    untrack.apply()
    reboot(untrack, firewall)
    untrack.expect(0, "apply", "--boot")


def foreign_of(listing):
    """The same as foreign(), of a listing of then."""
    class Then:  # pylint: disable=too-few-public-methods
        @staticmethod
        def listing():
            return listing
    return foreign(Then)


@test("apply --boot: wrong, unreadable and missing files")
def boot_failing():
    server = Host()
    firewall = ruleset("stateful-new")
    untrack = Untrack(server)
    server.nft(firewall)
    untrack.expect(0, "apply", "--boot")
    good = server.listing()
    for damage in (lambda: untrack.configure(WRONG),
                   lambda: (untrack.dir / "rules.d" / "10-test.conf").chmod(0o666),
                   lambda: shutil.rmtree(untrack.dir / "rules.d") or
                   (untrack.dir / "untrack.conf").unlink()):
        damage()
        reboot(untrack, firewall)
        claim("generation 1 is in force instead" in untrack.expect(1, "apply", "--boot"), "words")
        same_text(server.listing(), good, "rules")
    equal(generations(untrack), [1], "generations")


@test("apply --boot where nothing was ever good: as apply, and the kernel is left alone")
def boot_nothing_good():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server, WRONG)
    before = server.listing()
    claim("no good generation" in untrack.expect(2, "apply", "--boot"), "words")
    same_text(server.listing(), before, "rules")
    untrack.configure(WEB)
    unconfirmed(untrack)
    reboot(untrack)
    claim("no good generation" in untrack.expect(3, "apply", "--boot"), "words")
    equal(server.listing(), "", "rules")


@test("apply --boot without /etc/services: names of ports are numbers on record")
def boot_without_services():
    server = Host()
    firewall = ruleset("stateful-new")
    server.nft(firewall)
    untrack = Untrack(server, WEB.replace("80", "http"))
    untrack.apply()
    good = server.listing()
    mount("--bind", "/dev/null", "/etc/services")
    reboot(untrack, firewall)
    text = untrack.expect(1, "apply", "--boot")
    claim("services(5) has no 'http'" in text and "generation 1 is in force instead" in text, text)
    same_text(server.listing(), good, "rules")


def as_newer(path):
    path.write_text(path.read_text("ascii").replace("format 1", "format 7"), "ascii")


@test("apply --boot, records of a newer version: the last one that can be read, or none")
def boot_newer_records():
    server, untrack = applied()
    good, firewall = server.listing(), ruleset("stateful-new")
    untrack.apply()
    as_newer(record(untrack, 2))
    reboot(untrack, firewall)
    text = untrack.expect(1, "apply", "--boot")
    claim("newer untrack (format 7)" in text and "generation 1 is in force instead" in text, text)
    same_text(server.listing(), good, "rules")
    for number in generations(untrack):
        if number != 2:
            as_newer(record(untrack, number))
    reboot(untrack, firewall)
    left_alone(untrack, 3, ["newer untrack (format 7)", "no good generation"], "apply", "--boot")
    claim("1 exemption" not in untrack.apply(), "what somebody applies now is new")


@test("apply --boot: an interface that is not there yet is no error")
def boot_missing_interface():
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server, WEB + "interface = late0\n[interface storage]\nname = late1\n")
    untrack.expect(0, "apply", "--boot")
    claim('"late0"' in server.listing() and '"late1"' in server.listing(), server.listing())


# Records that cannot be had --------------------------------------------------------------------


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def left_alone(untrack, status, words, *command):
    """Refused with these words and a cure; not one rule was written."""
    host = untrack.host
    before = generation(host), host.listing()
    text = untrack.expect(status, *command)
    for word in words:
        claim(word in text, f"'{word}' is not in what it says:\n{text}")
    claim("cure: " in text, f"no cure:\n{text}")
    equal(generation(host), before[0], f"generation id after {command}")
    same_text(host.listing(), before[1], f"rules after {command}")


def applied():
    """A host with one generation and another configuration waiting."""
    server = Host()
    server.nft(ruleset("stateful-new"))
    untrack = Untrack(server)
    untrack.apply()
    untrack.configure(WEB + API)
    return server, untrack


@test("a read-only state directory: nothing new is applied, what is on record stays whole")
def read_only():
    server, untrack = applied()
    state = str(untrack.dir / "state")
    mount("--bind", state, state)
    mount("-t", "tmpfs", "-o", "mode=700", "tmpfs", state + "/run")
    mount("-o", "remount,bind,ro", state)
    words = "Read-only file system", "writable"
    left_alone(untrack, 3, words, "apply")
    left_alone(untrack, 3, words, "apply", "--confirm=60s")
    left_alone(untrack, 3, words, "remove")
    equal(len(history(untrack)), 1, "generations")
    # What is on record already needs no writing: repaired, and booted.
    untrack.configure(WEB)
    twins = foreign(server)
    server.nft("flush ruleset\n" + ruleset("stateful-new"))
    untrack.apply()
    same_text(foreign(server), twins, "repaired")
    server.nft("flush ruleset\n" + ruleset("stateful-new"))
    text = untrack.expect(0, "apply", "--boot")
    claim("only history lacks" in text, text)
    same_text(foreign(server), twins, "booted")
    # What is not on record gives way to what is.
    untrack.configure(WEB + API)
    server.nft("flush ruleset\n" + ruleset("stateful-new"))
    text = untrack.expect(1, "apply", "--boot")
    claim("Read-only file system" in text and "generation 1 is in force instead" in text, text)
    same_text(foreign(server), twins, "booted with a configuration that cannot be recorded")


@test("a full disk: nothing new is applied")
def full_disk():
    for place in ("state", "state/run"):
        _, untrack = applied()
        kept = untrack.dir / "kept"
        (untrack.dir / "state").rename(kept)
        shutil.rmtree(kept / "run")
        for name, mode in (("state", 755), ("state/run", 700)):  # two disks, and one is full
            (untrack.dir / name).mkdir()
            mount("-t", "tmpfs", "-o", f"size=64k,mode={mode}", "tmpfs", str(untrack.dir / name))
        shutil.copytree(kept, untrack.dir / "state", dirs_exist_ok=True)
        filler = untrack.dir / place / "filler"
        fill(filler)
        for command in (["apply"], ["apply", "--confirm=60s"], ["remove"], ["rollback"]):
            left_alone(untrack, 3, ["No space left on device", "free space",
                                    str(untrack.dir / place)], *command)
        filler.unlink()
        untrack.apply()


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass


@test("a state directory that others can write to, or that is none: nothing is applied")
def unsafe_directory():
    _, untrack = applied()
    state = untrack.dir / "state"
    state.chmod(0o777)
    left_alone(untrack, 3, ["others than its owner can write", "chmod go-w"], "apply")
    state.chmod(0o755)
    os.chown(state, 65534, 65534)
    left_alone(untrack, 3, ["belongs to user 65534", "chown root"], "apply")
    os.chown(state, 0, 0)
    state.rename(untrack.dir / "elsewhere")
    state.write_text("x", encoding="ascii")
    left_alone(untrack, 3, ["Not a directory"], "apply")


def damages(path):
    """Name, what to do to a file, and what is said of it."""
    text = path.read_text("ascii") if path.exists() else "x\n"

    def link():
        path.unlink()
        path.symlink_to("/etc/hostname")

    def fifo():
        path.unlink()
        os.mkfifo(path)

    def folder():
        path.unlink()
        path.mkdir()

    def writable():
        path.chmod(0o666)

    return [("empty", lambda: path.write_text(""), "written by untrack"),
            ("truncated", lambda: path.write_text(text[:len(text) // 2]), "truncated"),
            ("of others", lambda: path.write_text("[service x]\n"), "written by untrack"),
            ("newer", lambda: path.write_text(text.replace("format 1", "format 7")),
             "newer untrack (format 7)"),
            ("zeros", lambda: path.write_bytes(b"\0" * len(text)), "written by untrack"),
            ("edited", lambda: path.write_text(text.replace("= 80", "= 81")), "checksum"),
            ("a mark too many", lambda: path.write_text(text.replace("\n# f", "\n# good\n# f")),
             "checksum"),
            ("a link", link, "symbolic links"), ("a FIFO", fifo, "not a plain file"),
            ("a directory", folder, "not a plain file"),
            ("writable by others", writable, "can write to")]


@test("a damaged generation: back to it is refused; what is new is applied, only history is lost")
def damaged_generation():
    server, untrack = applied()
    untrack.apply()
    untrack.configure(WEB)
    spare = untrack.dir / "spare"
    shutil.copytree(untrack.dir / "state", spare)
    for name, damage, words in damages(record(untrack, 2)):
        damage()
        try:
            left_alone(untrack, 2, [words, "generation-2.conf"], "rollback", "2")
            left_alone(untrack, 2, [words, "generation-2.conf"], "history")
            text = untrack.expect(0, "apply")
            claim(words in text and "only history is lost" in text, text)
            equal(json.loads(untrack.run("history", "--json").stdout)["generations"][0]["against"],
                  1, "compared to")
            untrack.expect(0, "rollback", "1")
        except Failure as e:
            raise Failure(f"{name}: {e}") from e
        shutil.rmtree(untrack.dir / "state")
        shutil.copytree(spare, untrack.dir / "state")
        untrack.configure(WEB + API)
        untrack.apply()
        untrack.configure(WEB)
    claim("dport" in server.listing(), "no rules")


@test("damaged evidence of a killed run: nothing is changed until somebody has looked")
def damaged_evidence():
    _, untrack = applied()
    path = untrack.dir / "state" / "run" / "transaction"
    magic = "untrack transaction 1\n"
    for content, words in ((b"", "truncated or damaged"), (magic.encode(), "truncated or damaged"),
                           (b"untrack transaction 9\n", "newer untrack"),
                           (b"something else", "not written by untrack"),
                           (b"\0" * 100, "not written by untrack")):
        path.write_bytes(content)
        for command in ("apply", "remove", "rollback"):
            left_alone(untrack, 3, [words, str(path)], command)
        path.unlink()
    untrack.apply()
