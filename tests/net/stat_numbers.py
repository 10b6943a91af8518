#!/usr/bin/python3
"""Every number that sdr-stat shows of a scripted run is what was really done; and what is done
wrong to it is told in words and by the exit code."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, case, check_equal, children, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from segments import Segment, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Collector, sender, subscriber, varint  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
FULL, THIRD, MEAN = "239.1.1.1:6000", "239.1.1.2:6001", "239.1.1.3:6002"
SCHEMA = json.dumps({"type": "record", "name": "N", "fields": [
    {"name": "number", "type": "int"}, {"name": "note", "type": "string"},
    {"name": "value", "type": "double"}]})
data = compile_schemas(run, {"n": SCHEMA})["n"]
TABLE = ("NAME STATE UPTIME RECV RATE REJ RELAY DECIM RECRD UNREC DROPS LOST DISK P99").split()


def datum(number):
    note = b"x" * (number * 37 % 90)
    return varint(number) + varint(len(note)) + note + struct.pack("<d", number / 4)


def stat(*words, code):
    done = subprocess.run([BIN / "sdr-stat", "--run", run, *map(str, words)], capture_output=True,
                          text=True, check=False, timeout=30)
    check_equal(done.returncode, code, f"exit code of {words} ({done.stdout}{done.stderr})")
    check_equal(done.stderr, "", "standard error")
    return done.stdout


def channel(name, code):
    return json.loads(stat("--json", name, code=code))["channels"][0]


def troubles(name, code):
    found = channel(name, code)["troubles"]
    check_equal({one["channel"] for one in found}, {name}, "whose")
    return {(one["kind"], one["severity"]):
            (one["count"], f"{one['text']}: {one['advice']}" if one["advice"] else one["text"])
            for one in found}


def begin(name, **options):
    return Relay(data, run, storage, name, full_rate=FULL, sequence="0", **options)


LOST, COUNT = [*range(100, 111), 500, *range(900, 905)], 3000
SHORT, LONG = 5, 3
BEFORE_NS = time.time_ns()

with case("every number of the JSON is that of the scripted run"):
    full, third, mean = Collector(subscriber(FULL)), Collector(subscriber(THIRD)), \
        Collector(subscriber(MEAN))
    relay = begin("engine", decimated=[f"{THIRD},factor=3", f"{MEAN},factor=100,method=average"])
    sock = sender(relay.listen)
    order = [number for number in range(COUNT) if number not in LOST]
    order.insert(order.index(1500), 1450)  # one comes twice
    at = order.index(2000)
    order[at], order[at + 1] = order[at + 1], order[at]  # and two the other way round
    datums = [datum(number) for number in order]
    bad = [b"\x01"] * SHORT + [datum(1) + b"more"] * LONG
    for at, one in enumerate(datums):
        sock.send(one)
        if at % 500 == 0 and at // 500 < len(bad):
            sock.send(bad[at // 500])
        if at % 100 == 0:
            relay.wait_received(at)
    for one in bad[-(-len(datums) // 500):]:
        sock.send(one)
    relay.wait_received(len(datums) + len(bad))
    relay.wait_recorded(len(datums))
    wait_for(lambda: relay.counters().rejects_kept == len(bad), "the rejected are kept")
    relay.hup()
    wait_for(lambda: relay.counters().segments == 1, "the segment is sealed")
    sent_ns = time.time_ns()
    found = channel("engine", code=1)
    [path] = sealed(relay.directory)
    segment = Segment(path)
    file_bytes = path.stat().st_size - Segment.header_size(path.read_bytes())
    valid, valid_bytes = len(datums), sum(map(len, datums))
    means = [bytes(one) for one in mean.datagrams()]
    want = {
        "name": "engine", "state": "up", "supervised": False, "pid": relay.pid, "silent": False,
        "received": valid + len(bad), "received_bytes": valid_bytes + sum(map(len, bad)),
        "rejected": len(bad), "rejects_kept": len(bad), "rejects_not_kept": 0,
        "relayed": valid, "relayed_bytes": valid_bytes, "send_errors": 0,
        "decimated": valid // 3 + valid // 100,
        "decimated_bytes": sum(map(len, datums[2::3])) + sum(map(len, means)),
        "kernel_drops": 0, "stale": 0, "receive_errors": 0, "clock_steps": 0,
        "sequence": {"gaps": 3, "lost": len(LOST), "duplicates": 1, "reordered": 2 - 1,
                     "resets": 0},
        "silence": {"limit_ns": None, "since_time_ns": None, "silences": 0},
        "recorded": valid, "recorded_bytes": valid_bytes, "unrecorded": 0, "salvaged": 0,
        "file_bytes": file_bytes, "blocks": len(segment.blocks), "segments": 1,
        "disk": "ok", "disk_errno": 0, "disk_errors": 0, "starts": 1, "writer_starts": 1,
        "writer_pid": children(relay.pid)[0], "log_lines_dropped": 0,
    }
    for key, value in want.items():
        check_equal(found[key], value, key)
    reasons = {key: count for key, count in found["rejected_by_reason"].items() if count}
    check_equal(sum(reasons.values()), len(bad), f"reasons {reasons}")
    check_equal([(one["kind"], one["datagrams"], one["bytes"]) for one in found["streams"]],
                [("full_rate", valid, valid_bytes),
                 ("decimated", valid // 3, sum(map(len, datums[2::3]))),
                 ("decimated", valid // 100, sum(map(len, means)))], "streams")
    check_equal(len(means), valid // 100, "means seen")
    check_equal([bytes(one) for one in third.datagrams()], datums[2::3], "each third seen")
    check_equal(sum(found["latency_ns"]["buckets"]), valid, "latencies")
    assert 0 < found["latency_ns"]["p50"] <= found["latency_ns"]["p99"] \
        <= found["latency_ns"]["p999"] <= found["latency_ns"]["max"], found["latency_ns"]
    check_equal(found["ring"]["bytes"], 4 << 20, "ring")
    assert found["ring"]["used"] <= found["ring"]["used_max"] <= 4 << 20, found["ring"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        check_equal(found["receive_buffer"]["asked"], 8 << 20, "asked for")
        for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE where it may
            try:
                probe.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
                break
            except PermissionError:
                continue
        check_equal(found["receive_buffer"]["granted"],
                    probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), "granted")
    for key in ("page_time_ns", "start_time_ns", "last_datagram_time_ns", "last_sync_time_ns"):
        assert BEFORE_NS < found[key] <= sent_ns, f"{key}: {found[key]}"
    assert 1 <= found["syncs"] <= found["blocks"] + 2, found["syncs"]
    assert 0 < found["sync_ns"]["last"] <= found["sync_ns"]["max"] < 10**10, found["sync_ns"]
    assert abs(found["uptime_s"] - (sent_ns - found["start_time_ns"]) / 1e9) < 2, found["uptime_s"]

with case("the table shows the same, and below it in words what was wrong"):
    lines = stat("--interval", 0, "engine", code=1).splitlines()
    check_equal(lines[0].split(), TABLE, "head")
    row = dict(zip(TABLE, lines[1].split()))
    for key, value in (("RECV", valid + len(bad)), ("REJ", len(bad)), ("RELAY", valid),
                       ("DECIM", valid // 3 + valid // 100), ("RECRD", valid), ("UNREC", 0),
                       ("DROPS", 0), ("LOST", len(LOST)), ("DISK", "ok"), ("STATE", "up")):
        check_equal(row[key], str(value), key)
    said = [line for line in lines[2:] if line.startswith("engine: ")]
    check_equal(len(said), 2, f"lines {said}")
    assert any(line.startswith(f"engine: {len(LOST)} sequence numbers never came in the last ")
               and "nothing was dropped here" in line for line in said), said
    assert any(line.startswith(f"engine: rejected {len(bad)} in the last ") for line in said), said

with case("Prometheus has the same, and exits 0 for whoever writes it to a file"):
    text = stat("--prometheus", "engine", code=0)
    for name, value in (("received_datagrams_total", valid + len(bad)),
                        ("recorded_bytes_total", valid_bytes), ("segment_bytes_total",
                        file_bytes), ("sequence_lost_total", len(LOST))):
        assert f'speeddata_{name}{{channel="engine"}} {value}\n' in text, name

with case("rates are those of the interval"):
    before = relay.counters().received
    process = subprocess.Popen([BIN / "sdr-stat", "--json", "--interval", "1", "--run", run,
                                "engine"], stdout=subprocess.PIPE)
    wait_for(lambda: Path(f"/proc/{process.pid}/wchan").exists() and
             Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "S", "it waits")
    for number in range(COUNT, COUNT + 400):
        sock.send(datum(number))
    relay.wait_received(before + 400)
    got = json.loads(process.communicate()[0])["channels"][0]
    check_equal(round(got["rates"]["received"] * got["interval_s"]), 400, "received")
    check_equal(round(got["rates"]["relayed"] * got["interval_s"]), 400, "relayed")
    relay.stop()

with case("Prometheus and the JSON agree in every number of it"):
    said = channel("engine", code=1)
    for key, name in (("received", "received_datagrams"), ("received_bytes",) * 2,
                      ("relayed", "relayed_datagrams"), ("relayed_bytes",) * 2, ("syncs",) * 2,
                      ("kernel_drops", "kernel_dropped_datagrams"), ("starts",) * 2,
                      ("stale", "stale_datagrams"), ("receive_errors",) * 2, ("blocks",) * 2,
                      ("recorded", "recorded_datums"), ("recorded_bytes",) * 2, ("segments",) * 2,
                      ("unrecorded", "unrecorded_datums"), ("salvaged", "salvaged_datums"),
                      ("file_bytes", "segment_bytes"), ("disk_errors",) * 2, ("clock_steps",) * 2,
                      ("rejects_kept",) * 2, ("rejects_not_kept",) * 2, ("writer_starts",) * 2,
                      ("log_lines_dropped",) * 2):
        said[f"{name}_total", ""] = said.pop(key)
    rows = [(f"sequence_{kind}_total", "", count) for kind, count in said["sequence"].items()]
    rows += [("rejected_datagrams_total", f',reason="{reason}"', count)
             for reason, count in said["rejected_by_reason"].items()]
    for one in said["streams"]:
        label = f',stream="{one["index"] or "full_rate"}"'
        rows.append(("send_errors_total", label, one["send_errors"]))
        rows += [(f"decimated_{kind}_total", label, one[kind]) for kind in ("datagrams", "bytes")
                 if one["index"]]
    rows += [(*key, count) for key, count in said.items() if isinstance(key, tuple)]
    rows += [("receive_buffer_asked_bytes", "", said["receive_buffer"]["asked"]),
             ("receive_buffer_granted_bytes", "", said["receive_buffer"]["granted"]),
             ("ring_bytes", "", said["ring"]["bytes"]), ("up", "", int(said["state"] == "up")),
             ("ring_used_max_bytes", "", said["ring"]["used_max"]),
             ("disk_state", f',state="{said["disk"]}"', 1),
             ("relay_latency_seconds_count", "", sum(said["latency_ns"]["buckets"]))]
    text = stat("--prometheus", "engine", code=0)
    for name, labels, count in rows:
        assert f'speeddata_{name}{{channel="engine"{labels}}} {count}\n' in text, (name, count)

with case("all is well: exit code 0, and not a word"):
    well = begin("well")
    well_sock = sender(well.listen)
    for number in range(50):
        well_sock.send(datum(number))
    well.wait_recorded(50)
    check_equal(len(stat("--interval", 0, "well", code=0).splitlines()), 2, "lines")
    check_equal(channel("well", code=0)["troubles"], [], "troubles")
    well.stop()

with case("what the kernel dropped: as many as never came, with the buffer it had"):
    small = begin("small", receive_buffer_bytes=4096)
    sock = sender(small.listen)
    sock.send(datum(0))
    small.wait_received(1)
    os.kill(small.pid, signal.SIGSTOP)
    for number in range(1, 200):
        sock.send(datum(number))
    os.kill(small.pid, signal.SIGCONT)
    sent = 200
    while small.counters().kernel_drops == 0:  # told with the first that comes behind them
        sock.send(datum(sent))
        sent += 1
        wait_for(lambda: small.counters().received + small.counters().kernel_drops >= sent or
                 small.counters().kernel_drops == 0 and small.counters().received > 1, "it takes")
    wait_for(lambda: small.counters().received + small.counters().kernel_drops == sent, "it knows")
    dropped = sent - small.counters().received
    found = troubles("small", code=1)
    count, text = found["kernel_drops", "now"]
    check_equal(count, dropped, "count")
    assert text.startswith(f"kernel dropped {dropped:,} in the last ") and \
        "receive_buffer of 4.00 KiB is too small" in text, text
    assert "what the kernel dropped is among them" in found["lost", "now"][1]
    small.stop()

with case("a stream that nobody takes"):
    refused = Relay(data, run, storage, "refused", full_rate="127.0.0.1:26999")
    sock = sender(refused.listen)
    for number in range(20):
        sock.send(datum(number))
        refused.wait_received(number + 1)
    errors = refused.counters().streams[0][2]
    count, text = troubles("refused", code=1)["send_errors", "now"]
    check_equal(count, errors, "count")
    assert "full_rate could not be sent" in text and "(Connection refused)" in text, text
    refused.stop()

finish()
