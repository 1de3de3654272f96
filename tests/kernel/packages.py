# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of firewalls that the Makefile has fetched and unpacked: installed, they would start."""

import os
import pathlib
import subprocess

from harness import ROOT, Skip

PACKAGES = pathlib.Path(os.environ.get("UNTRACK_PACKAGES", ROOT / "build" / "packages"))
TREES = {"usr": "usr", "etc": "etc", "var": "var", "lib": "usr/lib", "sbin": "usr/sbin"}


def unpack(names, root="/"):
    """Copies their files to where they belong, on a machine whose /lib is /usr/lib."""
    for name in names:
        if not (PACKAGES / name / "usr").is_dir():
            raise Skip(f"{name} is not unpacked: make reloads")
        for tree, place in TREES.items():
            if (PACKAGES / name / tree).is_dir():
                subprocess.run(["cp", "-a", f"{PACKAGES / name / tree}/.", f"{root}/{place}/"],
                               check=True)
