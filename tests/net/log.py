#!/usr/bin/python3
"""Standard error and its neighbours: closed, broken or shared, they never harm the live path or the
recording."""
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir, storage_dir,  # noqa: E402
                     wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import check_exact, numbers  # noqa: E402
from udp import Collector, Varying, feed, sender, subscriber  # noqa: E402

GROUP = "239.1.1.1:6000"

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]


def kill_writer(relay):
    """Its receiver has a line to say about that."""
    starts = relay.counters().writer_starts
    os.kill(relay.writer(), signal.SIGKILL)
    wait_for(lambda: relay.counters().writer_starts > starts, "there is another writer")


def check_through(relay, seen, count):
    """All that is sent is relayed and recorded, also while lines are logged."""
    to = sender(relay.listen)
    feed(to, shape, 5000, 0, count // 2)
    kill_writer(relay)
    feed(to, shape, 5000, count // 2, count - count // 2)
    relay.wait_received(count)
    relay.stop()
    check_exact(shape.numbers(b"".join(seen.datagrams())), range(count), "live")
    check_exact(numbers(relay.directory, shape), range(count), "recorded")


for closed in ("2>&-", "0<&- 1>&- 2>&-"):
    with case(f"started with {closed}: /dev/null takes their place in both processes"):
        seen = Collector(subscriber(GROUP))
        relay = Relay(data, run, storage, f"closed{len(closed)}{closed[0]}", full_rate=GROUP,
                      prefix=["sh", "-c", f'exec "$@" {closed}', "sh"])
        for pid in (relay.pid, relay.writer()):
            for number in (int(word[0]) for word in closed.split()):
                check_equal(os.readlink(f"/proc/{pid}/fd/{number}"), "/dev/null",
                            f"descriptor {number} of {pid}")
        check_through(relay, seen, 2000)

with case("the reader of standard error is gone: nobody dies of it, and the line is counted"):
    seen = Collector(subscriber(GROUP))
    reader, pipe = os.pipe()
    relay = Relay(data, run, storage, "broken", stderr=pipe, full_rate=GROUP)
    os.close(pipe)
    os.close(reader)
    check_through(relay, seen, 2000)
    assert relay.counters().log_lines_dropped >= 1, "no line was lost"

with case("the same from the start on, with a line to say"):
    seen = Collector(subscriber(GROUP))
    reader, pipe = os.pipe()
    os.close(reader)
    relay = Relay(data, run, storage, "early", stderr=pipe, full_rate=GROUP,
                  receive_buffer_bytes=1 << 30)
    os.close(pipe)
    assert relay.counters().log_lines_dropped >= 1, "nothing was said about the receive buffer"
    check_through(relay, seen, 2000)

with case("a line goes to a pipe whole, and the pipe's own mode is left alone"):
    reader, pipe = os.pipe()
    relay = Relay(data, run, storage, "whole", stderr=pipe, full_rate=GROUP)
    kill_writer(relay)
    check_equal(os.get_blocking(pipe), True, "blocking for others who write to it")
    relay.stop()
    os.close(pipe)
    with os.fdopen(reader) as lines:
        check_equal([line for line in lines if "writer" in line],
                    ["sdr-relay[whole]: warning: writer ended with signal 9; starting another\n"],
                    "lines")

finish()
