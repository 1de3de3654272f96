#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The example for Kubernetes, held against the API as python3-kubernetes has it: every key known, of
its type, and none missing; what it names is there; untrack takes its configuration. TAP."""

import copy
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MANIFEST = HERE.parent / "packaging/kubernetes/daemonset.yaml"
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object,
         "datetime": str, "date": str}

try:
    import yaml
    from kubernetes.client import models
except ImportError as e:
    print(f"1..0 # SKIP {e}: make deps-fleet")
    sys.exit(0)


class Fault(Exception):
    """What is wrong with a manifest, and where."""


def check_plain(value, kind, at):
    good = isinstance(value, PLAIN[kind]) and not (kind == "int" and isinstance(value, bool))
    if not good:
        raise Fault(f"{at}: {value!r} is no {kind}")
    return value


def check(value, kind, at):
    """The value as an object of the API's type kind, such as "list[V1Container]"."""
    several = re.fullmatch(r"(list\[|dict\(str, )(.*)[\])]", kind)
    if several and several[1] == "list[":
        check_is(value, list, at)
        return [check(v, several[2], f"{at}[{i}]") for i, v in enumerate(value)]
    if several:
        check_is(value, dict, at)
        return {check_plain(k, "str", at): check(v, several[2], f"{at}.{k}")
                for k, v in value.items()}
    return check_plain(value, kind, at) if kind in PLAIN else check_model(value, kind, at)


def check_is(value, kind, at):
    if not isinstance(value, kind):
        raise Fault(f"{at}: {value!r} is no {kind.__name__}")


def check_model(value, kind, at):
    check_is(value, dict, at)
    model = getattr(models, kind)
    names = {word: name for name, word in model.attribute_map.items()}
    found = {}
    for word, part in value.items():
        if word not in names:
            raise Fault(f"{at}: {kind} has no '{word}'")
        found[names[word]] = check(part, model.openapi_types[names[word]], f"{at}.{word}")
    try:
        return model(**found)
    except ValueError as e:  # what is missing, or not one of a few words
        raise Fault(f"{at}: {e}") from e


def check_names(config, daemon):
    """Selector, volumes and files of the ConfigMap."""
    spec = daemon.spec.template.spec
    labels = daemon.spec.template.metadata.labels
    if not daemon.spec.selector.match_labels.items() <= labels.items():
        raise Fault("the selector does not select the pods")
    volumes = {volume.name for volume in spec.volumes}
    for container in spec.init_containers + spec.containers:
        for mount in container.volume_mounts:
            if mount.name not in volumes:
                raise Fault(f"{container.name}: no volume {mount.name}")
            if mount.sub_path and mount.sub_path not in config.data:
                raise Fault(f"{container.name}: no {mount.sub_path} in the ConfigMap")
    for volume in spec.volumes:
        if volume.config_map and volume.config_map.name != config.metadata.name:
            raise Fault(f"no ConfigMap {volume.config_map.name}")


def check_manifest(documents):
    found = []
    for document in documents:
        kind = {"v1": "V1", "apps/v1": "V1"}.get(document["apiVersion"], "?") + document["kind"]
        found.append(check(document, kind, document["kind"]))
    check_names(*found)
    return found


def check_configuration(config):
    program = os.environ.get("UNTRACK", HERE.parent / "build/untrack")
    with tempfile.TemporaryDirectory() as place:
        for name, text in config.data.items():
            path = pathlib.Path(place, "rules.d" if name != "untrack.conf" else "", name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="ascii")
        done = subprocess.run([program, "check", place], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Fault(done.stdout + done.stderr)


def of_pod(documents):
    return documents[1]["spec"]["template"]["spec"]


BROKEN = {  # what to do to the documents, and what is said of it
    "a word that is none": (lambda d: of_pod(d).update(hostNetwrk=True), "no 'hostNetwrk'"),
    "a word in the wrong place": (lambda d: d[1]["spec"].update(hostNetwork=True), "no 'hostNet"),
    "another type": (lambda d: of_pod(d).update(hostNetwork="yes"), "'yes' is no bool"),
    "a list for a word": (lambda d: of_pod(d).update(tolerations={}), "{} is no list"),
    "nothing selected": (lambda d: d[1]["spec"].pop("selector"), "`selector`"),
    "other pods": (lambda d: d[1]["spec"]["selector"]["matchLabels"].update(a="b"), "does not select"),
    "no volume": (lambda d: of_pod(d)["volumes"].pop(), "no volume xtables-lock"),
    "no file": (lambda d: d[0]["data"].pop("overlay.conf"), "no overlay.conf"),
}


def is_noticed(documents, damage, words):
    documents = copy.deepcopy(documents)
    damage(documents)
    try:
        check_manifest(documents)
    except Fault as e:
        return words in str(e) or print(f"# {e}")
    return False


def main():
    documents = list(yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8")))
    good, n = True, 2 + len(BROKEN)
    print(f"1..{n}")
    for what, function in (("is what the API takes", lambda: check_manifest(documents)),
                           ("has a configuration that untrack takes",
                            lambda: check_configuration(check_manifest(documents)[0]))):
        try:
            function()
            print(f"ok - the manifest {what}")
        except Fault as e:
            print(f"not ok - the manifest {what}\n# {e}")
            good = False
    for what, (damage, words) in BROKEN.items():
        noticed = is_noticed(documents, damage, words)
        print(f"{'ok' if noticed else 'not ok'} - noticed: {what}")
        good = good and noticed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
