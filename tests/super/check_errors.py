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
FINDING = re.compile(r"^(\S+?):(?:(\d+):(\d+):)? (error|warning): (.*)$")

# Each line of this config ends in a comment that names what must be said of it, and at which
# column.
BAD = """\
[storge]                            # 2 did you mean 'storage'?
[storage]
path = "srv/telemetry"              # 8 not an absolute path
mode = "0750"                       # 8 execute bit
min_free = "5%"                     # 1 storage.min_free is not supported yet
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
silence = "2s"                      # 1 silence is not supported yet
[channel.c]                         # 10 has no listen; 10 has no schema; 10 has no output
record = false
[channel.d]
listen = "localhost:5"              # 10 not a numeric address
schema = "schemas/none.avsc"        # 1 No such file or directory
decimated = { to = "239.1.1.3:0", factor = 0 }  # 20 not a port; 44 must be from 1 to 2147483648
user = "a\\nb"                       # 8 control character
"""


def gen(*words):
    return subprocess.run([SDR_GEN, *map(str, words)], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=60)


def write(files):
    where = storage_dir()
    for name, text in ({"schemas/a.avsc": SCHEMA} | files).items():
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


with case("a file with two dozen mistakes: all of them in one run, in their places, exit 1"):
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
    check_equal((said["ok"], said["errors"]), (False, len(found)), "verdict")

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

with case("a schema's mistake is told at its own line"):
    where = write({"relay.toml": channel, "schemas/a.avsc": '{"type": "record",\n  "name" "A"}\n'})
    done = gen("--check", "--config", where / "relay.toml")
    check_equal([f[:2] for f in findings(done, where)], [("schemas/a.avsc", 2)], "findings")

with case("hostile files: one error each, at once"):
    dotted = "a" + ".a" * 1_500_000
    hostile = {
        "a string of 10 MB": "[channel.a]\nuser = \"" + "x" * 10_000_000 + "\"\n",
        "a string of 3 MB": channel + "user = \"" + "x" * 3_000_000 + "\"\n",
        "deep arrays": "x = " + "[" * 1_500_000,
        "deep inline tables": "x = " + "{a=" * 900_000,
        "deep dotted keys": f"[{dotted}]\n",
        "invalid UTF-8": b"[channel.a]\nlisten = \"\xff\xfe\"\n",
        "a zero byte": "[channel.a]\nlisten = \"\0\"\n",
        "a bracket and nothing": "[\n",
        "a letter that is not ASCII": "é = 1\n",
        "a shell in a name": channel.replace("channel.a", 'channel."$(touch x)"'),
        "a path in a name": channel.replace("channel.a", 'channel."../../a"'),
        "a newline in a user": channel + 'user = "a\\nfdmove"\n',
    }
    for what, text in hostile.items():
        where = write({"relay.toml": text})
        done = gen("--check", "--config", where / "relay.toml")
        check_equal((what, done.returncode, len(findings(done, where))), (what, 1, 1),
                    "exit and findings")
        assert len(done.stderr) < 4000, f"{what}: {len(done.stderr)} bytes of complaint"
        assert "\x1b" not in done.stderr and "\0" not in done.stderr, what

with case("the example config is good and does nothing; all of it uncommented is good too"):
    example = (ROOT / "etc/relay.toml").read_text(encoding="utf-8")
    engine = (ROOT / "etc/schemas/engine.avsc").read_text(encoding="utf-8")
    for text, count in ((example, 0), (re.sub(r"(?m)^#(?=[a-z\[])", "", example), 1)):
        where = write({"relay.toml": text, "schemas/engine.avsc": engine})
        done = gen("--check", "--json", "--config", where / "relay.toml")
        said = json.loads(done.stdout)
        check_equal((said["diagnostics"], len(said["channels"])), ([], count), "findings, channels")

with case("the command line: what is wrong with it is one line and exit 100"):
    for words in ((), ("--check", "--apply"), ("--check", "x"), ("--render",), ("--render", ""),
                  ("--host",), ("--apply", "--json"), ("--check", "--config"), ("--diff",),
                  ("--rollback",), ("--boot",), ("--apply", "--force"), ("--check", "-z"),
                  ("--check", "--target", "runit")):
        done = gen(*words)
        check_equal((words, done.returncode, len(done.stderr.splitlines()), done.stdout),
                    (words, 100, 1, ""), "exit, lines of complaint, output")

finish()
