#!/usr/bin/python3
"""Receive times in the datums: of each schema, read by others under their own schema and the
original one; and what the index says of time."""
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, storage_dir  # noqa: E402
from index_file import rows_of  # noqa: E402
from segments import Segment, avsc, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Collector, Fixed, Varying, feed, sender, steady_rate, subscriber  # noqa: E402

import avro.datafile  # noqa: E402
import avro.io  # noqa: E402
import avro.schema  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
FULL = "239.1.1.1:6000"
FIELD = {"name": "receive_time", "type": {"type": "long", "logicalType": "timestamp-micros"}}


def extend(data, name, schema):
    """The data directory of a channel that records receive times."""
    timed = json.loads(schema)
    timed["fields"].append(FIELD)
    other = compile_schemas(run / name, {name: json.dumps(timed)})[name]
    (other / "layout").unlink()
    (other / "layout").write_bytes((data / "layout").read_bytes())
    return other, json.dumps(timed)


def python_avro(path, reader_schema=None):
    with open(path, "rb") as file:
        reader = avro.io.DatumReader(None, reader_schema and avro.schema.parse(reader_schema))
        return list(avro.datafile.DataFileReader(file, reader))


shapes = {"fixed": Fixed(), "varying": Varying()}
plain = compile_schemas(run, {name: shape.schema for name, shape in shapes.items()})
for name, shape in shapes.items():
    (run / name).mkdir()
    data, timed_schema = extend(plain[name], name, shape.schema)
    with case(f"{name}: 5,000 datums, recorded with their receive times"):
        collector = Collector(subscriber(FULL))
        relay = Relay(data, run, storage, name, full_rate=FULL, receive_time=True, sync_ms=100,
                      segment_bytes=128 << 10)
        before = time.time_ns() // 1000
        feed(sender(relay.listen), shape, steady_rate(), 0, 5000)
        relay.wait_received(5000)
        relay.stop()
        after = time.time_ns() // 1000
        live = b"".join(collector.datagrams())
        check_equal(shape.numbers(live), list(range(5000)), "the stream is as it came")
        numbers, times, last_before = [], [], 0
        for path in sealed(relay.directory):
            check_equal(Segment(path).schema, timed_schema, "schema")
            own = python_avro(path)
            original = python_avro(path, shape.schema)
            for datum in own:
                numbers.append(int(datum["sequence"]))
                times.append(round(datum["receive_time"].timestamp() * 1e6))
                del datum["receive_time"]
            assert own == original, f"{path.name}: not the same under the original schema"
            for row in rows_of(path):
                if row.datums == 0:
                    continue
                block = times[len(times) - len(own):][:row.datums]
                del own[:row.datums]
                check_equal(max(block), row.last_time, "the row's last time")
                assert last_before <= row.first_time <= min(block), \
                    f"first time {row.first_time}: {min(block)}, before it {last_before}"
                last_before = max(block)
        check_equal(numbers, list(range(5000)), "recorded")
        assert before <= times[0] <= times[-1] <= after and times == sorted(times), "times"
    with case(f"{name}: avsc reads them, too"):
        found = avsc(sealed(relay.directory))
        check_equal(sum(len(datums) for datums in found.values()), 5000, "datums")
        original = avsc(sealed(relay.directory), shape.schema)
        resolved = b"".join(datum for path in original for datum in original[path])
        check_equal(shape.numbers(resolved), list(range(5000)), "under the original schema")

with case("killed with a batch in hand and a full ring: each datum keeps its own time"):
    (run / "killed").mkdir()
    data, _ = extend(plain["varying"], "killed", shapes["varying"].schema)
    shape = shapes["varying"]
    relay = Relay(data, run, storage, "killed", full_rate=FULL, receive_time=True, sync_ms=50)
    sock = sender(relay.listen)
    for round_ in range(6):
        before = relay.counters().received
        feed(sock, shape, 4000, round_ * 400, 400)
        relay.wait_received(before + 1)
        relay.kill()
        relay = Relay(data, run, storage, "killed", full_rate=FULL, receive_time=True, sync_ms=50)
    relay.stop()
    found = [datum for path in sealed(relay.directory) for datum in python_avro(path)]
    times = [datum["receive_time"] for datum in found]
    assert len(found) >= 6 and times == sorted(times), f"{len(found)} datums"
    for path in sealed(relay.directory):
        rows_of(path)

finish()
