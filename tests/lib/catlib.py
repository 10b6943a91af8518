"""Runs sdr-cat on files that a test makes."""
import json
import os
import subprocess
from pathlib import Path

from sdrtest import BIN, storage_dir

CAT = os.path.join(os.environ.get("SDR_BIN", BIN), "sdr-cat")
WORK = storage_dir()


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def put(name, data):
    path = WORK / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def cat(*args, code=0, **kwargs):
    """Runs sdr-cat; checks that its exit code is `code` or in it; returns (stdout, stderr)."""
    done = subprocess.run([CAT, *map(str, args)], capture_output=True, timeout=120, check=False,
                          **kwargs)
    err = done.stderr.decode()
    check("Sanitizer" not in err and "runtime error" not in err, err)
    codes = code if isinstance(code, tuple) else (code,)
    check(done.returncode in codes, f"{args}: exit {done.returncode}, not {codes}: {err.strip()}")
    return done.stdout.decode(), err


def numbers(out):
    """The field `n` of every line."""
    return [json.loads(line)["n"] for line in out.splitlines()]
