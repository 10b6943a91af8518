#!/usr/bin/python3
"""sdr-gen --render: the same bytes each time, and words that arrive as they were meant."""
import json
import os
import shutil
import subprocess

from s6tree import Fleet
from sdrtest import case, check_equal, enter_plainly, finish

# What a shell or execline would read something into.
HOSTILE = ["plain", "with space", "  lead and trail  ", 'quo"te', "apo'strophe", "back\\slash",
           "ends in \\", "$HOME", "${HOME}", "$(touch x)", "`id`", "${@}", "${0}", "$1", "${#}",
           "{ }", "}", "# no comment", "a;b|c&d>e<f", "*?[x]~", "@name@", "@relay_options...@",
           "\u00fcml\u00e4ut \u2603 \U0001f680", "-- -n", "\\n\\0x41\\0101", "percent %s %n",
           "x" * 3000]
# Stand-ins: sdr-confine becomes what follows "--", sdr-relay prints what it is given.
CONFINE = """#!/usr/bin/python3
import os, sys
program = sys.argv[sys.argv.index("--keep-fd") + 3:]
os.execv(program[0], program)
"""
ARGV = """#!/usr/bin/python3
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}))
"""


def toml(text):
    return json.dumps(text, ensure_ascii=False)


def tree(directory):
    found = {}
    for path in sorted(directory.rglob("*")):
        found[str(path.relative_to(directory))] = (
            path.lstat().st_mode, os.readlink(path) if path.is_symlink() else
            path.read_bytes() if path.is_file() else b"")
    return found


def render(fleet, to, expect=0):
    done = fleet.gen("--render", to)
    check_equal(done.code, expect, f"exit code ({done})")
    return done


def stand_in(fleet, name):
    """A directory of stand-ins, of that name."""
    place = fleet.dir / name
    place.mkdir(parents=True, exist_ok=True)
    for program, text in (("sdr-relay", ARGV), ("sdr-confine", CONFINE)):
        (place / program).write_text(text, encoding="utf-8")
        (place / program).chmod(0o755)
    return place


def run_words(fleet, service):
    """What sdr-relay is given by service/run."""
    done = subprocess.run(["sh", "-c", "exec ./run name 3>/dev/null"], cwd=service,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"run: exit {done.returncode}: {done.stdout} {done.stderr}")
    return json.loads(done.stdout)


def show_hostile(fleet, target):
    out = fleet.dir / "out"
    refused = []
    for at, text in enumerate(HOSTILE):
        directory = text if len(text) < 200 else "x" * 200
        fleet.bin_dir = stand_in(fleet, f"bin {directory}")
        fleet.storage = f"/srv/{text}"
        fleet.run, fleet.log = fleet.dir / f"run {text[:200]}", fleet.dir / f"log {text[:200]}"
        fleet.set("c", port=26001, record="true")
        fleet.config.write_text(
            f'[storage]\npath = {toml(fleet.storage)}\nmount = {toml(fleet.storage)}\n'
            f'[defaults]\nuser = "{fleet.user}"\n[channel.c]\n' +
            "".join(f"{key} = {value}\n" for key, value in fleet.channels["c"].items()),
            encoding="utf-8")
        done = fleet.gen("--render", out / str(at), "--target", target)
        if done.code == 1 and "storage.path" in done.err:
            refused.append(text)  # with a clear error: as good
            continue
        check_equal(done.code, 0, f"exit code for {text!r} ({done})")
        found = run_words(fleet, out / str(at) / "live" / "c")
        argv = found["argv"]
        options = dict(zip(argv[::2], argv[1::2]))
        check_equal(len(argv) % 2, 0, f"an odd count of words for {text!r}")
        check_equal(options["--record"], f"{fleet.storage.rstrip('/')}/channel=c", "--record")
        check_equal(options["--mount"], fleet.storage, "--mount")
        check_equal(options["--ring"], f"{fleet.run}/rings/c", "--ring")
        check_equal(options["--ready-fd"], "3", "--ready-fd")
        check_equal(set(found["env"]) - {"LC_CTYPE", "PWD", "_"}, {"PATH"}, "environment")
    check_equal(refused, ["x" * 3000], "what the config refuses")


def main():
    fleet = Fleet(supervised=False)
    fleet.set("one", port=26001, record="true").set("two", port=26002).write()
    first, second = fleet.dir / "first", fleet.dir / "second"
    with case("two renderings are the same, byte for byte"):
        render(fleet, first)
        render(fleet, second)
        check_equal(tree(first), tree(second), "the tree")
        assert "live/one/run" in tree(first) and "service/two" in tree(first)
    with case("rendered over itself nothing is written; what is no longer rendered goes"):
        inode = (first / "live/one/run").stat().st_ino
        render(fleet, first)
        check_equal((first / "live/one/run").stat().st_ino, inode, "inode of run")
        fleet.drop("two").write()
        render(fleet, first)
        assert not [path for path in tree(first) if "two" in path]
    with case("a directory that holds something else is refused: exit 1, nothing is touched"):
        (second / "live" / "mine").mkdir()
        before = tree(second)
        render(fleet, second, expect=1).has("is not ours; name an empty directory")
        check_equal(tree(second), before, "the tree")
        render(fleet, fleet.config.parent, expect=1).has("is in the way")
    with case("errors in templates name file and line: exit 1"):
        fleet.templates = shutil.copytree(fleet.templates, fleet.dir / "templates")
        run = fleet.templates / "s6" / "channel" / "run"
        run.write_text(run.read_text() + "@nonsense@\n", encoding="utf-8")
        lines = run.read_text().count("\n")
        place = f"s6/channel/run:{lines}"
        render(fleet, first, expect=1).has(f"{place}: unknown placeholder @nonsense@$")
        run.unlink()
        render(fleet, first, expect=1).has("there is no run$")
    for target in ("s6", "runit"):
        with case(f"{target}: every word arrives as it is, whatever a shell makes of it"):
            show_hostile(Fleet(supervised=False), target)


if __name__ == "__main__":
    enter_plainly()
    main()
    finish()
