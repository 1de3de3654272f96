#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# agent.py TERMINAL: runs the commands that come over a serial line, one JSON object a line.
"""Inside a machine of machine.py: {"command": [...], "stdin": text, "timeout": seconds} ->
{"status": number or null, "stdout": text, "stderr": text}."""

import json
import subprocess
import sys
import termios
import tty


def perform(request):
    try:
        done = subprocess.run(request["command"], input=(request["stdin"] or "").encode(),
                              capture_output=True, timeout=request["timeout"], check=False)
        status, texts = done.returncode, (done.stdout, done.stderr)
    except subprocess.TimeoutExpired as e:
        status, texts = None, (e.stdout, e.stderr)
    except OSError as e:
        status, texts = 127, (b"", str(e).encode())
    stdout, stderr = ((text or b"").decode(errors="replace") for text in texts)
    return {"status": status, "stdout": stdout, "stderr": stderr}


def main(path):
    with open(path, "r+b", buffering=0) as line:
        tty.setraw(line, termios.TCSANOW)
        line.write(b"ready\n")
        for request in open(line.fileno(), "rb", closefd=False):
            answer = json.dumps(perform(json.loads(request))).encode() + b"\n"
            while answer:
                answer = answer[line.write(answer):]


if __name__ == "__main__":
    main(sys.argv[1])
