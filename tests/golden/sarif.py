#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds SARIF on standard input against the parts of the published schema (OASIS, 2.1.0) that apply
to it: what is required, what may be there at all (the schema allows nothing else), types and words.
Prints it with the rules that results refer to, and without our own version."""
import json
import re
import sys

URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


def text(v):
    assert isinstance(v, str) and v, f"no text: {v!r}"


def uri(v):
    text(v)
    assert URI.fullmatch(v) and not re.search("%(?![0-9A-F]{2})", v), f"no URI: {v}"


def number(least):
    def check(v):
        assert type(v) is int and v >= least, f"not a number from {least}: {v!r}"
    return check


def boolean(v):
    assert type(v) is bool, f"neither true nor false: {v!r}"


def word(*words):
    def check(v):
        assert v in words, f"{v!r} is not one of {words}"
    return check


def items(check, least=0):
    def check_all(v):
        assert isinstance(v, list) and len(v) >= least, f"not a list of {least} or more"
        for item in v:
            check(item)
    return check_all


def record(required, **members):
    def check(v):
        assert isinstance(v, dict), f"no object: {v!r}"
        for name in required:
            assert name in v, f"{name} is missing in {v}"
        for name, value in v.items():
            assert name in members, f"the schema has no {name} here"
            members[name](value)
    return check


def strings(v):
    assert isinstance(v, dict) and v, f"no strings: {v!r}"
    for value in v.values():
        text(value)


LEVEL = word("none", "note", "warning", "error")
MESSAGE = record(["text"], text=text)
RULE = record(["id"], id=text, name=text, shortDescription=MESSAGE, fullDescription=MESSAGE,
              help=MESSAGE, defaultConfiguration=record([], level=LEVEL))
REGION = record([], startLine=number(1), startColumn=number(1),
                snippet=record([], text=lambda v: None))
PLACE = record(["artifactLocation"], region=REGION,
               artifactLocation=record([], uri=uri, uriBaseId=text))
RESULT = record(["message"], ruleId=text, ruleIndex=number(-1), level=LEVEL, message=MESSAGE,
                locations=items(record([], physicalLocation=PLACE)), partialFingerprints=strings,
                properties=record([], hosts=items(text)))
RUN = record(["tool"], columnKind=word("utf16CodeUnits", "unicodeCodePoints"),
             tool=record(["driver"], driver=record(["name"], name=text, version=text,
                                                   rules=items(RULE))),
             invocations=items(record(["executionSuccessful"], executionSuccessful=boolean,
                                      exitCode=number(0))),
             results=items(RESULT))
LOG = record(["version", "runs"], version=word("2.1.0"), runs=items(RUN), **{"$schema": uri})


def check(log):
    LOG(log)
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        ids = [r["id"] for r in rules]
        prints = [r["partialFingerprints"]["untrack/v1"] for r in run["results"]]
        assert len(set(ids)) == len(ids), "a rule twice"
        assert len(set(prints)) == len(prints), "a fingerprint twice"
        for r in rules:  # what code scanning services show
            for name in "shortDescription", "fullDescription", "help":
                assert name in r, f"{r['id']} has no {name}"
        for r in run["results"]:
            assert rules[r["ruleIndex"]]["id"] == r["ruleId"], f"not the rule of {r}"
            assert len(r["locations"]) == 1, f"no place: {r}"


def main():
    log = json.load(sys.stdin)
    check(log)
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        used = {r["ruleId"] for r in run["results"]}
        driver["rules"] = [r for r in driver["rules"] if r["id"] in used]
        driver["version"] = "VERSION"
        for r in run["results"]:
            del r["ruleIndex"]  # changes with every new id
    print(json.dumps(log, indent=1, ensure_ascii=False))


main()
