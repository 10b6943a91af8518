#!/usr/bin/python3
"""What bash completes: with each program, in a real shell with a real TAB, on a running fleet, and
on everything that is broken."""
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, ROOT, Skip, case, check_equal, enter_network, finish,  # noqa: E402
                     run_dir, wait_for)
from completing import LIBRARY, PROGRAMS, TAB, TWICE, Shell  # noqa: E402
from s6tree import Fleet  # noqa: E402
from udp import sender  # noqa: E402

OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
SCHEMA = """{"type": "record", "name": "S", "fields": [
  {"name": "n", "type": "int"}, {"name": "cells", "type": {"type": "array", "items": "int"}},
  {"name": "pose", "type": {"type": "record", "name": "P", "fields": [
    {"name": "x", "type": "double"}, {"name": "y", "type": "double"}]}}]}"""
LIMITS = "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime " \
         "sigpending stack"
TIMES = "now today tomorrow yesterday"
INTERFACES = " ".join(sorted(os.listdir("/sys/class/net")))
VALUES = {  # what is typed, what can go on
    "sdr-cat --format ": "avro csv json", "sdr-cat --format=": "avro csv json",
    "sdr-cat --format=c": "csv", "nohup sdr-cat --format=": "avro csv json",
    "sdr-cat --typed --from ": TIMES, "sdr-prune --to=to":
    "today tomorrow", "sdr-gen --apply --target ": "runit s6", "sdr-gen --target=s": "s6",
    "sdr-feed x --signal ": "noise ramp sine square", "sdr-feed x --signal=s": "sine square",
    "sdr-feed x --rate ": "max", "sdr-feed x --speed=": "max", "sdr-feed x --interface ":
    INTERFACES, "sdr-confine --listen-interface=": INTERFACES, "sdr-confine --user roo": "root",
    "sdr-confine --scheduler ": "fifo: other other:", "sdr-confine --scheduler fifo:": "",
    "sdr-confine --limit ": " ".join(f"{name}=" for name in LIMITS.split()),
    "sdr-confine --limit=nof": "nofile=", "sdr-confine --limit nofile=": "",
    "sdr-confine --cpus 0 -- sdr-cat --format ": "avro csv json", "sdr-confine --cpus ": "",
    "sdr-relay --invalid ": "drop relay", "sdr-relay --loopback ": "0 1", "sdr-prune x": "",
    "sdr-cat --limit ": "", "sdr-stat --interval ": "", "sdr-gen --prefix ": "",
    "sdr-cat --no-such=": "", "sdr-cat --format=x": "", "./no-such/sdr-cat --f": ""}
EVIL = ("a b", ";touch pwned", "$(touch pwned)", "`touch pwned`", "x\ny", "bad\udcff", "-n", "_x",
        "Upper", "quo'te", 'dou"ble', "*", "fdholder")


def make_files(work):
    """What a user may have: here, and below a path as those of recordings are."""
    deep = work / "channel=engine" / "date=2026-11-22"
    for directory in (deep, work / "a dir", work / ".git"):
        directory.mkdir(parents=True)
    for path in ("relay.toml", "s.avsc", "seg.avro", "p.svg", "note", "a dir/z w.avro",
                 "a dir/.open", "channel=engine/.open", "we$i'r\"d.avro"):
        (work / path).touch()
    for stamp in ("20261122T200000.000000Z", "20261122T201500.000000Z", "$(touch pwned)"):
        (deep / f"engine_{stamp}.avro").touch()


def options_and_values(shell):
    for program in PROGRAMS:
        with case(f"{program}: every option of its --help is offered, and nothing else"):
            said = subprocess.run([BIN / program, "--help"], capture_output=True, text=True,
                                  check=True).stdout
            wanted = sorted({f"--{name}" for name in OPTION.findall(said)})
            assert len(wanted) > 5, wanted
            check_equal(shell.offers(f"{program} --"), wanted, "options")
            check_equal(shell.offers(f"{BIN / program} -"), wanted, "by its path")
    with case("values of options, behind a space and behind ="):
        for line, wanted in VALUES.items():
            check_equal(shell.offers(line), wanted.split(), line)
    with case("the resource limits are those of the manual page"):
        page = (ROOT / "man/sdr-confine.8").read_text(encoding="utf-8")
        said = re.search(r"The names are\n(.*?)\nMay be", page, re.DOTALL)[1]
        check_equal(re.findall(r"\w+", re.sub(r"\.Li|and", "", said)), LIMITS.split(), "names")
    with case("a TAB finishes a word, two list what there is; programs without operands: options"):
        check_equal(shell.press("sdr-cat --fie"), "sdr-cat --fields ", "one option")
        check_equal(shell.press("sdr-cat --format=j"), "sdr-cat --format=json ", "one value")
        check_equal(shell.press("sdr-feed x --signal s", TWICE), "sdr-feed x --signal s", "two")
        assert re.search(rb"\r\nsine\s+square\s*\r\n", shell.shown), shell.shown
        check_equal(shell.press("sdr-gen --ren"), "sdr-gen --render ", "an option")
        assert "--apply" in shell.offers("sdr-gen ") and "--keep" in shell.offers("sdr-prune ")


def files(shell, work):
    make_files(work)
    deep = "channel=engine/date=2026-11-22/engine_"
    with case("files and directories, each option its own"):
        always = [".git", ".local", "a dir", "channel=engine"]
        for line, more in {"sdr-stat --run ": [], "sdr-gen --render=": [], "sdr-cat --config ":
                           ["relay.toml"], "sdr-feed --schema=": ["s.avsc"], "sdr-cat --plot-svg ":
                           ["p.svg"], "sdr-cat --output ": ["seg.avro", "we$i'r\"d.avro"],
                           "sdr-cat ": ["seg.avro", "we$i'r\"d.avro"],
                           "sdr-feed [::1]:5 --replay ": ["seg.avro", "we$i'r\"d.avro"]}.items():
            check_equal(shell.offers(line, shlex.split), sorted(always + more), line)
        assert "note" in shell.offers("sdr-confine --hold "), "a socket may have any name"
        check_equal(shell.offers("sdr-feed "), shell.offers("sdr-feed --"), "no recording to play")
    with case("a path with = and blanks, quoted or not, is finished with one TAB"):
        for typed, wanted in {
                "chan": r"channel\=engine/", "channel=e": "channel=engine/",
                r"channel\=e": r"channel\=engine/", '"channel=e': '"channel=engine"/',
                "~/channel=e": "~/channel=engine/", "$HOME/channel=e": "$HOME/channel=engine/",
                "~/chan": r"~/channel\=engine/", "channel=engine/d":
                "channel=engine/date=2026-11-22/",
                "channel=engine/.": "channel=engine/.open ", r"a\ dir/z": r"a\ dir/z\ w.avro ",
                "'a dir/z": "'a dir/z w.avro' ", '"a di': '"a dir"/', "no/such": "no/such"}.items():
            check_equal(shell.press(f"sdr-cat {typed}"), f"sdr-cat {wanted}", typed)
        check_equal(shell.press("sdr-stat --run=channel=e"), "sdr-stat --run=channel=engine/", "=")
        check_equal(shell.press(f"sdr-cat {deep}20261122T2"), f"sdr-cat {deep}20261122T20", "two")
    with case("odd names are quoted, so that they are what they are to the shell"):
        for start, path in (("we", "we$i'r\"d.avro"), (deep + "\\$", deep + "$(touch pwned).avro")):
            for quote in ("", '"'):
                line = shell.press(f"sdr-cat {quote}{start}")
                check_equal(shlex.split(line.replace(r"\$", "$") if quote else line)[1], path, line)


def set_up(fleet):
    (fleet.config.parent / "schemas/s.avsc").write_text(SCHEMA, encoding="utf-8")
    fleet.three().set("two", record='{ sync = "50ms" }').set("off", port=26009, enabled="false")
    fleet.apply()
    with sender("127.0.0.1:26002") as sock:
        sock.send(bytes([2, 0]) + struct.pack("<dd", 1, 2))
    count = [BIN / "sdr-cat", "--run", fleet.run, "--count", "two"]
    wait_for(lambda: subprocess.run(count, capture_output=True, text=True,
                                    check=False).stdout == "1\n", "one datum is recorded")


def live_names(shell, work, fleet):
    where, all_names = f"--config {fleet.config} --run {fleet.run}", ["off", "one", "three", "two"]
    (work / "r un").symlink_to(fleet.run)
    with case("names of channels, with every program that takes them"):
        for line in ("sdr-stat {} ", "sdr-stat --json {} one ", "sdr-gen {} --apply ",
                     "sdr-gen --apply one {} ", "sdr-prune {} --channel ",
                     "sdr-prune {} --channel="):
            check_equal(shell.offers(line.format(where)), all_names, line)
        for line in ("sdr-cat {} ", "sdr-feed --replay --to-fleet {} ", "sdr-feed {} x --replay "):
            check_equal(shell.offers(line.format(where) + "t"), ["three", "two"], line)
        check_equal(shell.offers(f"sdr-gen {where} o"), [], "where none is taken")
        check_equal(shell.press(f"sdr-stat {where} th"), f"sdr-stat {where} three ", "TAB")
        check_equal(shell.press(f"sdr-stat {where} \"th"), f"sdr-stat {where} \"three\" ", "quoted")
    with case("--config and --run, wherever and however they are written"):
        for options in (f"--run={fleet.run}", f"--config={fleet.config}", f"--run '{fleet.run}'",
                        r"--run ~/r\ un", '--run "$HOME/r un"', "--run '/no' --run ${HOME}/'r un'"):
            check_equal(shell.offers(f"sdr-stat {options} o"), ["off", "one"], options)
        check_equal(shell.offers("sdr-stat --run /no --config $HOME/relay.toml o"), [], "others")
    with case("what runs and is gone from the config can be applied; the rest goes by what runs"):
        fleet.drop("three").set("new", port=26010).write()
        check_equal(shell.offers(f"sdr-gen {where} --apply "), sorted([*all_names, "new"]), "gen")
        check_equal(shell.offers(f"sdr-stat {where} "), all_names, "stat")
        check_equal(shell.offers(f"sdr-prune --config {fleet.config} --channel "),
                    ["new", "off", "one", "two"], "a config by itself")
    with case("fields of what is named on the line, those that are not there yet"):
        segment = f"{fleet.storage}/channel=two"
        for source in (f"two --run {fleet.run}", segment, f"'{segment}/.open' one"):
            wanted = ["@time", "cells", "n", "pose.x", "pose.y"]
            check_equal(shell.offers(f"sdr-cat {source} --fields "), wanted, source)
            check_equal(shell.offers(f"sdr-cat {source} --plot=p"), ["pose.x", "pose.y"], source)
        line = f"sdr-cat {segment} --fields n,pose.x,"
        check_equal(shell.press(line + "p"), line + "pose.y", "the next of a list")
        check_equal(shell.offers("sdr-cat --fields "), ["@time"], "without a source")


def broken(shell, work, fleet):
    place, run = work / "configs", work / "run"
    place.mkdir()
    (run / "counters").mkdir(parents=True)
    for name in ("pump", *EVIL):
        (run / "counters" / name).touch()
    whole = fleet.config.read_bytes()
    for what, make in {
            "missing": lambda path: None, "a directory": Path.mkdir, "empty": Path.touch,
            "unreadable": lambda path: path.touch(0), "a FIFO": os.mkfifo,
            "a link to itself": lambda path: path.symlink_to(path),
            "junk": lambda path: path.write_bytes(os.urandom(4096)),
            "without its schemas": lambda path: path.write_bytes(whole),
            "cut off": lambda path: path.write_bytes(whole[:-9])}.items():
        with case(f"a config that is {what}: nothing is said, and the counters have names"):
            config = place / what.replace(" ", "_")
            make(config)
            for program in ("sdr-stat", "sdr-prune --channel"):
                command, _, option = program.partition(" ")
                found = shell.offers(f"{command} --config {config} --run {run} {option} ")
                assert "pump" in found and not set(found) - {"pump", *fleet.channels}, found
            check_equal(shell.offers(f"sdr-gen --apply --config {config} z"), [], "sdr-gen")
            check_equal(shell.offers(f"sdr-cat --config {config} z --fields "), ["@time"], "fields")
    with case("a run directory that is a file, unreadable or missing, a recording that is junk"):
        (run / "counters").rename(work / "kept")
        for make in (lambda: None, (run / "counters").touch, lambda: os.chmod(run, 0)):
            make()
            check_equal(shell.offers(f"sdr-stat --config /no --run {run} z"), [], "names")
        os.chmod(run, 0o700)
        (work / "junk.avro").write_bytes(os.urandom(4096))
        for source in ("junk.avro", "/no", "/", "''", "."):
            check_equal(shell.offers(f"sdr-cat {source} --fields "), ["@time"], source)
    with case("what is on the line is never run"):
        (work / "kept").rename(work / "$(touch pwned)")
        for word in ("'$(touch pwned)'", "$(touch\\ pwned)", '"`touch pwned`"', "$'\\x01'",
                     "${x[$(touch pwned)]}", "'a;touch pwned'", "a\\;touch\\ pwned",
                     '"$(touch pwned)'):
            for line in ("sdr-stat --run {} z", "sdr-cat --config={} z", "sdr-cat {} --fields z"):
                shell.press(line.format(word), TAB)
        assert not list(work.glob("**/pwned")), "it was"


def shells(work, fleet):
    """The settings of somebody else's shell."""
    for what, extra in {
            "noglob, nounset, failglob, noclobber": "set -fuC; shopt -s failglob",
            "an IFS, a GLOBIGNORE, nullglob, nocasematch":
                "IFS=,; GLOBIGNORE='*'; shopt -s nullglob nocasematch",
            "aliases and functions": "alias ls='ls -l' timeout=no; ls() { no; }; head() { no; }",
            "posix": "set -o posix",
            "= that breaks no word": "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}"}.items():
        with case(f"the same in a shell with {what}"), Shell(work, extra) as shell:
            check_equal(shell.offers("sdr-cat --fo"), ["--follow", "--format"], "options")
            check_equal(shell.offers("sdr-cat no/such"), [], "nothing")
            check_equal(shell.press("sdr-cat --format=j"), "sdr-cat --format=json ", "a value")
            check_equal(shell.offers(f"sdr-stat --run {fleet.run} o"), ["off", "one"], "names")
            check_equal(shell.press("sdr-cat channel=e").replace("\\", ""),
                        "sdr-cat channel=engine/", "a path")
            check_equal(shell.press("sdr-stat --run=channel=e").replace("\\", ""),
                        "sdr-stat --run=channel=engine/", "a path behind =")
    (work / "bin").mkdir()
    for name, does in (("sdr-stat", f'exec {BIN}/sdr-stat "$@"'), ("sdr-gen", "exec sleep 1000")):
        path = work / "bin" / name
        path.write_text(f"#!/bin/sh\necho {name} >>{work}/asked\n{does}\n", encoding="ascii")
        path.chmod(0o755)
    with case("programs where PATH does not lead, by their path"), Shell(work, path="/no") as shell:
        line = f"{BIN}/sdr-prune --config {fleet.config} --channel "
        shell.press(line)  # of a path, bash's first TAB does no more than to load what completes it
        check_equal(shell.offers(line + "o"), ["off", "one"], "names")
        check_equal(shell.offers("cd /; ~/../no/sdr-cat --f"), [], "no such program")
    with Shell(work, path=work / "bin") as shell:
        with case("a shell asks a program for its options once"):
            for _ in range(3):
                check_equal(shell.offers("sdr-stat --j"), ["--json"], "options")
            check_equal((work / "asked").read_text(encoding="ascii"), "sdr-stat\n", "asked")
        with case("a config that hangs is given up, and the counters have names"):
            check_equal(shell.offers(f"sdr-stat --run {fleet.run} o"), ["one"], "names")
            assert "sdr-gen" in (work / "asked").read_text(encoding="ascii"), "it was not asked"


def main():
    if not LIBRARY.exists():
        with case("what bash completes"):
            raise Skip("no bash-completion")
        return
    work = run_dir()
    with Fleet() as fleet:
        with Shell(work) as shell:
            options_and_values(shell)
            files(shell, work)
            set_up(fleet)
            live_names(shell, work, fleet)
            broken(shell, work, fleet)
        shells(work, fleet)


enter_network()
main()
finish()
