#!/usr/bin/python3
"""sdr-feed: the exact count at the exact rate, datums that others decode, a clean end."""
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, Skip, case, check_equal, children, enter_network, finish,  # noqa: E402
                     run_dir, wait_for)
from random_schema import decode, random_schema  # noqa: E402
from udp import drain, drops, subscriber  # noqa: E402

SDR_FEED = Path(os.environ.get("SDR_BIN", BIN)).resolve() / "sdr-feed"
TO = "127.0.0.1:26000"
DEADLINE_S = 60
SCHEMAS = 60

enter_network()
warnings.simplefilter("ignore")  # python3-avro warns of logical types that it does not know
run = run_dir()
SMALL = json.dumps({"type": "record", "name": "Small", "fields": [
    {"name": "time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "count", "type": "long"}, {"name": "value", "type": "double"}]})
RICH = json.dumps({"type": "record", "name": "Rich", "namespace": "a.b", "fields": [
    {"name": "n", "type": "int"}, {"name": "none", "type": "null"},
    {"name": "flag", "type": "boolean"}, {"name": "text", "type": "string"},
    {"name": "bytes", "type": "bytes"}, {"name": "single", "type": "float"},
    {"name": "fixed", "type": {"type": "fixed", "name": "Fixed", "size": 3}},
    {"name": "mode", "type": {"type": "enum", "name": "Mode", "symbols": ["A", "B", "C"]}},
    {"name": "modes", "type": {"type": "array", "items": "Mode"}},
    {"name": "map", "type": {"type": "map", "values": ["null", "double", "a.b.Fixed"]}},
    {"name": "maybe", "type": ["null", "long", {"type": "record", "name": "In", "fields": [
        {"name": "x", "type": "double"}]}]}]})


def schema_file(text, name="s.avsc"):
    path = run / name
    path.write_text(text, encoding="utf-8")
    return path


def words(schema, *options, to=TO):
    return [str(SDR_FEED), to, "--schema", str(schema_file(schema)), *map(str, options)]


def feed(schema, *options, to=TO, code=0, **kwargs):
    """Runs sdr-feed to its end; returns its summary."""
    done = subprocess.run([*words(schema, *options, to=to), "--json"], capture_output=True,
                          text=True, check=False, timeout=DEADLINE_S,
                          **{"stdin": subprocess.DEVNULL} | kwargs)
    check_equal((done.returncode, done.stderr), (code, done.stderr), "exit")
    return json.loads(done.stdout), done.stderr


def received(schema, *options, to=TO):
    """The datagrams of one run, as a subscriber to `to` sees them, and the summary."""
    found = []
    with subscriber(to) as sock:
        sock.settimeout(0.05)
        process = subprocess.Popen([*words(schema, *options, to=to), "--json"], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None:
            with contextlib.suppress(TimeoutError):
                found.append(sock.recv(65536))
        found += drain(sock)
        check_equal(drops(sock), 0, "datagrams that this test was too slow for")
        check_equal(process.returncode, 0, "exit")
        return found, json.loads(process.stdout.read())


def check_counter(datums, field, count):
    check_equal([datum[field] for datum in datums], list(range(count)), "the counter")


def refused(*command):
    done = subprocess.run([str(SDR_FEED), *command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
    check_equal((done.returncode, len(done.stderr.splitlines()), done.stdout), (100, 1, ""),
                "exit, lines of complaint, output")
    return done.stderr


with case("--count: exactly as many, each a datum that python3-avro decodes, counter complete"):
    for schema, field in ((SMALL, "count"), (RICH, "n")):
        found, summary = received(schema, "--rate", 10000, "--count", 5000)
        check_counter([decode(schema, datum) for datum in found], field, 5000)
        check_equal((summary["datagrams"], summary["bytes"], summary["errors"]),
                    (5000, sum(map(len, found)), 0), "the summary")

with case(f"{SCHEMAS} random schemas: every datum decodes to its last byte, same seed same datums"):
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    print(f"SEED={seed}")
    rng = random.Random(seed)
    for _ in range(SCHEMAS):
        schema = random_schema(rng)
        found, _ = received(schema, "--rate", "max", "--count", 20)
        check_counter([decode(schema, datum) for datum in found], "sequence", 20)
        if "logicalType" not in schema:
            again, _ = received(schema, "--rate", "max", "--count", 20)
            check_equal(again, found, "the datums of a second run")

with case("the pace: datum k is due k/rate after the start, however late the ones before were"):
    with subscriber(TO) as sock:
        sock.settimeout(DEADLINE_S)
        process = subprocess.Popen([*words(SMALL, "--rate", 1000, "--count", 3000), "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        first = sock.recv(65536)
        process.send_signal(signal.SIGSTOP)  # what it misses it makes up for
        time.sleep(0.3)
        process.send_signal(signal.SIGCONT)
        summary = json.loads(process.communicate(timeout=DEADLINE_S)[0])
        datums = [decode(SMALL, datum) for datum in [first, *drain(sock)]]
    check_counter(datums, "count", 3000)
    # The last one is due after 2.999 s. Had it drifted by the pause, that would be 3.3 s; only a
    # machine that is busy indeed makes it late.
    assert 2.999 <= summary["seconds"] < 30, summary
    made_s = [datum["time"].timestamp() - datums[0]["time"].timestamp() for datum in datums]
    early = [at for at, made in enumerate(made_s) if made < at / 1000 - 0.1]
    check_equal(early, [], "datums before they were due")
    within = sum(1.5 <= made < 2.5 for made in made_s)  # long after the pause
    assert 700 <= within <= 1300, f"{within} datums within a second at 1000/s"

with case("--duration: as many as are due within it"):
    for rate, duration, count in ((100, 0.29, 29), (0.5, 1, 1), (10, 0.25, 3), (1000, 0.5, 500)):
        summary, _ = feed(SMALL, "--rate", rate, "--duration", duration)
        check_equal(summary["datagrams"], count, f"datagrams at {rate}/s within {duration} s")
    summary, _ = feed(SMALL, "--rate", "max", "--duration", 0.2)
    assert summary["seconds"] >= 0.2 and summary["datagrams"] > 0, summary

with case("times are the time, also in unions and arrays"):
    time_type = {"type": "long", "logicalType": "timestamp-millis"}
    schema = json.dumps({"type": "record", "name": "T", "fields": [
        {"name": "n", "type": "long"}, {"name": "maybe", "type": ["null", time_type]},
        {"name": "list", "type": {"type": "array", "items": time_type}}]})
    before = time.time()
    found, _ = received(schema, "--rate", "max", "--count", 100)
    datums = [decode(schema, datum) for datum in found]
    times = [datum["maybe"] for datum in datums if datum["maybe"]]
    times += [at for datum in datums for at in datum["list"]]
    assert len(times) > 50
    assert all(before - 1 < at.timestamp() < time.time() + 1 for at in times), times[0]

with case("--counter names another field, within records too"):
    schema = json.dumps({"type": "record", "name": "C", "fields": [
        {"name": "a", "type": "long"}, {"name": "in", "type": {
            "type": "record", "name": "In", "fields": [{"name": "k", "type": "double"}]}}]})
    found, _ = received(schema, "--rate", "max", "--count", 100, "--counter", "in.k")
    check_equal([decode(schema, datum)["in"]["k"] for datum in found], list(map(float, range(100))),
                "the counter")

for group in ("239.3.3.3:26000", "[ff15::33]:26000", "[::1]:26000"):
    with case(f"to {group}, with --interface, --ttl and --source-port"):
        sock = subscriber(group)
        sock.settimeout(DEADLINE_S)
        feed(SMALL, "--rate", "max", "--count", 10, "--interface", "lo", "--ttl", 3,
             "--source-port", 5999, to=group)
        datagram, peer = sock.recvfrom(65536)
        check_equal((decode(SMALL, datagram)["count"], peer[1], len(drain(sock))), (0, 5999, 9),
                    "first number, source port, the rest")
        sock.close()

with case("nobody listening is no reason to stop, and no error"):
    summary, said = feed(SMALL, "--rate", 2000, "--count", 200)
    check_equal((summary["datagrams"], summary["errors"]), (200, 0), "sent and errors")
    assert summary["refused"] > 0 and "nobody listens there" in said, summary

for ending in (signal.SIGTERM, signal.SIGINT):
    with case(f"{ending.name} ends it with its summary, exit 0"):
        with subscriber(TO) as sock:
            sock.settimeout(DEADLINE_S)
            process = subprocess.Popen([*words(SMALL, "--rate", 500), "--json"], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            got = [sock.recv(65536) for _ in range(20)]
            process.send_signal(ending)
            out, said = process.communicate(timeout=DEADLINE_S)
            check_equal(process.returncode, 0, "exit")
            assert said.startswith("sdr-feed: sent "), said
            check_equal(json.loads(out)["datagrams"], len(got + drain(sock)), "datagrams")

with case("a network that takes nothing (ENOBUFS) is waited for, and SIGTERM still ends it"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    trace = run / "trace"
    trace.touch()
    process = subprocess.Popen(
        ["strace", "-f", "-e", "trace=sendmmsg", "-e", "inject=sendmmsg:error=ENOBUFS",
         "-o", str(trace), *words(SMALL, "--rate", 500)], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "ENOBUFS" in trace.read_text() or process.poll() is not None, "a refusal")
    if process.poll() is not None:
        raise Skip("strace may not trace here")
    for pid in children(process.pid):
        os.kill(pid, signal.SIGTERM)
    _, said = process.communicate(timeout=DEADLINE_S)
    assert "sent 0 datagrams" in said, said

with case("--stdin: each line a datum, sent at once; what is none is named by its line"):
    sock = subscriber(TO)
    sock.settimeout(DEADLINE_S)
    process = subprocess.Popen([*words(RICH, "--stdin"), "--json"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    value = {"n": -5, "none": None, "flag": True, "text": "h\u00e9\u0000", "bytes": "\u00ff\u0000",
             "single": 0.5, "fixed": "abc", "mode": "C", "modes": ["A", "B"],
             "map": {"k": None, "l": 2.5, "m": "xyz"}, "maybe": {"a.b.In": {"x": 1}}}
    for maybe, bare in (({"a.b.In": {"x": 1}}, {"x": 1.0}), ({"x": 2}, {"x": 2.0}), (7, 7),
                        ({"long": 8}, 8), (None, None)):
        process.stdin.write(json.dumps(value | {"maybe": maybe}) + "\n")
        process.stdin.flush()
        expected = value | {"maybe": bare, "bytes": b"\xff\0", "fixed": b"abc",
                            "map": {"k": None, "l": 2.5, "m": b"xyz"}}
        check_equal(decode(RICH, sock.recv(65536)), expected, "what came")
    process.stdin.write("\n" + json.dumps(value | {"mode": "D"}) + "\n{\n" + json.dumps(value))
    out, said = process.communicate(timeout=DEADLINE_S)
    check_equal((process.returncode, json.loads(out)["datagrams"]), (1, 6), "exit and datagrams")
    lines = said.splitlines()
    assert lines[0] == 'sdr-feed: error: line 7: mode: "D" is no symbol of the enum', lines[0]
    assert lines[1].startswith("sdr-feed: error: line 8: not JSON: "), lines[1]
    check_equal(len(drain(sock)), 1, "datagrams after the errors")
    sock.close()

with case("what is wrong is one line, exit 100"):
    small = str(schema_file(SMALL))
    assert "--rate is missing" in refused(TO, "--schema", small)
    assert "--schema is missing" in refused(TO, "--rate", "1")
    assert "no destination" in refused("--schema", small, "--rate", "1")
    assert "is no destination" in refused("127.0.0.1", "--schema", small, "--rate", "1")
    assert "is no destination" in refused("::1:5", "--schema", small, "--rate", "1")
    assert "no field" in refused(TO, "--schema", small, "--rate", "1", "--counter", "none")
    broken = str(schema_file('{"type":\n  oops}', "broken.avsc"))
    said = refused(TO, "--schema", broken, "--rate", "1")
    assert f"{broken}:2:" in said and "not JSON" in said, said

finish()
