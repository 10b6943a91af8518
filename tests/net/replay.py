#!/usr/bin/python3
"""sdr-feed --replay: what real relays recorded, played into others; the pace; several channels
against one clock; ranges of time.

SDR_DRIFT=1 holds an hour of recording at speed 60 against the clock, which takes a minute.
"""
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from catlib import CAT, WORK, cat, numbers, put  # noqa: E402
from indexed import iso  # noqa: E402
from playing import (DEADLINE_S, NUMBER, PLAIN, SDR_FEED, SECOND, START, TIMED,  # noqa: E402
                     Listener, feed, numbered, play, played_numbers, record, write)
from relay import Relay, compile_schemas  # noqa: E402
from segments import Segment, sealed  # noqa: E402
from udp import sender, steady_rate, varint  # noqa: E402

TO = "127.0.0.1:26000"
DRIFT_BOUND_MS = 20  # of a machine that tests keep busy; without them it is some 0.01

enter_network()
run, storage = run_dir(), storage_dir()
ENGINE = json.dumps(record(
    {"name": "count", "type": "int"}, {"name": "text", "type": "string"},
    {"name": "pose", "type": record({"name": "x", "type": "double"}, name="Pose")},
    {"name": "modes", "type": {"type": "array", "items": "string"}},
    {"name": "maybe", "type": ["null", "long"]}, name="Engine"))
WAVE = json.dumps(record(
    {"name": "count", "type": "long"}, {"name": "value", "type": "double"}, name="Wave"))


def engine_datum(n):
    text = f"\u00fcber {n}".encode() * (n % 7)
    words = b"".join(varint(len(word)) + word for word in (b"a" * (n % 40), b"b"))
    return varint(n % (1 << 31)) + varint(len(text)) + text + bytes(8) + varint(2) + words + \
        varint(0) + (varint(0) if n % 3 else varint(1) + varint(-n))


def wave_datum(n):
    return varint(n) + bytes(8)


def extended(schema):
    timed = json.loads(schema)
    timed["fields"].append(TIMED["fields"][1])
    return json.dumps(timed)


def recorded(directory, schema, timed):
    """The datagrams that a relay has recorded, and the times of those that have them."""
    from avro_value import Decoder
    found, times = [], []
    for path in sealed(directory):
        segment = Segment(path)
        check_equal(segment.schema, extended(schema) if timed else schema, "schema")
        decoder = Decoder(segment.schema)
        for _, body in segment.blocks:
            found += decoder.values(body)
    if timed:
        times = [datum.pop("receive_time") for datum in found]
    return found, times


class Pair:
    """Two relays: `engine` records receive times, `wave` does not."""

    def __init__(self, name, ports):
        base = run / name
        base.mkdir()
        (storage / name).mkdir()
        compiled = compile_schemas(base, {"engine": ENGINE, "wave": WAVE})
        (base / "timed").mkdir()
        timed = compile_schemas(base / "timed", {"engine": extended(ENGINE)})["engine"]
        (timed / "layout").unlink()
        (timed / "layout").write_bytes((compiled["engine"] / "layout").read_bytes())
        self.storage = storage / name
        common = {"sync_ms": 100, "segment_bytes": 256 << 10}
        self.engine = Relay(timed, base, self.storage, "engine", receive_time=True, sequence="0",
                            full_rate="239.1.1.1:6000", listen=f"127.0.0.1:{ports[0]}", **common)
        self.wave = Relay(compiled["wave"], base, self.storage, "wave", sequence="0",
                          full_rate="239.1.1.2:6000", listen=f"127.0.0.1:{ports[1]}", **common)

    def check(self, counts):
        """Stops them, and returns what they recorded."""
        for relay, count in zip((self.engine, self.wave), counts):
            relay.wait_recorded(count)
            counters = relay.counters()
            check_equal((counters.received, counters.rejected, counters.recorded,
                         counters.sequence[:2]), (count, 0, count, (0, 0)), relay.name)
            relay.stop()
        return (recorded(self.engine.directory, ENGINE, True),
                recorded(self.wave.directory, WAVE, False))


def feed_pair(pair, rounds):
    """Two of engine to one of wave, as fast as receive buffers bear when it is played again."""
    engine, wave = sender(pair.engine.listen), sender(pair.wave.listen)
    start, rate = time.monotonic(), steady_rate(4000)
    for n in range(rounds):
        while time.monotonic() - start < n / rate:
            pass
        engine.send(engine_datum(2 * n))
        engine.send(engine_datum(2 * n + 1))
        wave.send(wave_datum(n))


ROUNDS = 2000
first = Pair("first", (26000, 26001))
with case("what two relays recorded, played into two fresh ones, is recorded the same again"):
    feed_pair(first, ROUNDS)
    originals = first.check((2 * ROUNDS, ROUNDS))
    second = Pair("second", (26010, 26011))
    sources = [f"{first.storage}/channel=engine=127.0.0.1:26010",
               f"{first.storage}/channel=wave=127.0.0.1:26011"]
    summary, said = feed("--replay", *sources, "--json")
    check_equal((summary["datagrams"], summary["errors"]), (3 * ROUNDS, 0), "sent")
    assert "wave_" in said and "spread evenly" in said and "engine_" not in said, said
    again = second.check((2 * ROUNDS, ROUNDS))
    check_equal(again[0][0], originals[0][0], "datums of engine")
    check_equal(again[1][0], originals[1][0], "datums of wave")

with case("each datagram is the original, byte for byte; the receive time is not sent"):
    listener = Listener(TO)
    feed(TO, "--replay", f"{first.storage}/channel=engine")
    check_equal(listener.datagrams(), [engine_datum(n) for n in range(2 * ROUNDS)], "datagrams")

with case("the pace is that of the receive times, and faster with --speed"):
    times = [START + n * 2000 + n % 7 * 100 for n in range(500)]
    write(numbered(TIMED, times), "pace")
    for speed in (1, 10, 0.5):
        found, summary, _ = play(TO, "--replay", WORK / "pace.avro", "--speed", speed)
        apart_ms = [(stamp - found[0][0]) / 1e6 - (time_us - times[0]) / 1e3 / speed
                    for (stamp, _), time_us in zip(found, times)]
        print(f"speed {speed}: apart by {statistics.median(apart_ms):.3f} ms in the middle")
        assert abs(statistics.median(apart_ms)) < 100, apart_ms
        assert summary["seconds"] >= (times[-1] - times[0]) / SECOND / speed, summary

with case("channels are kept in step: what one received before the other leaves before it"):
    rng = random.Random(7)
    times = {"a": [], "b": []}
    at = START
    order = []
    for _ in range(400):
        at += rng.randint(1, 3000)
        channel = rng.choice("aab")
        order.append((channel, len(times[channel])))
        times[channel].append(at)
    for channel in "ab":
        write(numbered(TIMED, times[channel], rng.randint(5, 90), channel=channel),
              f"step_{channel}")
    for speed in ("1", "max", "0.7"):
        listener = Listener("0.0.0.0:26000")
        # Two addresses of one socket: its queue has them in the order in which they left.
        feed("--replay", f"{WORK}/step_a.avro=127.0.0.1:26000",
             f"{WORK}/step_b.avro=127.0.0.2:26000", "--speed", speed)
        expected = [varint(n) for _, n in order]
        check_equal(listener.datagrams(), expected, f"order at speed {speed}")


def drift_ms(recording_s, speed, count):
    """How much later the last ones leave, compared with the first: the least of each tenth, which
    no busy machine spoils."""
    times = [START + n * recording_s * SECOND // count for n in range(count)]
    write(numbered(TIMED, times, 500), "drift")
    found, summary, said = play(TO, "--replay", WORK / "drift.avro", "--speed", speed)
    print(said.splitlines()[-1])
    check_equal(len(found), count, "datagrams")
    late_ns = [stamp - found[0][0] - (time - START) * 1000 / speed
               for (stamp, _), time in zip(found, times)]
    tenth = count // 10
    return (min(late_ns[-tenth:]) - min(late_ns[:tenth])) / 1e6, summary


with case("nothing drifts: ten minutes of recording at speed 600"):
    drift, summary = drift_ms(600, 600, 3000)
    print(f"drift {drift:.4f} ms; the last datum was late by {summary['late_us']['last']} us")
    assert abs(drift) < DRIFT_BOUND_MS, f"{drift} ms"
    assert 0.99 < summary["seconds"] < 10, summary

with case("nothing drifts: an hour of recording at speed 60"):
    if not os.environ.get("SDR_DRIFT"):
        raise Skip("takes a minute; SDR_DRIFT=1 runs it, and so does make bench B=replay")
    drift, summary = drift_ms(3600, 60, 36000)
    print(f"drift {drift:.4f} ms; the last datum was late by {summary['late_us']['last']} us")
    assert abs(drift) < 1, f"{drift} ms"

def received():
    """Datagrams that sockets of this network have taken so far."""
    head, counts = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()
                    if line.startswith("Udp:")]
    return int(counts[head.index("InDatagrams")])


with case("a pause of the process is made up for, and nothing is left out"):
    write(numbered(TIMED, [START + n * 1000 for n in range(1500)]), "paused")
    listener, before = Listener(TO), received()
    process = subprocess.Popen([SDR_FEED, TO, "--replay", WORK / "paused.avro", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_for(lambda: received() >= before + 10, "it has begun")
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    process.send_signal(signal.SIGCONT)
    summary = json.loads(process.communicate(timeout=DEADLINE_S)[0])
    late, datagrams = summary["late_us"], listener.datagrams()
    assert late["max"] > 100000 and late["last"] < late["max"] / 2, late
    check_equal(datagrams, [varint(n) for n in range(1500)], "datagrams")
    assert summary["seconds"] >= 1.499, summary

with case("--from and --to: exactly the datums that sdr-cat prints"):
    write(numbered(TIMED, [START + n * SECOND for n in range(100)]), "timed")
    write(numbered(PLAIN, [START + n * SECOND for n in range(100)]), "plain")
    for name in ("timed", "plain"):
        for low, high in ((0, 100), (15, 16), (9, 11), (10, 20), (95, 200), (-5, 1)):
            for shift in (-1, 0, 1):
                span = ["--from", iso(START + low * SECOND + shift),
                        "--to", iso(START + high * SECOND + shift)]
                want = numbers(cat(*span, WORK / f"{name}.avro")[0])
                found, _ = played_numbers(TO, "--replay", WORK / f"{name}.avro", *span, "--speed",
                                          "max")
                check_equal(found, want, f"{name} from {low} to {high} s, {shift} us later")

with case("--from and --to of a channel: other segments are not read"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    total = 0
    for k in range(40):
        times = [START + (k * 60 + n) * SECOND for n in range(60)]
        made = numbered(TIMED, times, first=total, sync=bytes([k + 1]) * 16)
        write(made, f"many/channel=engine/{made.name()}")
        total += 60
    trace = WORK / "trace"
    done = subprocess.run(
        ["strace", "-f", "-o", trace, "-e", "trace=openat", SDR_FEED, TO, "--replay",
         WORK / "many/channel=engine", "--from", iso(START + 1210 * SECOND), "--to",
         iso(START + 1212 * SECOND)], capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        raise Skip("no ptrace")
    assert "sent 2 datagrams" in done.stderr, done.stderr
    opened = {line.split('"')[1] for line in trace.read_text().splitlines() if '.avro"' in line}
    check_equal(len(opened), 1, f"opened: {sorted(opened)}")

finish()
