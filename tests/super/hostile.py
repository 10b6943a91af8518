#!/usr/bin/python3
"""Hostile configs: each gets one clear, bounded error and nothing is written or run."""
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BIN, case, check_equal, finish, storage_dir  # noqa: E402

SCHEMA = '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "double"}]}\n'
HEADER = '[channel.a]\n'
BODY = 'listen = "0.0.0.0:1"\nschema = "a.avsc"\nfull_rate = "239.1.1.1:2"\nrecord = false\n'
CHANNEL = HEADER + BODY
MEGABYTES = 10_000_000
DEEP = 1_500_000
ERROR = re.compile(r"(?m)^(\S+:\d+:\d+|\S+): error: ")

# What would run a command, leave its word or climb out, if anything took it as it stands.
PARTS = ("$(touch PWNED)", "`touch PWNED`", "a;touch PWNED", "a b", "a'b", 'a\\"b', "../a", "/a",
         "a\\nb", "a\\u0000b", "a\\u001b[2Jb", "${HOME}", "-a", "", ".", "..", "A", "a.b",
         "\\u202ea", "a" * 64)


def gen(*words):
    return subprocess.run([BIN / "sdr-gen", *map(str, words)], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=60)


def refused(what, text, errors=1, schema=SCHEMA):
    """By --check and by --render; returns what was said."""
    where = storage_dir()
    (where / "a.avsc").write_bytes(schema if isinstance(schema, bytes) else schema.encode())
    config = where / "relay.toml"
    config.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = sorted(where.rglob("*"))
    for call in (("--check",), ("--render", where / "out")):
        done = gen(*call, "--config", config)
        said = done.stderr.decode()  # nothing but UTF-8, whatever came in
        found = len(ERROR.findall(said.replace(str(where), "")))
        check_equal((what, done.returncode, done.stdout, found), (what, 1, b"", errors),
                    f"exit code, output, errors ({said[:500]})")
        assert len(said) < 4000 * errors, f"{what}: {len(said)} characters of complaint"
        bad = re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", said)
        assert not bad, f"{what}: {bad[0]!r} reached the terminal"
    check_equal(sorted(where.rglob("*")), before, f"{what}: files")
    return said


with case("huge, deep and broken files: one error each"):
    for what, text in {
            "a string of 10 MB": HEADER + f'user = "{"x" * MEGABYTES}"\n',
            "a string of 3 MB": CHANNEL + f'user = "{"x" * 3_000_000}"\n',
            "deep arrays": "x = " + "[" * DEEP,
            "deep inline tables": "x = " + "{a=" * 900_000,
            "deep dotted keys": f"[a{'.a' * DEEP}]\n",
            "invalid UTF-8": HEADER.encode() + b'listen = "\xff\xfe"\n',
            "a zero byte": HEADER + 'listen = "\0"\n',
            "a bracket and nothing": "[\n",
            "a letter that is not ASCII": "é = 1\n",
            "half a string": HEADER + 'listen = "0.0.0'}.items():
        refused(what, text)

with case("names of channels: nothing but a-z 0-9 _ - gets through"):
    for part in PARTS:
        refused(f"channel {part!r}", CHANNEL.replace("channel.a", f'channel."{part}"'))
    for own in ("fdholder", "fdholder2", "prune"):
        refused(own, CHANNEL.replace("channel.a", f"channel.{own}"))

with case("addresses and groups"):
    for part in PARTS:
        refused(f"listen {part!r}", CHANNEL.replace("0.0.0.0:1", part))
        refused(f"full_rate {part!r}", CHANNEL.replace("239.1.1.1:2", part))
        refused(f"allow {part!r}", CHANNEL + f'allow = ["{part}"]\n')
        refused(f"to {part!r}", CHANNEL + f'decimated = {{ to = "{part}", factor = 2 }}\n')

with case("paths, users and interfaces: no control character, none that climbs out"):
    for part in ("a\\nb", "a\\u0000b", "a\\u001b[2Jb", "\\u007f"):
        for key in ("user", "interface", "listen_interface"):
            refused(f"{key} {part!r}", CHANNEL + f'{key} = "{part}"\n')
        refused(f"schema {part!r}", CHANNEL.replace("a.avsc", part))
        refused(f"path {part!r}", CHANNEL + f'[storage]\npath = "/{part}"\n')
        refused(f"mount {part!r}", CHANNEL + f'[storage]\npath = "/a"\nmount = "/{part}"\n')
    for part in ("../a", "srv", "/a/../../b", ""):
        refused(f"path {part!r}", CHANNEL + f'[storage]\npath = "{part}"\n')
    for part in ("-a", "a b", "a/b", "..", ""):
        for key in ("user", "interface", "listen_interface"):
            refused(f"{key} {part!r}", CHANNEL + f'{key} = "{part}"\n')
    refused("a schema that climbs out", CHANNEL.replace("a.avsc", "../../../etc/passwd"))

with case("schemas: a huge, a deep, a recursive and a broken one"):
    for what, schema in {
            "deep": '{"type": "array", "items": ' * 100_000,
            "10 MB": SCHEMA.replace("A", "A" * MEGABYTES),
            "recursive": SCHEMA.replace('"double"', '["null", "A"]'),
            "no JSON": "{", "nothing": "", "zeros": b"\0" * 100, "invalid UTF-8": b'"\xff"',
            "a name that is none": SCHEMA.replace("A", "$(touch PWNED)")}.items():
        refused(what, CHANNEL, schema=schema)

with case("a thousand mistakes: each is told, in bounded memory and time"):
    said = refused("a thousand", "".join(
        CHANNEL.replace("channel.a", f"channel.c{n}").replace(":1\"", f":{n + 1}\"")
        .replace("239.1.1.1:2", f"239.1.{n // 250}.{n % 250}:70000") for n in range(1000)), 1000)

with case("a file that cannot be read: a directory, a socket's place, none at all"):
    where = storage_dir()
    (where / "relay.toml").mkdir()
    for path in (where / "relay.toml", where / "none", "/proc/self/mem"):
        done = gen("--check", "--config", path)
        check_equal((done.returncode, done.stderr.count(b": error: ")), (1, 1), f"{path}")
    os.rmdir(where / "relay.toml")

finish()
