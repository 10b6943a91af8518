#!/usr/bin/python3
"""sdr-stat: every field of a counters page, the table, states with and without s6, bad pages."""
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, Skip, case, check_equal, enter_plainly, finish, run_dir,  # noqa: E402
                     wait_for)
import counters  # noqa: E402
from counters import page  # noqa: E402
from relay import REASONS, Counters  # noqa: E402

STAT = os.path.join(os.environ.get("SDR_BIN", BIN), "sdr-stat")
SEQUENCE = ("gaps", "lost", "duplicates", "reordered", "resets")
ROOT = run_dir()

enter_plainly()


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def stat(*args, code=None, run=None, **kwargs):
    """Without a code: any that says whether all is well."""
    words = [STAT, *map(str, args), "--run", str(run or ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **kwargs)
    check("Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr)
    check(done.returncode in ((0, 1, 2) if code is None else (code,)),
          f"exit code of {args}: {done.returncode} ({done.stderr.strip()})")
    return done.stdout, done.stderr


def channel(name, *args, run=None):
    out, err = stat("--json", *args, name, run=run)
    check_equal(err, "", "standard error")
    return json.loads(out)["channels"][0]


def put(name, data, run=None):
    return counters.put(run or ROOT, name, data)


with case("every field of a page is in the JSON, under its own name"):
    path = put("engine", page("engine"))
    want, got = Counters(path), channel("engine")
    for key in ("received", "received_bytes", "rejected", "rejects_kept",
                "kernel_drops", "stale", "receive_errors", "last_datagram_time_ns", "recorded",
                "recorded_bytes", "file_bytes", "unrecorded", "salvaged", "segments", "blocks",
                "syncs", "disk_errno", "disk_errors", "last_sync_time_ns", "starts",
                "start_time_ns", "writer_starts", "writer_pid", "clock_steps"):
        check_equal(got[key], getattr(want, key), key)
    for reason, count in zip(REASONS[1:], want.rejected_by_reason[1:]):
        check_equal(got["rejected_by_reason"][reason], count, reason)
    check_equal(len(got["rejected_by_reason"]), len(REASONS) - 1, "reasons")
    for at, stream in enumerate(want.streams[:4]):
        shown = got["streams"][at]
        kind = "decimated" if at else "full_rate"
        check_equal((shown["kind"], shown["index"]), (kind, at), "kind")
        check_equal([shown[key] for key in ("datagrams", "bytes", "send_errors",
                                            "last_send_errno")], list(stream), f"stream {at}")
    check_equal(len(got["streams"]), 4, "streams")
    check_equal((got["relayed"], got["relayed_bytes"]), tuple(want.streams[0][:2]), "relayed")
    check_equal((got["decimated"], got["decimated_bytes"]),
                tuple(sum(stream[i] for stream in want.streams[1:]) for i in (0, 1)), "decimated")
    check_equal(got["send_errors"], sum(stream[2] for stream in want.streams), "send_errors")
    check_equal(got["receive_buffer"], {"asked": want.receive_buffer_asked,
                                        "granted": want.receive_buffer_granted}, "receive_buffer")
    check_equal(got["ring"], {"bytes": want.ring_bytes, "used": want.ring_used,
                              "used_max": want.ring_used_max}, "ring")
    check_equal(got["write_ns"], {"last": want.write_ns_last, "max": want.write_ns_max}, "write")
    check_equal(got["sync_ns"], {"last": want.sync_ns_last, "max": want.sync_ns_max}, "sync")
    check_equal(got["latency_ns"]["buckets"], list(want.latency), "latency")
    check_equal(got["rejects_not_kept"],
                want.rejects_not_kept + want.writer_rejects_not_kept, "rejects not kept")
    check_equal(got["log_lines_dropped"],
                want.log_lines_dropped + want.writer_log_lines_dropped, "log lines")
    check_equal(got["sequence"], dict(zip(SEQUENCE, want.sequence)), "sequence")
    check_equal(got["silence"], {"limit_ns": want.silence_ns, "since_time_ns": None,
                                 "silences": want.silences}, "silence of one that is down")
    check_equal((got["disk"], got["page_time_ns"], got["silent"]), ("ok", 777, False), "the rest")
    check("rates" not in got and "interval_s" not in got, "no rates without an interval")

with case("streams that are not there, disk states"):
    for number, name in enumerate(Counters.DISK):
        put("engine", page("engine", streams=3, full_rate=0, writer={"disk_state": number}))
        got = channel("engine")
        check_equal(got["disk"], name, "disk")
        check_equal([stream["index"] for stream in got["streams"]], [1, 2], "streams")

with case("a disk operation that lasts longer than a second is a stall, while its writer lives"):
    now = time.monotonic_ns()
    for since, pid, disk in ((now - 5 * 10**9, os.getpid(), "stalled"),
                             (now + 3600 * 10**9, os.getpid(), "full"),
                             (0, os.getpid(), "full"), (now - 5 * 10**9, 2**31 - 1, "full")):
        put("engine", page("engine", writer={"disk_state": 2, "disk_busy_since_ns": since,
                                             "pid": pid, "writer_pid": pid}))
        check_equal(channel("engine")["disk"], disk, f"since {since} of {pid}")

with case("latency: the upper bound of the bucket, never more than the largest seen"):
    latency = [0] * 36
    latency[10], latency[14], latency[20] = 980, 10, 10
    put("engine", page("engine", receiver={"latency": latency, "latency_max_ns": 1500000}))
    got = channel("engine")["latency_ns"]
    check_equal([got[key] for key in ("p50", "p99", "p999", "max")],
                [2048, 32768, 1500000, 1500000], "percentiles")
    put("engine", page("engine", receiver={"latency": [0] * 36}))
    check_equal(channel("engine")["latency_ns"]["p99"], None, "p99 of nothing")

with case("a table of 80 columns, however large the numbers and long the names"):
    most = (1 << 64) - 1
    full = {field if isinstance(field, str) else field[0]:
            most if isinstance(field, str) else [most // 64] * field[1]
            for field in Counters._RECEIVER} | {"pid": 0, "stale": 0, "sequence": [0] * 5}
    put("engine", page("engine", receiver=full, writer={"recorded": most, "disk_state": 5}))
    put("host", page("host", receiver={"latency": [0] * 36, "stale": 0, "sequence": [0] * 5}))
    long, stalled = "n" * 63, {"disk_state": 4, "disk_busy_since_ns": 1, "recorded": most}

    def table():
        """Below it words say what is wrong."""
        out, _ = stat("--interval", 0)
        out = "".join(line + "\n" for line in out.splitlines() if ": " not in line)
        check(all(len(line) <= 80 for line in out.splitlines()), out)
        return out

    put(long, page(long, receiver=full | {"has_sequence": 1, "stale": most, "sequence": [most] * 5},
                   writer=stalled))
    out = table()
    check("\nnnnnnnn" in out and "n~ down" in out and " stall" in out, out)
    (ROOT / "counters" / long).unlink()
    out = table()
    head = "NAME STATE UPTIME RECV RATE REJ RELAY DECIM RECRD UNREC DROPS DISK P99"
    check_equal(out.splitlines()[0].split(), head.split(), "head")
    check_equal([line.split()[0] for line in out.splitlines()[1:]], ["engine", "host"], "names")
    check("18.4E" in out and "unmnt" in out, out)
    line = stat("host", "--interval", 0)[0].splitlines()[1]
    check_equal(line.split()[:2], ["host", "down"], "one")

with case("rates come from two readings"):
    put("engine", page("engine", receiver={"received": 1000}))
    process = subprocess.Popen([STAT, "--json", "--interval", "1", "--run", ROOT, "engine"],
                               stdout=subprocess.PIPE)
    # It sleeps once, between its readings.
    proc = Path(f"/proc/{process.pid}")
    wait_for(lambda: (proc / "comm").read_text() == "sdr-stat\n" and
             (proc / "stat").read_text().split()[2] == "S", "the first reading")
    with open(ROOT / "counters/engine", "r+b") as file:
        file.seek(128 + 8 * 3)
        file.write(struct.pack("=Q", 3500))
    got = json.loads(process.communicate()[0])["channels"][0]
    # From the start on a second goes by, less what the first reading took.
    check(0.5 <= got["interval_s"] < 5, got["interval_s"])
    check(abs(got["rates"]["received"] * got["interval_s"] - 2500) < 0.01, got["rates"])
    check_equal(got["rates"]["recorded"], 0.0, "recorded")

with case("pages that are none of ours are refused in a line each, and the rest is shown"):
    other = ROOT / "bad"
    put("good", page("good"), other)
    put("short", b"x" * 8191, other)
    put("magic", page("magic", magic=1), other)
    put("version", page("version", version=2), other)
    put("bytes", page("bytes", bytes=4096), other)
    put("name", page("eman"), other)
    put("streams", page("streams", streams=10), other)
    (other / "counters/directory").mkdir()
    put("new", b"", other)
    put("zero", bytes(8192), other)
    put(".hidden", b"x", other)
    out, err = stat("--json", run=other)
    shown = [one["name"] for one in json.loads(out)["channels"]]
    check_equal(shown, ["good", "new", "zero"], "shown")
    lines = err.splitlines()
    check_equal(len(lines), 7, f"lines in {err}")
    for name, why in (("short", "too short"), ("magic", "not a counters page"),
                      ("version", "another version"), ("name", "another channel")):
        check(any(f"counters/{name}: " in line and why in line for line in lines), err)

with case("no run directory, no channel, unknown channels"):
    _, err = stat(run=ROOT / "nowhere", code=111)
    check(len(err.splitlines()) == 1 and "No such file" in err, err)
    empty = ROOT / "empty"
    empty.mkdir()
    check_equal(stat("--json", run=empty)[0],
                '{"channels":[],"storage":null,"troubles":[]}\n', "no channel")
    check("no channels" in stat(run=empty)[1], "says so")
    out, err = stat("engine", "nosuch", code=100)
    check(out == "" and err == "sdr-stat: fatal: no such channel: nosuch\n", err)

with case("without s6 the state is that of the process"):
    named = ROOT / "sdr-relay"
    shutil.copy(shutil.which("sleep"), named)
    process = subprocess.Popen([named, "60"])
    start = time.time_ns() - 90 * 10**9
    put("engine", page("engine", receiver={"pid": process.pid, "start_time_ns": start}))
    wait_for(lambda: channel("engine")["state"] == "up", "up")
    got = channel("engine")
    check(got["pid"] == process.pid and 89 <= got["uptime_s"] <= 120, got)
    check_equal((got["supervised"], got["downtime_s"]), (False, None), "not supervised")
    since = time.time_ns() - 12 * 10**9
    put("engine", page("engine", receiver={"pid": process.pid, "silent_since_ns": since,
                                           "silence_ns": 2 * 10**9, "silences": 3}))
    got = channel("engine")
    check_equal((got["state"], got["silent"]), ("up", True), "silence")
    check_equal(got["silence"], {"limit_ns": 2 * 10**9, "since_time_ns": since, "silences": 3},
                "silence")
    line = stat("engine", "--interval", 0)[0].splitlines()[1]
    check(line.startswith("engine silent ") and 12 <= int(line.split()[2].rstrip("s")) < 42, line)
    put("engine", page("engine", receiver={"pid": process.pid, "silent_since_ns": 0,
                                           "silence_ns": 0}))
    got = channel("engine")
    check_equal((got["silent"], got["silence"]["limit_ns"], got["silence"]["since_time_ns"]),
                (False, None, None), "no silence")
    process.kill()
    process.wait()
    check_equal(channel("engine")["state"], "down", "state")
    check_equal(channel("engine")["silent"], False, "silent while it is down")
    put("engine", page("engine", receiver={"pid": os.getpid()}))
    check_equal((channel("engine")["state"], channel("engine")["uptime_s"]), ("down", None),
                "a process that is no relay")

with case("with s6 the state is the supervisor's"):
    if not shutil.which("s6-supervise"):
        raise Skip("no s6")
    live = ROOT / "live/events"
    (live / "data").mkdir(parents=True)
    (live / "data/layout").write_text("l")
    (live / "notification-fd").write_text("3\n")
    go = ROOT / "go"
    os.mkfifo(go)
    (live / "run").write_text(f"#!/bin/sh\nread word < {go}\necho >&3\nexec sleep 60 3>&-\n")
    (live / "run").chmod(0o755)
    (ROOT / "service").mkdir()
    (ROOT / "service/events").symlink_to("../live/events")
    check_equal(channel("events")["state"], "down", "before the supervisor")
    supervisor = subprocess.Popen(["s6-supervise", live], start_new_session=True)
    try:
        wait_for(lambda: channel("events")["state"] == "starting", "starting")
        go.write_text("go\n")
        wait_for(lambda: channel("events")["state"] == "up", "up")
        got = channel("events")
        check_equal((got["supervised"], got["wanted_up"], got["received"]), (True, True, 0),
                    "state")
        check("sleep" in Path(f"/proc/{got['pid']}/comm").read_text(), "pid")
        subprocess.run(["s6-svc", "-wD", "-T", "5000", "-d", live], check=True)
        got = channel("events")
        check_equal((got["state"], got["wanted_up"], got["pid"], got["uptime_s"]),
                    ("down", False, 0, None), "stopped")
        check(got["downtime_s"] is not None, got)
    finally:
        subprocess.run(["s6-svc", "-xd", live], check=False)
        supervisor.wait(10)

with case("the command line"):
    check("Usage: sdr-stat" in stat("--help")[0], "--help")
    check(stat("--version")[0].startswith("sdr-stat "), "--version")
    for args in (["--watches"], ["--preflights"], ["--interval", "x"],
                 ["--interval", "-1"], ["--interval", "nan"], ["-x"]):
        out, err = stat(*args, code=100)
        check(out == "" and len(err.splitlines()) == 1 and err.startswith("sdr-stat: "), err)
    with open("/dev/full", "w", encoding="ascii") as sink:
        done = subprocess.run([STAT, "--json", "--run", ROOT], stdout=sink, check=False,
                              stderr=subprocess.PIPE)
    check_equal(done.returncode, 111, "a full disk")

finish()
