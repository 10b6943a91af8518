#!/usr/bin/python3
"""sdr-gen --check: every mistake of a config in one run, each in its place, and nothing written."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BIN, ROOT, case, check_equal, finish, storage_dir  # noqa: E402

SDR_GEN = Path(os.environ.get("SDR_BIN", BIN)).resolve() / "sdr-gen"
SCHEMA = '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "double"}]}\n'
TIMES = ('{"type": "record", "name": "F", "fields": [{"name": "t", "type": "long"}, '
         '{"name": "receive_time", "type": "long", "logicalType": "timestamp-micros"}]}\n')
FINDING = re.compile(r"^(\S+?):(?:(\d+):(\d+):)? (error|warning): (.*)$")

# Each line of this config ends in a comment that names what must be said of it, and at which
# column.
BAD = """\
[storge]                            # 2 did you mean 'storage'?
[storage]
path = "srv/telemetry"              # 8 not an absolute path
mode = "0750"                       # 8 execute bit
min_free = "100%"                   # 12 storage.min_free is 100%; it must be from 0.01% to 99%
[defaults]
ttl = 300                           # 7 ttl is 300; it must be from 0 to 255
usr = "nobody"                      # 1 did you mean 'user'?
[channel.Engine]                    # 10 did you mean 'engine'?
listen = "0.0.0.0:1"
schema = "schemas/a.avsc"
[channel.a]
listen = "0.0.0.0:26000"
schema = "../a.avsc"                # 1 climbs out
full_rate = "239.1.1.1:26000"       # 1 would feed itself
scheduler = "fifo:100"              # 13 no priority from 1 to 99
record.sync = "5x"                  # 15 unknown unit 'x'
[channel.b]
listen = "0.0.0.0:26000"            # 1 channel 'a' on 0.0.0.0:26000
schema = "schemas/a.avsc"
full_rate = "239.1.1.1:26000"       # 1 would feed itself; 1 as does channel 'a'
enabled = "true"                    # 11 enabled is a string
source = "10.0.0.7"                 # 1 source needs a multicast group
silence = "1500us"                  # 11 it must be a multiple of 1ms
[channel.c]                         # 10 has no listen; 10 has no schema; 10 has no output
record = false
[channel.d]
listen = "localhost:5"              # 10 not a numeric address
schema = "schemas/none.avsc"        # 1 No such file or directory
decimated = { to = "239.1.1.3:0", factor = 0 }  # 20 not a port; 44 must be from 1 to 2147483648
user = "a\\nb"                       # 8 control character
[channel.e]
listen = "0.0.0.0:26005"
schema = "schemas/a.avsc"
full_rate = "239.1.1.9:6100"
decimated.to = "239.1.1.8:6100"     # 11 port 6100 is shared
decimated.factor = 2
decimated.method = "rms"
decimated.hold = ["z"]              # 19 'z'
cpu_quota = "50%"                   # 1 does not hold a fifo scheduler back
scheduler = "fifo:5"
memory = "9437183B"                 # 1 smaller than the 9MiB
retain = { age = "1min", size = "1GiB" }  # 12 the 1h of one; 26 two segments of
sequence = { field = "x", wrap = 5 }      # 14 'x' is a double
catch_up = 5                        # 12 write a duration
isolation = "required"              # 13 did you mean 'require'?
[channel.f]
listen = "0.0.0.0:26006"
schema = "schemas/f.avsc"
record.receive_time = true          # 8 a field "receive_time" already
sequence = "t"
[[channel.f.decimated]]             # 1 has no factor; add factor = 50
to = "239.1.1.8:6101"
method = "minmax"                   # 1 minmax finds no number to act on
[[channel.f.decimated]]
to = "239.1.1.9:6102"
rate = "10Hz"
max_wait = "1d1h"                   # 12 unknown unit 'd1h'
hold = ["t"]                        # 1 has no effect with downsample
[[channel.f.decimated]]             # 1 both factor and rate
to = "239.1.1.9:6103"
rate = "10Hz"
factor = 2
method = "rsm"                      # 10 did you mean 'rms'?
[channel.g]
listen = "0.0.0.0:26007"
schema = "schemas/g.avsc"
record.receive_time = true          # 8 the schema is no record
sequence = "n"                      # 1 no field 'n'
"""


def gen(*words):
    return subprocess.run([SDR_GEN, *map(str, words)], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=60)


def write(files):
    where = storage_dir()
    for name, text in ({"schemas/a.avsc": SCHEMA, "schemas/f.avsc": TIMES,
                       "schemas/g.avsc": '"double"'} | files).items():
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return where


def findings(done, where):
    """(file, line, column, severity, message) of each, the directory left out."""
    found = [FINDING.match(line) for line in done.stderr.replace(f"{where}/", "").splitlines()]
    return [(m[1], int(m[2] or 0), int(m[3] or 0), m[4], m[5]) for m in found if m]


def expected_of(text):
    """What the comments of BAD ask for: (line, column, part of the message)."""
    wanted = []
    for number, line in enumerate(text.splitlines(), 1):
        for remark in line.partition(" # ")[2].split("; "):
            at = re.match(r"(\d+) (.*)", remark)
            if at:
                wanted.append((number, int(at[1]), at[2]))
            elif wanted and remark:
                wanted[-1] = (*wanted[-1][:2], f"{wanted[-1][2]}; {remark}")
    return wanted


def snapshot(where):
    return sorted((str(path.relative_to(where)), path.lstat().st_mtime_ns)
                  for path in where.rglob("*"))


with case("a file with four dozen mistakes: all of them in one run, in their places, exit 1"):
    where = write({"relay.toml": BAD})
    done = gen("--check", "--config", where / "relay.toml")
    print(done.stderr)
    check_equal((done.returncode, done.stdout), (1, ""), "exit and output")
    found = findings(done, where)
    wanted = expected_of(BAD)
    for line, column, part in wanted:
        if not any(f[:3] == ("relay.toml", line, column) and part in f[4] for f in found):
            raise AssertionError(f"nothing at {line}:{column} says {part!r}")
    check_equal(len(found), len(wanted), "findings")
    check_equal(found, sorted(found, key=lambda f: f[1:3]), "their order")

with case("each finding comes with its source line and a caret under the place"):
    lines = done.stderr.splitlines()
    source = BAD.splitlines()
    for index, line in enumerate(lines):
        match = FINDING.match(line.replace(f"{where}/", ""))
        if match:
            check_equal(lines[index + 1], source[int(match[2]) - 1], "source line")
            check_equal(lines[index + 2], " " * (int(match[3]) - 1) + "^", "caret")

with case("check, render and apply of a wrong config write nothing"):
    before = snapshot(where)
    places = ("--config", where / "relay.toml", "--run", where / "run", "--log", where / "log")
    for command in (("--check",), ("--check", "--host"), ("--check", "--json"),
                    ("--render", where / "tree"), ("--apply",), ("--apply", "a")):
        check_equal(gen(*command, *places).returncode, 1, f"exit code of {command}")
    check_equal(snapshot(where), before, "the directory")

with case("--json says the same"):
    done_json = gen("--check", "--json", "--config", where / "relay.toml")
    check_equal((done_json.returncode, done_json.stderr), (1, ""), "exit and complaints")
    said = json.loads(done_json.stdout)
    as_text = [(d["file"].replace(f"{where}/", ""), d["line"], d["column"], d["severity"],
                d["message"].replace(f"{where}/", "")) for d in said["diagnostics"]]
    check_equal(as_text, found, "findings")
    errors = sum(f[3] == "error" for f in found)
    check_equal((said["ok"], said["errors"], said["warnings"]),
                (False, errors, len(found) - errors), "verdict")
    check_equal(len(found) - errors, 3, "warnings")

with case("syntax errors: one for each file, and the other files are still checked"):
    where = write({"relay.toml": "[channel.a]\nlisten = \"0.0.0.0:1\nschema = 5\n",
                   "channels.d/b.toml": "[channel.b]\nlisten = 10.0.0.1:5\n",
                   "channels.d/c.toml": "[storage]\n[channel.c]\nttl = -1\n"})
    done = gen("--check", "--config", where / "relay.toml")
    check_equal([f[:4] for f in findings(done, where)],
                [("relay.toml", 2, 20, "error"), ("channels.d/b.toml", 2, 12, "error"),
                 ("channels.d/c.toml", 1, 2, "error"), ("channels.d/c.toml", 3, 7, "error")],
                "findings")

with case("a channel in two files: the error is at the second and names the first"):
    channel = ("[channel.a]\nlisten = \"0.0.0.0:1\"\nschema = \"schemas/a.avsc\"\n"
               "full_rate = \"239.1.1.1:2\"\nrecord = false\n")
    where = write({"relay.toml": channel, "channels.d/a.toml": "\n" + channel})
    done = gen("--check", "--config", where / "relay.toml")
    check_equal(findings(done, where),
                [("channels.d/a.toml", 2, 10, "error",
                  "channel 'a' stands twice; the first is at relay.toml:1:10")], "findings")

with case("rules between files: each finding is in the file that broke the rule"):
    where = write({
        "relay.toml": "[defaults]\nrecord.rotate = \"2d\"\nretain.age = \"1d\"\n" + channel,
        "channels.d/b.toml": channel.replace("channel.a", "channel.b").replace(":1\"", ":9\""),
        "channels.d/c.toml": channel.replace("channel.a", "channel.c").replace(":2\"", ":3\"")
                             .replace("record = false", "memory = \"1MiB\"\nsequence = \"y\"")})
    done = gen("--check", "--config", where / "relay.toml")
    check_equal([f[:4] for f in findings(done, where)],
                [("relay.toml", 3, 8, "error"), ("channels.d/b.toml", 4, 1, "error"),
                 ("channels.d/c.toml", 1, 10, "error"), ("channels.d/c.toml", 2, 1, "error"),
                 ("channels.d/c.toml", 5, 1, "error"), ("channels.d/c.toml", 6, 1, "error")],
                "findings")

with case("the manual page's table has every key, and no other"):
    page = (ROOT / "man/relay.toml.5").read_text(encoding="utf-8")
    keys = re.findall(r"(?m)^([a-z_]+)(?:\.([a-z_]+))?\t", page)
    assert len(keys) > 30, keys
    tables = {}
    for key, inner in keys:
        tables.setdefault(key, []).extend([inner] if inner else [])
    # Of a wrong type, or in a table of wrong types: but not unknown.
    text = "".join(f"{key} = " + ("{ " + ", ".join(f"{part} = 1.5" for part in parts) + " }\n"
                                  if parts else "1.5\n")
                   for key, parts in tables.items() if key != "storage")
    storage = "".join(f"{part} = 1.5\n" for part in tables["storage"])
    where = write({"relay.toml": f"[storage]\n{storage}[channel.a]\n{text}"})
    done = gen("--check", "--config", where / "relay.toml")
    check_equal([f for f in findings(done, where) if "unknown key" in f[4]], [], "unknown keys")
    source = (ROOT / "tools/config/channel_keys.cc").read_text(encoding="utf-8")
    known = re.findall(r'(?m)^    \{"([a-z_]+)", read_', source)
    check_equal([key for key in known if key not in tables], [], "left out")

with case("a schema's mistake is told at its own line"):
    where = write({"relay.toml": channel, "schemas/a.avsc": '{"type": "record",\n  "name" "A"}\n'})
    done = gen("--check", "--config", where / "relay.toml")
    check_equal([f[:2] for f in findings(done, where)], [("schemas/a.avsc", 2)], "findings")

with case("the example config is good and does nothing; all of it uncommented is good too"):
    example = (ROOT / "etc/relay.toml").read_text(encoding="utf-8")
    engine = (ROOT / "etc/schemas/engine.avsc").read_text(encoding="utf-8")
    for text, count in ((example, 0), (re.sub(r"(?m)^#(?=[a-z\[])", "", example), 1)):
        where = write({"relay.toml": text, "schemas/engine.avsc": engine})
        done = gen("--check", "--json", "--config", where / "relay.toml")
        said = json.loads(done.stdout)
        found = [(d["severity"], d["message"]) for d in said["diagnostics"]]
        check_equal((found, len(said["channels"])), ([], count),
                    "findings, channels")

with case("the command line: what is wrong with it is one line and exit 100"):
    for words in ((), ("--check", "--apply"), ("--check", "x"), ("--render",), ("--render", ""),
                  ("--host",), ("--render", "/x", "--json"), ("--check", "--config"),
                  ("--diff", "--boot"), ("--rollback", "x"), ("--check", "--force"),
                  ("--check", "-z"), ("--check", "--target", "openrc"),
                  ("--check", "--prefix", "p"), ("--check", "--run", "")):
        done = gen(*words)
        check_equal((words, done.returncode, len(done.stderr.splitlines()), done.stdout),
                    (words, 100, 1, ""), "exit, lines of complaint, output")

finish()
