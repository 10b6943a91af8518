#!/usr/bin/python3
"""sdr-stat --watch in a real terminal, tmux: what stands on the screen, a resize, channels that
come and go, keys, and a terminal that is as it was however the program ends."""
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, Skip, alive, case, check_equal, children, enter_network,  # noqa: E402
                     finish, run_dir, storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from udp import Feeder, Fixed, sender  # noqa: E402

ENV = {"LC_ALL": "C.UTF-8", "TERM": "screen-256color", "PATH": os.environ["PATH"],
       "HOME": "/nonexistent"}
BARS = "▁▂▃▄▅▆▇█"
RED, YELLOW = "\x1b[31m", "\x1b[33m"

enter_network()
if not shutil.which("tmux"):
    with case("a live view in a terminal"):
        raise Skip("no tmux")
    finish()
run, storage = run_dir(), storage_dir()
shape = Fixed(64)
data = compile_schemas(run, {"t": shape.schema})["t"]
socket_path = run / "tmux"


def tmux(*words):
    done = subprocess.run(["tmux", "-S", socket_path, "-f", "/dev/null", *map(str, words)],
                          capture_output=True, text=True, check=False, env=ENV, timeout=30)
    if done.returncode:
        raise AssertionError(f"tmux {words[0]}: {done.stderr.strip()}")
    return done.stdout


class Screen:
    """A tmux session in which a shell runs the view; what the shell says before and after it."""

    def __init__(self, name, *options, size=(80, 24), then="", **environment):
        self.name, self.files = name, run / f"screen-{name}"
        self.files.mkdir()
        words = [BIN / "sdr-stat", "--watch", "--run", run, "--interval", 0.2, *options]
        words = ["env", *(f"{key}={value}" for key, value in environment.items()), *words]
        command = " ".join(shlex.quote(str(word)) for word in words)
        # A shell with job control, so that what it runs can be stopped.
        script = (f"set -m; trap : INT; cd {self.files}; stty -a > before; {command} 2> errors; "
                  f"{then} echo $? > code; stty -a > after; echo ended; exec sleep 1000")
        tmux("new-session", "-d", "-s", name, "-x", size[0], "-y", size[1],
             f"sh -c {shlex.quote(script)}")

    def text(self, colours=False):
        return tmux("capture-pane", "-p", "-t", self.name, *(["-e"] if colours else []))

    def lines(self):
        return [line.rstrip() for line in self.text().splitlines()]

    def flags(self):
        return tmux("display-message", "-p", "-t", self.name,
                    "#{alternate_on} #{cursor_flag}").split()

    def keys(self, *keys):
        tmux("send-keys", "-t", self.name, *keys)

    def resize(self, width, height):
        tmux("resize-window", "-t", self.name, "-x", width, "-y", height)

    def wait(self, condition, what):
        try:
            return wait_for(lambda: condition(self.lines()), what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen: {self.lines()}") from None

    def pid(self):
        """Of the view itself, not of its guard."""
        shell = int(tmux("display-message", "-p", "-t", self.name, "#{pane_pid}"))
        return wait_for(lambda: children(shell), "it runs")[0]

    def check_restored(self, code):
        read = lambda name: (self.files / name).read_text(encoding="utf-8")
        wait_for(lambda: (self.files / "after").exists() and read("after"), "the shell goes on")
        wait_for(lambda: self.flags() == ["0", "1"], "the screen and the cursor are back")
        # A shell may look before the guard has set it right: what counts is what it comes to be.
        tty = tmux("display-message", "-p", "-t", self.name, "#{pane_tty}").strip()
        mode = lambda: subprocess.run(["stty", "-F", tty, "-a"], capture_output=True, text=True,
                                      check=True).stdout
        wait_for(lambda: mode() == read("before"), "the terminal's mode is as before")
        check_equal(read("code").strip(), str(code), "exit code")

    def end(self):
        tmux("kill-session", "-t", self.name)


def cells(lines, name):
    """The words of a channel's row, its graph left out."""
    row = next((line for line in lines if line.split()[:1] == [name]), "- - - - - - - - -")
    return [word for word in row.split() if not set(word) <= set(BARS)]


def start(name, port, **options):
    relay = Relay(data, run, storage, name, listen=f"127.0.0.1:{port}",
                  full_rate=f"239.1.1.1:{port - 10000}", **options)
    return relay, Feeder(sender(relay.listen), shape, 500)


engine, feeder = start("engine", 26001)
tmux("new-session", "-d", "-s", "keeper", "sleep 1000")
tmux_server = int(tmux("display-message", "-p", "#{pid}"))

with case("a channel's row, its rate and its graph; the title and the keys"):
    screen = Screen("first")
    screen.wait(lambda lines: "all well" in lines[0] and cells(lines, "engine")[1] == "up" and
                cells(lines, "engine")[2].isdigit() and
                350 < int(cells(lines, "engine")[2]) < 650, "engine is up at its rate")
    screen.wait(lambda lines: "█" in lines[2], "a graph")
    lines = screen.lines()
    assert lines[0].startswith("1 channel") and lines[1].split() == [
        "NAME", "STATE", "RATE", "REJ", "DROPS", "LOST", "UNREC", "DISK", "P99"], lines[:2]
    check_equal(cells(lines, "engine")[3:8], ["0", "0", "-", "0", "ok"], "counts")
    assert lines[23].startswith("q quit") and all(len(line) <= 80 for line in lines), lines
    check_equal(screen.flags(), ["1", "0"], "a screen of its own, without a cursor")

with case("what is rejected is counted; the view follows"):
    other = sender(engine.listen)
    for _ in range(7):
        other.send(b"no datum")
    screen.wait(lambda lines: cells(lines, "engine")[3] == "7", "7 rejected")

with case("a channel that comes, and goes again; sort keys"):
    pose, pose_feeder = start("pose", 26002)
    screen.wait(lambda lines: lines[0].startswith("2 channels"), "2 channels")
    first = lambda lines: lines[2].split()[0]
    screen.keys("n")
    screen.wait(lambda lines: "by name" in lines[0] and first(lines) == "engine", "by name")
    screen.keys("R")
    screen.wait(lambda lines: "by name, reversed" in lines[0] and first(lines) == "pose",
                "reversed")
    screen.keys("l")
    screen.wait(lambda lines: "by loss" in lines[0] and first(lines) == "engine", "by losses")
    pose_feeder.stop()
    screen.keys("r")
    screen.wait(lambda lines: first(lines) == "engine" and cells(lines, "pose")[2] == "0",
                "by rate")
    pose.stop()
    pose.counters_file.unlink()
    screen.wait(lambda lines: lines[0].startswith("1 channel "), "1 channel")

with case("help and back; a pause"):
    screen.keys("?")
    screen.wait(lambda lines: lines[1].startswith("t n r l p"), "help")
    screen.keys("?")
    screen.wait(lambda lines: lines[1].startswith("NAME"), "the table")
    screen.keys("Space")
    screen.wait(lambda lines: "PAUSED" in lines[0], "paused")
    was = screen.lines()
    for _ in range(3):
        other.send(b"no datum")
    wait_for(lambda: engine.counters().rejected == 10, "3 more are rejected")
    time.sleep(0.5)  # more than two intervals: a view that goes on would show it
    check_equal(screen.lines(), was, "the screen")
    screen.keys("Space")
    screen.wait(lambda lines: cells(lines, "engine")[3] == "10", "it goes on")

with case("a resize, also to next to nothing and back"):
    for width, height in ((120, 40), (40, 10), (20, 4), (5, 2), (80, 24)):
        screen.resize(width, height)
        screen.wait(lambda lines, w=width, h=height: len(lines) <= h and
                    lines[0].startswith("1 channel"[:w]) and max(map(len, lines)) <= w and
                    (h < 6 or lines[h - 1].startswith("q quit")), f"{width} by {height}")
    screen.wait(lambda lines: len(cells(lines, "engine")) == 9, "as at first")

with case("quit: the terminal is as it was"):
    screen.keys("q")
    screen.check_restored(0)
    check_equal(screen.flags(), ["0", "1"], "screen, cursor")
    screen.end()

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSEGV):
    with case(f"{number.name}: the terminal is as it was, and no process is left"):
        screen = Screen(number.name.lower())
        screen.wait(lambda lines: lines[0].startswith("1 channel"), "it runs")
        pid = screen.pid()
        guard = children(pid)
        if number == signal.SIGINT:
            screen.keys("C-c")
        else:
            os.kill(pid, number)
        screen.check_restored(128 + number)
        wait_for(lambda: not any(map(alive, [pid, *guard])), "its processes end")
        assert guard, "there was no guard"
        screen.end()

with case("SIGKILL to its whole process group: the terminal is as it was"):
    screen = Screen("group")
    screen.wait(lambda lines: lines[0].startswith("1 channel"), "it runs")
    os.killpg(screen.pid(), signal.SIGKILL)
    screen.check_restored(128 + signal.SIGKILL)
    screen.end()

with case("the terminal itself goes: the view ends"):
    screen = Screen("hangup")
    screen.wait(lambda lines: lines[0].startswith("1 channel"), "it runs")
    pid = screen.pid()
    family = [pid, *children(pid)]
    screen.end()
    wait_for(lambda: not any(map(alive, family)), "its processes end")

with case("stopped and continued: the shell has its terminal meanwhile"):
    screen = Screen("stopped", then="echo stopped; read line; fg;")
    screen.wait(lambda lines: lines[0].startswith("1 channel"), "it runs")
    screen.keys("C-z")
    screen.wait(lambda lines: "stopped" in lines, "the shell goes on")
    check_equal(screen.flags(), ["0", "1"], "screen, cursor")
    screen.keys("Enter")
    wait_for(lambda: screen.flags() == ["1", "0"], "the screen is the view's")
    screen.wait(lambda lines: cells(lines, "engine")[1] == "up", "it goes on")
    screen.keys("q")
    screen.check_restored(0)
    screen.end()

with case("a relay that is killed: down, in words or in colour"):
    screen = Screen("down")
    screen.wait(lambda lines: cells(lines, "engine")[1] == "up", "up")
    feeder.stop()
    engine.kill()
    screen.wait(lambda lines: cells(lines, "engine")[1] == "down", "down")

with case("no run directory, one that comes; without UTF-8 and colours"):
    gone = Screen("gone", "--run", run / "none")
    gone.wait(lambda lines: "unable to read" in lines[2], "why")
    (run / "none" / "counters").mkdir(parents=True)
    gone.wait(lambda lines: "no channels in" in lines[2], "it is there now")
    shutil.copy(engine.counters_file, run / "none" / "counters")
    gone.wait(lambda lines: lines[0].startswith("1 channel"), "a channel")
    plain = Screen("plain", LC_ALL="C", NO_COLOR="1")
    plain.wait(lambda lines: lines[0].startswith("1 channel"), "it runs")
    text = plain.text(colours=True)
    assert text.isascii() and RED not in text and YELLOW not in text, text

with case("what is no terminal, and what does not go together"):
    watch = [BIN / "sdr-stat", "--watch", "--run", run]
    for words, why in (([], "takes a terminal"), (["--json"], "--json"), (["--gaps"], "--gaps"),
                       (["--interval", "0.01"], "at least 0.1")):
        done = subprocess.run([*watch, *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        check_equal((done.returncode, done.stdout, why in done.stderr), (100, "", True),
                    f"{words}: {done.stderr}")
    lost = Screen("lost", TERM="nothing-like-it")
    lost.wait(lambda lines: "ended" in lines, "it ends")
    assert "no such terminal" in (lost.files / "errors").read_text(encoding="utf-8")

tmux("kill-server")
wait_for(lambda: not alive(tmux_server), "tmux ends")
finish()
