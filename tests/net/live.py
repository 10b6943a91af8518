#!/usr/bin/python3
"""The live path and the recording, plainly: streams, order, readiness, signals."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, storage_dir  # noqa: E402
from segments import Segment, check_exact, numbers, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import (Collector, Fixed, Varying, feed, sender, steady_rate,  # noqa: E402
                 subscriber)

enter_network()
run, storage = run_dir(), storage_dir()
fixed, varying = Fixed(), Varying()
data = compile_schemas(run, {"fixed": fixed.schema, "varying": varying.schema})
RATE = steady_rate()
FULL, TENTH, THIRD = "239.1.1.1:6000", "239.1.1.2:6001", "239.1.1.3:6002"

for name, shape in (("fixed", fixed), ("varying", varying)):
    with case(f"{name}: 20,000 datums at {RATE}/s: full rate, two decimated streams, recorded"):
        full, tenth, third = (Collector(subscriber(group)) for group in (FULL, TENTH, THIRD))
        relay = Relay(data[name], run, storage, name, full_rate=FULL,
                      decimated=[f"{TENTH},factor=10", f"{THIRD},factor=3"])
        feed(sender(relay.listen), shape, RATE, 0, 20000)
        relay.wait_received(20000)
        relay.stop()
        counters = relay.counters()
        check_equal(counters.kernel_drops, 0, "kernel drops")
        check_exact(shape.numbers(b"".join(full.datagrams())), range(20000), "full rate")
        check_exact(shape.numbers(b"".join(tenth.datagrams())), range(9, 20000, 10), "every 10th")
        check_exact(shape.numbers(b"".join(third.datagrams())), range(2, 20000, 3), "every 3rd")
        check_exact(numbers(relay.directory, shape), range(20000), "recorded")
        check_equal((counters.received, counters.recorded, counters.unrecorded), (20000, 20000, 0),
                    "received, recorded, unrecorded")
        check_equal([stream[0] for stream in counters.streams[:3]], [20000, 2000, 6666], "sent")
    with case(f"{name}: the segment says what it is"):
        segment = Segment(sealed(relay.directory)[0])
        check_equal(segment.metadata["avro.codec"], b"null", "avro.codec")
        check_equal(segment.schema, shape.schema, "the schema's text")
        check_equal(segment.metadata["sdr.channel"], name.encode(), "sdr.channel")
        for key in ("sdr.host", "sdr.started", "sdr.boot_id", "sdr.clock"):
            assert segment.metadata.get(key), f"{key} is missing"

finish()
