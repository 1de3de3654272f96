# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions in the README and in untrack(8): what is typed behind a prompt, and what comes of it.

In a session lines that begin with a prompt, "web1# " or "ci$ ", are command lines, lines that begin
with "> " go on with them, and the rest is their output. A line "..." stands for any number of lines,
"..." at the end of a line for its rest. Moments, amounts of traffic and the size of the machine's
table may be others; everything else is as it is written there."""

import difflib
import re

from harness import ROOT, claim

PROMPT = re.compile(r"^(web1#|ci\$) (.*)$", re.M)
VARIES = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "MOMENT"),
    (r"\bat \d\d:\d\d:\d\d \(in \d+ s\)", "at MOMENT"),
    (r"\d+ packets, [\d.]+ [KM]?i?B\b", "TRAFFIC"),
    (r"of (at most )?\d+ \([\d.]+ %\)|of \d+ entries \([\d.]+ %\)", "OF THE TABLE"),
    (r"\d+ s left on average", "SOME TIME left"),
    (r" +", " "),
]

README = ROOT / "README.md", "^## (.*)$", r"^```console\n(.*?)^```$"
PAGE = ROOT / "man" / "untrack.8", "^\\.S[hs] (.*)$", r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$"


def sessions(place):
    """{heading: [session as a list of lines]} of a file."""
    file, heading, block = place
    parts = re.split(heading, file.read_text(encoding="utf-8"), flags=re.M)
    found = {}
    for name, text in zip(parts[1::2], parts[2::2]):
        blocks = [b.replace("\\&", "").replace("\\e", "\\")
                  for b in re.findall(block, text, re.M | re.S)]
        found[name] = [b.splitlines() for b in blocks if PROMPT.match(b)]
    return found


def blocks_of_readme(heading):
    return sessions(README).get(heading)


def blocks_of_manual(heading):
    return sessions(PAGE).get(heading)


def headings():
    """Those with sessions."""
    return [name for place in (README, PAGE) for name, blocks in sessions(place).items() if blocks]


def steps(block):
    """[(prompt, command, expected lines)] of a session."""
    found = []
    for line in block:
        start = PROMPT.match(line)
        if start:
            found.append((start[1], start[2], []))
        elif (line + " ").startswith("> ") and not found[-1][2]:
            prompt, command, _ = found[-1]
            found[-1] = (prompt, f"{command}\n{line[2:]}", [])
        else:
            found[-1][2].append(line)
    return found


def plain(line):
    for pattern, word in VARIES:
        line = re.sub(pattern, word, line)
    return line.strip()


def alike(want, got):
    return got.startswith(want[:-3]) if want.endswith("...") else got == want


def matches(want, got):
    """Are these the lines that were expected, where "..." is any number of lines?"""
    if not want:
        return not got
    if want[0] == "...":
        return any(matches(want[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and alike(want[0], got[0]) and matches(want[1:], got[1:])


def perform(block, shell, before=None):
    """Types the session into shell(prompt, command), which returns what came of it, both streams;
    before(command) is called ahead of each one."""
    for prompt, command, want in steps(block):
        if before:
            before(command)
        said = shell(prompt, command)
        got = [plain(line) for line in said.splitlines()]
        want = [plain(line) for line in want]
        claim(matches(want, got), f"{prompt} {command}\n" + "\n".join(
            difflib.unified_diff(want, got, "written", "said", lineterm="")) + f"\n{said}")
