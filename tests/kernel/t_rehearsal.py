# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack check --kernel: rules are tried in a namespace of their own, by anybody, and this host
does not notice."""

import os
import pathlib
import re

import harness
import lab
from harness import ROOT, WEB, Skip, Untrack, claim, equal, same_text, test
from lab import Host
from t_facts import traces

SHIM = pathlib.Path(harness.PROGRAM).parent / "shim.so"
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all",
          "--bounding-set=-all"]
BOTH = "nftables: 6 rules loaded and read back\niptables: 6 rules loaded and read back\n"
VALID = "valid: 1 exemption\n"
NOTED = "valid: 1 exemption, 1 note\n"


def program():
    """The program and a file of rules where anybody may read them."""
    place = lab.RUN / "everybody"
    if not place.exists():
        os.chmod(lab.RUN, 0o755)
        place.mkdir()
        for name in (pathlib.Path(harness.PROGRAM), SHIM):
            if name.exists():
                (place / name.name).write_bytes(name.read_bytes())
                (place / name.name).chmod(0o755)
    return str(place / "untrack")


def check(host, *args, config=WEB, status=0, user=(), fault=None, env=()):
    """(standard output, standard error) of check --kernel of a file."""
    name = pathlib.Path(program()).parent / "web.conf"
    name.write_text(config, encoding="ascii")
    if fault:
        if not SHIM.exists():
            raise Skip("no shim: make kernel")
        env = [*env, f"LD_PRELOAD={pathlib.Path(program()).parent / SHIM.name}",
               f"UNTRACK_KERNEL={fault}"]
    done = host.run(*user, "env", *env, program(), "check", "--kernel", *args, str(name),
                    check=False)
    equal(done.returncode, status, f"status of check {args}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr.replace(str(name), "web.conf")


@test("check --kernel: both backends, as root and as nobody, and the host does not notice")
def both():
    host = Host()
    host.run("iptables-legacy", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW")
    before = traces(host)
    lock = pathlib.Path("/run/xtables.lock")
    was_there = lock.exists() and lock.stat().st_ino
    with host, open("/run/xtables.lock", "w", encoding="ascii") as held:
        import fcntl  # pylint: disable=import-outside-toplevel
        fcntl.flock(held, fcntl.LOCK_EX)  # whoever waited for it would wait for ten seconds
        for user in ((), NOBODY):
            equal(check(host, user=user), (BOTH + VALID, ""), f"check as {user or 'root'}")
    claim(not was_there or lock.stat().st_ino == was_there, "the lock of iptables stays")
    same_text(str(traces(host)), str(before), "the host")
    claim(not [p for p in lab.RUN.glob("**/state")], "no state directory")


@test("check --kernel: a backend that is named is the only one that is tried")
def named():
    host = Host()
    for name in ("nftables", "iptables"):
        equal(check(host, "--backend", name),
              (f"{name}: 6 rules loaded and read back\n" + VALID, ""), name)
        equal(check(host, config=f"[untrack]\nbackend = {name}\n{WEB}"),
              (f"{name}: 6 rules loaded and read back\n" + VALID, ""), f"backend = {name}")
    equal(check(host, "-q"), ("", ""), "-q")


@test("check --kernel: every example")
def examples():
    text = "".join(f.read_text(encoding="ascii") for f in sorted((ROOT / "rules.d").glob("*.conf")))
    out, err = check(Host(), config=text, user=NOBODY)
    claim("kernel-unchecked" not in err and out.count(" loaded and read back\n") == 2, out + err)


@test("check --kernel: what the kernel refuses is a finding with its line")
def refused():
    host = Host()
    out, err = check(host, status=1, fault="refuses", user=NOBODY)
    claim(re.search(r"^web.conf:2:1: error: the kernel refused .*web.*\[nf-tables\]\n"
                    r"    \[service web\]\n    \^\n  cure: the kernel lacks an expression", err,
                    re.M), err)
    claim("nftables" not in out and "iptables: 6 rules loaded" in out, out)
    # iptables' part of the kernel does not say which rule it was.
    out, err = check(host, status=1, fault="no-u32", user=NOBODY, config="[loopback]\nnotrack = "
                     f"yes\n{WEB}[service dns]\nprotocol = udp\nport = 53\n")
    claim(re.match(r"web.conf:7:1: error: the kernel refused .* dns .* error .*: Invalid argument "
                   r"\[iptables-legacy\]\n", err), err)
    claim("iptables" not in out and "nftables: " in out, out)
    out, err = check(host, "--backend", "iptables", status=1, fault="no-u32")
    equal(out, "1 error\n", "only that backend")
    equal(err.count("[iptables-legacy]"), 1, "it is said once")


@test("check --kernel: a kernel that says yes and does nothing is found out")
def forgets():
    out, err = check(Host(), status=1, fault="forgets")
    claim("error: the kernel does not hold what was written:\n" in err and
          "[verify-failed]" in err and " + output notrack web protocol tcp sport 80\n" in err, err)
    claim("nftables" not in out, out)


@test("check --kernel: what this kernel does not have is a note, and nothing at all a warning")
def absent():
    host = Host()
    out, err = check(host, fault="no-legacy", user=NOBODY)
    claim(err.startswith("note: the kernel was not asked through iptables: this kernel has no "
                         "tables of iptables-legacy [kernel-unchecked]\n  cure: load its modules"),
          err)
    equal(out, "nftables: 6 rules loaded and read back\n" + NOTED, "with nft alone")
    out, err = check(host, fault="no-nft", user=NOBODY)
    claim(err.startswith("note: the kernel was not asked through nftables: ") and
          "cure: this kernel has no nf_tables" in err, err)
    equal(out, "iptables: 6 rules loaded and read back\n" + NOTED, "with iptables alone")
    out, err = check(host, "-q", "--backend", "nftables", fault="no-nft")
    claim(err.startswith("warning: the kernel was not asked through nftables: "), err)


@test("check --kernel: where nobody may make namespaces it says so, and how to change that")
def forbidden():
    host = Host()
    inner = ["unshare", "--user", "--map-root-user", "sh", "-c",
             'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', "sh"]
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
    out, err = check(host, "-q", user=[*inner, *drop])
    claim(err.startswith("warning: the kernel was not asked: no network namespace of our own can "
                         "be made here: ") and "[kernel-unchecked]\n  cure: sysctl user.max_user_"
          "namespaces=" in err, err)
    equal(err.count("kernel-unchecked"), 1, "it is said once")
    equal(out, "", "-q")
    # Whoever may make a network namespace needs no user namespace.
    outer = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c",
             'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', "sh"]
    equal(check(host, user=outer), (BOTH + VALID, ""), "root without user namespaces")


@test("check --kernel: more than an ordinary user may send at once goes in parts")
def in_parts():
    config = "".join(f"[service s{n}]\nprotocol = {('tcp', 'udp')[n % 2]}\nport = {1000 + n}\n"
                     for n in range(40))
    host = Host()
    out, err = check(host, "--backend", "nftables", config=config, fault="narrow")
    claim(re.match(r"nftables: 162 rules loaded in \d+ parts and read back\nvalid: 40 ", out), out)
    equal(err, "", "findings")
    # One rule that is too large is nobody's fault, and not tried.
    many = f"[service many]\nprotocol = tcp\nport = {', '.join(map(str, range(1001, 9999, 2)))}\n"
    out, err = check(host, config=many.replace(", ", ",\n "), fault="narrow")
    claim("note: the kernel was not asked through nftables: the kernel refused the rules: Message "
          "too long [kernel-unchecked]\n  cure: raise net.core.wm" in err, err)
    claim("nftables" not in out and "iptables: " in out, out)


@test("check --kernel: with facts it tries the raw rules, and says so beside the host's twins")
def with_facts():
    host = Host()
    host.nft(harness.ruleset("stateful-new"))
    facts = pathlib.Path(program()).parent / "facts.json"
    facts.write_text(Untrack(host).expect(0, "-q", "facts"), encoding="utf-8")
    out, _ = check(Host(), "--facts", str(facts), user=NOBODY)
    claim(re.search(r": \d+ rules, \d+ twins?\n", out) and BOTH in out and "\nvalid: 1 " in out, out)
