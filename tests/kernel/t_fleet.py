# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Ansible role does with services, on a real systemd; the rest of it is tests/fleet.sh's."""

import os
import re
import shutil

from booted import Booted
from harness import ROOT, WEB, equal, test
from t_boot import prepared, show

PLAY = """- hosts: all
  gather_facts: false
  roles:
    - role: untrack
      untrack_program: /usr/local/sbin/untrack
      untrack_repair: {}
      untrack_confirm: 1h
      untrack_rules: {{10-test.conf: "{}"}}
"""
UNITS = ("untrack.service", "untrack-watch.service", "untrack-verify.timer")


def prepare(booted):
    prepared()(booted)
    shutil.copytree(ROOT / "packaging/ansible/roles", booted.root / "root/roles")


def changed(booted, repair):
    """Runs the role; how many of its tasks have changed something."""
    booted.write("root/site.yml", PLAY.format(repair, WEB.strip().replace("\n", "\\n")))
    said = booted.run("env", "HOME=/root", "ANSIBLE_ROLES_PATH=/root/roles", "ansible-playbook",
                      "-i", "localhost,", "-c", "local", "/root/site.yml", timeout=240).stdout
    return int(re.search(r"^localhost .* changed=(\d+)", said, re.M)[1])


def states(booted):
    return [show(booted, unit, "ActiveState", "UnitFileState") for unit in UNITS]


def services():
    on, off = ["active", "enabled"], ["inactive", "disabled"]
    with Booted(prepare=prepare) as booted:
        equal(changed(booted, "watch"), 3, "rules, a file and services, changed")
        equal(states(booted), [on, on, off], "watch")
        equal(changed(booted, "watch"), 0, "changed by a second run")
        equal(changed(booted, "timer"), 1, "changed by the timer")
        equal(states(booted), [on, off, on], "timer")


if "UNTRACK_FLEET" in os.environ:
    test("services of the Ansible role, under systemd")(services)
