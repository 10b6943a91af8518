#!/usr/bin/python3
"""Random good configs: every word of what is rendered arrives as it was meant, in its place.

Each rendered script is run with stand-ins that note their words; SDR_SEED=N repeats a run from
there, SDR_CONFIGS=N makes more of them.
"""
import os
import random
import re
import shlex
import subprocess

from random_config import PARTS, RandomConfig
from s6tree import Fleet
from sdrtest import BIN, ROOT, case, check_equal, enter_plainly, finish, run_dir

SEED = int(os.environ.get("SDR_SEED", "1"))
CONFIGS = int(os.environ.get("SDR_CONFIGS", "120"))
# Writes its words down, then becomes what follows "--", if anything does. Of the environment only
# PATH may come through.
STAND_IN = """#!/bin/sh
[ -z "$HOSTILE" ] || exit 9
printf '%s\\0' {name} "$#" "$@" >>{out}
while [ "$#" -gt 0 ]; do
  word=$1
  shift
  [ "$word" = -- ] && case {name} in sdr-confine) exec "$@" ;; esac
done
exit 0
"""
PLAIN = re.compile(r"[\w.:/,=+-]*", re.ASCII)
# In words of which nothing is expected here.
OWN = re.compile(r"speeddata(-[0-9a-f]{8})?/[a-z0-9._-]+", re.ASCII)


def contents(directory):
    return {str(path.relative_to(directory)): (path.lstat().st_mode, os.readlink(path)
                                               if path.is_symlink() else
                                               path.read_bytes() if path.is_file() else b"")
            for path in directory.rglob("*")}


def options_of(program):
    """{option: whether it takes a value}, as its first mention in --help has it"""
    text = subprocess.run([BIN / program, "--help"], capture_output=True, text=True,
                          check=True).stdout
    mentions = re.findall(r"(--[a-z][a-z-]*)( [^\s-]\S*)?(?=\s)", text)
    return {option: bool(value) for option, value in reversed(mentions)}


OPTIONS = {program: options_of(program) for program in ("sdr-relay", "sdr-confine")}


def parse(program, words):
    """({option: [values]}, what follows "--"); fails on a word that is in no option's place."""
    found, at = {}, 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return found, words[at + 1:]
        if word not in OPTIONS[program]:
            raise AssertionError(f"{program}: {word!r} is no option")
        takes = OPTIONS[program][word]
        found.setdefault(word, []).append(words[at + 1] if takes else None)
        at += 2 if takes else 1
    return found, []


def check_words(program, found, expected):
    for option, values in expected.items():
        check_equal((option, found.get(option)), (option, values), f"{program}")
    for option, values in found.items():
        if option not in expected:
            for value in values:
                assert value is None or PLAIN.fullmatch(value), f"{program} {option} {value!r}"


class Place:
    """Directories with the nastiest names, and stand-ins in one of them."""

    def __init__(self, rng, top, target):
        self.rng, self.top, self.target = rng, top, target
        parts = PARTS + ["new\nline", "  \n", "tab\there", "\x7f", "\x01"]
        self.config, self.bin, self.run, self.log, self.out, self.words = (
            top / f"{what} {rng.choice(parts)}"
            for what in ("etc", "bin", "run", "log", "out", "words"))
        self.bin.mkdir()
        for name in ("sdr-relay", "sdr-confine", "s6-log", "svlogd", "s6-svperms"):
            (self.bin / name).write_text(
                STAND_IN.format(name=name, out=shlex.quote(str(self.words))), encoding="utf-8")
            (self.bin / name).chmod(0o755)

    def write(self, config):
        for path, data in config.files.items():
            (self.config / path).parent.mkdir(parents=True, exist_ok=True)
            (self.config / path).write_bytes(data)
        (self.config / "a").mkdir(exist_ok=True)

    def render(self, to):
        done = subprocess.run([BIN / "sdr-gen", "--config", self.config / "relay.toml",
                               "--render", to, "--target", self.target, "--bin", self.bin,
                               "--run", self.run, "--log", self.log,
                               "--templates", ROOT / "servicedirs"],
                              capture_output=True, text=True, check=False, timeout=60)
        check_equal(done.returncode, 0, f"exit code ({done.stderr})")

    def execute(self, script, *words):
        """[(program, its words)] of what the script starts"""
        self.words.write_bytes(b"")
        done = subprocess.run(["/bin/sh", "-c", 'exec "$0" "$@" 3>/dev/null', f"./{script.name}",
                               *words], cwd=script.parent, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False, timeout=60,
                              env={"PATH": f"{self.bin}:/usr/bin:/bin",
                                   "HOSTILE": "$(touch PWNED)"})
        check_equal((done.returncode, done.stdout, done.stderr), (0, "", ""), f"{script}")
        noted, started = self.words.read_bytes().decode().split("\0")[:-1], []
        while noted:
            count = int(noted[1])
            started.append((noted[0], noted[2:2 + count]))
            noted = noted[2 + count:]
        return started


def check_channel(place, channel):
    live = place.out / "live" / channel.name
    *before, (first, words), (second, relay_words) = place.execute(live / "run")
    admitted = ["-G", channel.operators, "-E", channel.operators] if channel.operators else ["-u"]
    check_equal(before, [("s6-svperms", [*admitted, "."])] if place.target == "s6" else [],
                "who may control it")
    check_equal((first, second), ("sdr-confine", "sdr-relay"), "programs")
    confined, rest = parse(first, words)
    check_equal(rest, [f"{place.bin}/sdr-relay", *relay_words], "what sdr-confine becomes")
    relayed, rest = parse(second, relay_words)
    check_equal(rest, [], "after the relay's options")
    holders = [f"{place.run}/held/{name}" for name in ("fdholder", "fdholder2")]
    check_words(first, confined, channel.confine | {
        "--keep-fd": ["3"], "--listen-fd": relayed["--listen-fd"],
        **({"--hold": holders} if place.target == "s6" else {})})
    check_words(second, relayed, channel.relay | {
        "--layout": ["data/layout"], "--header": ["data/header"], "--ready-fd": ["3"],
        "--ring": [f"{place.run}/rings/{channel.name}"],
        "--counters": [f"{place.run}/counters/{channel.name}"]})
    for program, found, expected in ((first, confined, channel.confine),
                                     (second, relayed, channel.relay)):
        for option in ("--listen-interface", "--source", "--allow", "--full-rate", "--decimated",
                       "--interface", "--record", "--mount", "--write-cpus", "--cpus", "--memory",
                       "--cpu-quota", "--scheduler", "--best-effort", "--sequence",
                       "--silence-ms", "--receive-time"):
            check_equal(option in found, option in expected, f"{program} has {option}")
    assert OWN.fullmatch(confined["--cgroup"][0]), confined["--cgroup"]
    check_equal(confined["--cgroup"][0].split("/")[1], f"channel.{channel.name}", "--cgroup")
    check_data(live / "data", channel)
    check_logger(place, live, channel)
    for program, words in place.execute(live / "finish", "0", "0", channel.name):
        parse(program, words)


def check_data(data, channel):
    check_equal((data / "schema.avsc").read_text(encoding="utf-8"), channel.schema.text, "schema")
    check_equal((data / "layout").read_text(encoding="utf-8"), channel.layout + "\n", "layout")
    recorded = channel.recorded.encode()
    metadata = b"".join(zigzag(len(part)) + part for part in (b"avro.schema", recorded))
    assert metadata in (data / "header").read_bytes(), f"header has not {recorded}"


def zigzag(number):
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def check_logger(place, live, channel):
    (first, words), (second, log_words) = place.execute(live / "log" / "run")
    logger = "s6-log" if place.target == "s6" else "svlogd"
    check_equal((first, second), ("sdr-confine", logger), "programs")
    found, rest = parse(first, words)
    check_equal(rest, [logger, *log_words], "what sdr-confine becomes")
    check_words(first, found, {"--user": channel.confine["--user"]})
    check_equal(log_words[-1], f"{place.log}/{channel.name}", "where it logs")
    assert all(PLAIN.fullmatch(word) for word in log_words[:-1]), log_words


def check_one(seed, target):
    rng = random.Random(seed)
    place = Place(rng, run_dir(), target)
    config = RandomConfig(rng, operators=target == "s6")
    place.write(config)
    place.render(place.out)
    names = [channel.name for channel in config.channels]
    holders = ["fdholder", "fdholder2"] if names and target == "s6" else []
    live = place.out / "live"
    check_equal(sorted(path.name for path in live.glob("*")), sorted(names + holders), "services")
    again = place.top / "again"
    place.render(again)
    check_equal(contents(again), contents(place.out), "the second rendering")
    for channel in config.channels:
        check_channel(place, channel)
    check_equal([str(path) for path in place.top.rglob("PWNED")], [], "what was touched")


def main():
    for target in ("s6", "runit"):
        with case(f"{target}: {CONFIGS // 2} random configs: every word arrives as it was meant"):
            for seed in range(SEED, SEED + CONFIGS // 2):
                try:
                    check_one(seed, target)
                except Exception as error:
                    raise AssertionError(f"SDR_SEED={seed}: {error}") from error


if __name__ == "__main__":
    enter_plainly()
    main()
    finish()
