# SPDX-License-Identifier: GPL-2.0-or-later
"""iptables' own commands notice nothing of our rules but their presence: listings, checks,
deletions, and a save that is restored."""

import functools
import re

from firewalls import TOOLS, all_firewalls
from harness import (Untrack, claim, equal, iptables_twins, listings, same_listings,
                     same_text, test, together, without_twins, zeroed)
from lab import two_hosts
from matrix import rows, settle, syn_once
from netlink import generation
from traffic import CLIENT, DENIED, FAMILIES, SERVER, Ask, serve

WEB = "[service web]\nprotocol = tcp\nport = %d\n"
TABLE = re.compile(r"^\*(\w+)\n(.*?)^COMMIT\n", re.M | re.S)


def tables(save):
    """{table: [rule]} of what iptables-save says."""
    return {name: re.findall(r"^-A .*", body, re.M) for name, body in TABLE.findall(save)}


class Tool:
    """One family's iptables of one form, on one host."""

    def __init__(self, host, family, form):
        self.host, self.name = host, f"{TOOLS[family]}-{form}"

    def run(self, *args, stdin=None, suffix=""):
        """Its output; it must work and complain of nothing."""
        done = self.host.run(self.name + suffix, *args, stdin=stdin, check=False)
        text = done.stderr + done.stdout
        claim(done.returncode == 0 and "incompatible" not in text and "rror" not in text,
              f"{self.name}{suffix} {' '.join(args)}: status {done.returncode}\n{text}\n{stdin}")
        return done.stdout

    def save(self):
        return zeroed(self.run(suffix="-save"))

    def restore(self, text, *args):
        self.run(*args, stdin=text, suffix="-restore")

    def batch(self, table, *commands):
        """Commands as -A, -C and -D of one table."""
        self.restore(f"*{table}\n" + "\n".join(commands) + "\nCOMMIT\n", "--noflush")


def check_listings(tool, before):
    """-save, -S and -L show what they showed, and our rules."""
    same_text(without_twins(tool.save()), before, f"{tool.name}-save but for twins")
    for table, rules in tables(before).items():
        own = re.findall(r"^-A .*", without_twins(tool.run("-t", table, "-S")), re.M)
        equal(own, rules, f"{tool.name} -t {table} -S but for twins")
        ours = len([r for r in tables(tool.save())[table] if re.search('--comment "?untrack:', r)])
        listed = tool.run("-t", table, "-L", "-n", "-v")
        equal(listed.count("/* untrack:"), ours, f"our rules in {tool.name} -t {table} -L")
        if rules:
            tool.batch(table, *(re.sub("^-A", "-C", rule) for rule in rules))


def last_rule(tool, before):
    """Deletes and appends again the last rule of every chain that has one."""
    for table, rules in tables(before).items():
        last = {rule.split()[1]: rule for rule in rules}
        # What jumps to a chain is no obstacle: only rules go, and one at a time.
        for rule in last.values():
            if rules.count(rule) == 1 and "--helper" not in rule:  # -D takes any helper's rule
                tool.batch(table, re.sub("^-A", "-D", rule))
                tool.batch(table, rule)
    same_text(without_twins(tool.save()), before, f"{tool.name}: last rules deleted and appended")


def questions(client, port):
    """A short version of matrix.Server."""
    found = settle({f"IPv{f} {who} tcp {p}": Ask(client, SERVER[f], p, source[f])
                    for f in FAMILIES for who, source in (("allowed", CLIENT), ("denied", DENIED))
                    for p in (22, 25, port)})
    return found | rows(client, SERVER, (port,))


def host_of(firewall):
    client, server = two_hosts()
    syn_once(client)
    serve(server, 22, 25, firewall.port)
    firewall.load(server)
    return client, server


def tracked(firewall):
    client, _ = host_of(firewall)
    return questions(client, firewall.port)


def still_equal(server, untrack, what):
    untrack.expect(0, "diff")
    before = generation(server), listings(server)
    text = untrack.apply()
    claim(text.startswith("unchanged"), f"apply after {what} says\n{text}")
    equal((generation(server), listings(server)), before, f"apply after {what}")


def exempt(firewall):
    client, server = host_of(firewall)
    tools = [Tool(server, family, firewall.form) for family in TOOLS if firewall.save(family)]
    for tool in tools:  # which puts chains in the order that the next restore keeps
        tool.restore(tool.save())
    before = listings(server)
    own = {tool: tool.save() for tool in tools}
    untrack = Untrack(server, WEB % firewall.port)
    untrack.apply()
    for tool in tools:
        check_listings(tool, own[tool])
    for tool in tools:
        last_rule(tool, own[tool])
    still_equal(server, untrack, "its last rules were deleted and appended")
    rules = iptables_twins(server, firewall.form)
    for tool in tools:
        tool.restore(tool.save())
    equal(iptables_twins(server, firewall.form), rules, "twins after save and restore")
    still_equal(server, untrack, "save and restore")
    found = questions(client, firewall.port)
    untrack.remove()
    same_listings(listings(server), before, "after the removal")
    return found


def own_tools(firewall):
    found = together({"tracked": functools.partial(tracked, firewall),
                      "exempt": functools.partial(exempt, firewall)})
    equal(found["exempt"], found["tracked"], "answers")


for one in all_firewalls():
    if one.form and not one.finding:
        test(f"iptables' own tools: {one.name}")(functools.partial(own_tools, one))
