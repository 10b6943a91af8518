#!/usr/bin/python3
"""sdr-feed --replay: what can be named, by what times it goes, and what is wrong with it."""
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish  # noqa: E402
from catlib import WORK, put  # noqa: E402
from indexed import iso  # noqa: E402
from ocf import block, header  # noqa: E402
from playing import (DEADLINE_S, NUMBER, PLAIN, SDR_FEED, SECOND, START, TIMED,  # noqa: E402
                     Listener, feed, numbered, play, played_numbers, record, write)
from udp import varint  # noqa: E402

TO = "127.0.0.1:26000"
MAX = ("--speed", "max")
enter_network()


def refused(*args):
    """The one line of complaint."""
    done = subprocess.run([SDR_FEED, *map(str, args)], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
    check_equal((done.returncode, len(done.stderr.splitlines()), done.stdout),
                (100, 1, ""), f"exit, lines and output of {args}: {done.stderr}")
    return done.stderr


def steadily(count, step_us=1000, start=START):
    return [start + n * step_us for n in range(count)]


def make_channel(name, channel, seconds, schema=TIMED, first=0):
    """Segments of 10 datums a second, the last one open."""
    for at, begin in enumerate(seconds):
        made = numbered(schema, steadily(10, 100000, START + begin * SECOND), first=first,
                        channel=channel, sync=bytes([at + 1]) * 16)
        base = f"{name}/channel={channel}/"
        put(base + (".open" if at == len(seconds) - 1 else made.name() + ".avro"), made.data)
        put(base + made.name() + ".index", made.index())
        first += 10


def config(name, channels):
    """A config whose storage is WORK/name; {channel: (listen, schema, more)}."""
    lines = [f'[storage]\npath = "{WORK}/{name}"\n']
    for channel, (listen, schema, more) in channels.items():
        put(f"{name}/{channel}.avsc", json.dumps(schema).encode())
        lines.append(f'[channel.{channel}]\nlisten = "{listen}"\nschema = "{channel}.avsc"\n'
                     f'full_rate = "239.9.9.{len(lines)}:6000"\nuser = "nobody"\n{more}\n')
    return put(f"{name}/relay.toml", "".join(lines).encode())


write(numbered(TIMED, steadily(50)), "timed")
write(numbered(PLAIN, steadily(50)), "plain")

with case("files, one after the other; a directory; a channel by name, with its open segment"):
    write(numbered(TIMED, steadily(50, start=START + SECOND), first=50), "timed2")
    found, _ = played_numbers(TO, "--replay", WORK / "timed.avro", WORK / "timed2.avro", *MAX)
    check_equal(found, list(range(100)), "two files")
    make_channel("store", "engine", (0, 1, 5))
    found, _ = played_numbers(TO, "--replay", WORK / "store/channel=engine", *MAX)
    check_equal(found, list(range(30)), "directory")
    where = ("--config", config("store", {"engine": ("0.0.0.0:26000", PLAIN, "")}))
    found, _ = played_numbers(TO, "--replay", "engine", *where, *MAX)
    check_equal(found, list(range(30)), "channel")
    found, _ = played_numbers(TO, "--replay", "engine", *where, *MAX, "--from",
                              iso(START + 5 * SECOND), "--to", iso(START + 5 * SECOND + 500000))
    check_equal(found, [20, 21, 22, 23, 24], "of the open segment")

with case("standard input"):
    data = Path(WORK / "timed.avro").read_bytes()
    listener = Listener(TO)
    done = subprocess.run([SDR_FEED, TO, "--replay", "-"], input=data, capture_output=True,
                          check=False, timeout=DEADLINE_S)
    check_equal((done.returncode, listener.datagrams()), (0, [varint(n) for n in range(50)]), "-")

with case("--to-fleet: each channel to where it listens, by name, as a kept run, or all of them"):
    for kept in ("fleet", "fleet/kept/run7"):
        make_channel(kept, "engine", (0, 2))
        make_channel(kept, "wave", (1, 3), first=1000)
    path = config("fleet", {"engine": ("0.0.0.0:26000", PLAIN, ""),
                            "wave": ("127.0.0.2:26000", PLAIN, ""),
                            "idle": ("127.0.0.1:26009", PLAIN, ""),
                            "off": ("127.0.0.1:26008", PLAIN, "enabled = false")})
    expected = [*range(10), *range(1000, 1010), *range(10, 20), *range(1010, 1020)]
    for sources in (["--all"], ["engine", "wave"], [WORK / "fleet/kept/run7"],
                    sorted((WORK / "fleet/kept/run7").glob("channel=*"))):
        found, said = played_numbers("--replay", "--to-fleet", *sources, "--config", path,
                                     "--speed", "20", to="0.0.0.0:26000")
        check_equal(found, expected, f"{sources}")
        check_equal("no recordings of channel idle" in said, sources == ["--all"], said)
    shutil.rmtree(WORK / "fleet/channel=wave")
    assert "no recordings of channel wave" in refused("--replay", "--to-fleet", "wave", "--config",
                                                      path)
    shutil.move(WORK / "fleet/channel=engine", WORK / "fleet/channel=off")
    assert "channel off is disabled" in refused("--replay", "--to-fleet", "off", "--config", path)
    shutil.move(WORK / "fleet/channel=off", WORK / "fleet/channel=other")
    said = refused("--replay", "--to-fleet", "other", "--config", path)
    assert "there is no channel other in" in said and "SOURCE=DEST" in said, said
    assert "holds several channels; use --to-fleet" in refused(TO, "--replay",
                                                               WORK / "fleet/kept/run7")

with case("--to-fleet warns of what the channel will reject"):
    changed = record(NUMBER, {"name": "more", "type": "string"})
    make_channel("warned", "engine", (0, 1))
    make_channel("warned", "wave", (0, 1))
    path = config("warned", {"engine": (TO, changed, ""),
                             "wave": ("127.0.0.1:26001", PLAIN, 'allow = ["10.0.0.0/24"]')})
    _, said = feed("--replay", "--to-fleet", "--all", "--config", path, *MAX)
    assert "warning: engine: was recorded under another schema" in said, said
    assert "warning: wave: believes only senders in its `allow`" in said, said
    check_equal(said.count("warning"), 2, said)

with case("recovered datums leave when they were received, between the others"):
    made = numbered(TIMED, steadily(40, 1000))
    write(made, f"mixed/channel=engine/{made.name()}")
    late = numbered(TIMED, [START + n * 1000 + 500 for n in range(10, 20)], first=100,
                    extra={"sdr.recovered": iso(START + SECOND)}, sync=bytes(16))
    write(late, f"mixed/channel=engine/{late.name()}")
    found, _ = played_numbers(TO, "--replay", WORK / "mixed/channel=engine", *MAX)
    between = [n for k in range(10, 20) for n in (k, k + 90)]
    check_equal(found, [*range(10), *between, *range(20, 40)], "order")

with case("the clock was set back: the pace goes on; what overtook another is sent in its order"):
    times = [START, START + 9000, START + 8000, START + 10000]
    times += [START - 3600 * SECOND + n * 1000 for n in range(20)]
    write(numbered(TIMED, times), "stepped")
    found, said = played_numbers(TO, "--replay", WORK / "stepped.avro")
    check_equal(found, list(range(24)), "order")
    assert "the clock was set back within the recording, 1 time" in said, said

with case("--max-gap cuts pauses; one that is long is told, and a signal ends it"):
    write(numbered(TIMED, [*steadily(5), *steadily(5, start=START + 7200 * SECOND)], 5), "gap")
    _, summary, _ = play(TO, "--replay", WORK / "gap.avro", "--max-gap", "100ms")
    check_equal(summary["datagrams"], 10, "datagrams")
    assert 0.1 <= summary["seconds"] < 60, summary
    check_equal(summary["recorded_seconds"], 0.108, "of the recording, cut")
    process = subprocess.Popen([SDR_FEED, TO, "--replay", WORK / "gap.avro"], text=True,
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    said = process.stderr.readline()
    assert "nothing is due for 2 h 0 min" in said and "--max-gap" in said, said
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=DEADLINE_S)
    check_equal((process.returncode, "sent 5 datagrams" in said), (0, True), said)

with case("without receive times, by the index: spread over each block, which is told"):
    made = numbered(PLAIN, [START, START + 100000, START + 200000, START + 300000], 2)
    write(made, "spread")
    found, _, said = play(TO, "--replay", WORK / "spread.avro")
    assert "spread evenly over the time in which each block" in said, said
    apart_ms = (found[-1][0] - found[0][0]) / 1e6
    assert 290 < apart_ms < 10000, apart_ms

with case("--time-field: of any unit, within records, as a float; its own pace"):
    inner = {"name": "in", "type": record({"name": "t", "type": "%s"}, name="In")}
    for kind, options, scale in (
            ({"type": "long", "logicalType": "timestamp-millis"}, "in.t", 1000),
            ({"type": "long", "logicalType": "local-timestamp-micros"}, "in.t", 1000000),
            ({"type": "int", "logicalType": "time-millis"}, "in.t", 1000),
            ("long", "in.t:ms", 1000), ("int", "in.t:us", 1000000), ("long", "in.t:ns", 10**9),
            ("double", "in.t", 1), ("float", "in.t:ms", 1000)):
        inner["type"]["fields"][0]["type"] = kind
        datums = []
        for n in range(4):
            value = n * 0.1 * scale + scale
            code = {"double": "<d", "float": "<f"}.get(kind if isinstance(kind, str) else "")
            datums.append(varint(n) + (struct.pack(code, value) if code else varint(round(value))))
        path = put("field.avro", header(record(NUMBER, inner)) + block(datums))
        found, summary, _ = play(TO, "--replay", path, "--time-field", options)
        check_equal([data for _, data in found], datums, "datagrams")
        assert abs(summary["recorded_seconds"] - 0.3) < 1e-4, (kind, summary)
        assert summary["seconds"] >= 0.299, (kind, summary)

with case("--time-field of a recording with receive times: those are still not sent"):
    both = record({"name": "t", "type": "double"}, *TIMED["fields"])
    datums = [struct.pack("<d", n * 0.01) + varint(n) for n in range(5)]
    path = put("both.avro", header(both) + block([datum + varint(START) for datum in datums]))
    found, summary, _ = play(TO, "--replay", path, "--time-field", "t")
    check_equal([data for _, data in found], datums, "datagrams")
    assert summary["seconds"] >= 0.04, summary

with case("damage is told and left out, the rest is sent, exit 1"):
    made = numbered(TIMED, steadily(100))
    data = bytearray(made.data)
    data[made.rows[4].offset + 5] ^= 0xff
    data[made.rows[5].offset - 3] ^= 0xff
    found, said = played_numbers(TO, "--replay", put("damaged.avro", bytes(data)), *MAX, code=1)
    check_equal(found, [*range(40), *range(50, 100)], "datums")
    assert "damaged.avro: bytes" in said and "no sound block" in said, said
    large = record({"name": "x", "type": "string"})
    path = put("large.avro", header(large) + block([varint(3) + b"abc",
                                                    varint(65505) + b"x" * 65505]))
    _, said = feed(TO, "--replay", path, *MAX, code=1)
    assert "1 datum too large for a datagram" in said and "sent 1 datagrams" in said, said

with case("nothing says when it was received: nothing is sent of any; what would help is named"):
    when = {"type": "long", "logicalType": "timestamp-micros"}
    stamped = record(NUMBER, {"name": "when", "type": when})
    path = put("untold.avro", header(stamped) + block([varint(1) + varint(START)]))
    _, said = feed("--replay", f"{path}={TO}", f"{WORK}/timed.avro=127.0.0.1:26001", code=100)
    for part in ("nothing says when", "untold.index", "--time-field when", "sent 0 datagrams"):
        assert part in said, said
    for field, why in (("none", "has no field none"), ("n", "does not say its unit; write n:us")):
        _, said = feed(TO, "--replay", path, "--time-field", field, code=100)
        assert why in said, said
    found, _, _ = play(TO, "--replay", path, *MAX)  # which takes no times
    check_equal([data for _, data in found], [varint(1) + varint(START)], "datagrams")

with case("on a terminal a line of progress is drawn: place, rate, lateness, time left"):
    write(numbered(TIMED, steadily(30, 100000)), "shown")
    main, side = pty.openpty()
    process = subprocess.Popen([SDR_FEED, TO, "--replay", WORK / "shown.avro"], stderr=side,
                               stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(side)
    seen = b""
    while b" left" not in seen:
        seen += os.read(main, 4096)
    process.wait(DEADLINE_S)
    line = seen.decode()
    for part in ("%", "datagrams", "late by", "p99", "s left"):
        assert part in line, line
    os.close(main)

with case("what does not fit together is one line, exit 100"):
    file = WORK / "timed.avro"
    for args, why in (
            ((TO, "--replay"), "nothing to replay to"),
            (("--replay",), "no destination"),
            (("--replay", "engine"), "'engine' is no destination"),
            ((TO, "--replay", f"{file}={TO}"), "all goes to"),
            (("--replay", f"{file}={TO}", "other"), "'other' has no destination"),
            ((TO, "--replay", file, "--rate", "1"), "--rate does not go with --replay"),
            ((TO, "--speed", "2", "--schema", file, "--rate", "1"), "--speed goes with --replay"),
            ((TO, "--replay", file, "--speed", "-1"), "--speed: invalid value '-1'"),
            ((TO, "--replay", file, "--from", "soon"), "--from: invalid value 'soon'"),
            ((TO, "--replay", file, "--from", "@5", "--to", "@5"), "--from is not before --to"),
            ((TO, "--replay", file, "--max-gap", "5"), "--max-gap: invalid value '5'"),
            ((TO, "--replay", file, "--time-field", "t:min"), "--time-field: invalid value"),
            ((TO, "--replay", file, "--all"), "--all goes with --to-fleet"),
            (("--replay", "--to-fleet"), "no channel to replay"),
            (("--replay", "--to-fleet", "--all", "x"), "leave out 'x'"),
            (("--replay", "--to-fleet", TO, file), "leave out"),
            ((TO, f"--replay={file}"), "takes none"),
            ((TO, "--replay", WORK / "none.avro"), "unable to read"),
            (("--replay", f"{file}={TO}", f"{file}=127.0.0.1:1", "--source-port", "5000"),
             "one destination only")):
        said = refused(*args)
        assert why in said, (args, said)

finish()
