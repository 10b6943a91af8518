#!/usr/bin/python3
"""sdr-cat --stats and --plot of what a relay has recorded, and of what it is recording."""
import json
import math
import os
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, storage_dir  # noqa: E402
from catlib import cat, check  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import send_paced, sender, varint  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
SCHEMA = json.dumps({"type": "record", "name": "Wave", "fields": [
    {"name": "counter", "type": "int"}, {"name": "value", "type": "double"}]})
COUNT = 3000
LEFT_OUT = [*range(1000, 1010), 2000]
sent = [number for number in range(COUNT) if number not in LEFT_OUT]
values = [math.sin(2 * math.pi * number / COUNT) for number in sent]


def stats(directory):
    return json.loads(cat("--stats", "--format", "json", directory)[0])


def check_numbers(found, expected, count):
    field = {field["name"]: field for field in found["fields"]}["value"]
    check_equal([found["datums"], field["count"], field["min"], field["max"]],
                [count, count, min(expected), max(expected)], "value")
    check(math.isclose(field["mean"], math.fsum(expected) / count, rel_tol=1e-12, abs_tol=1e-15),
          f"mean {field['mean']}")


relay = Relay(compile_schemas(run, {"wave": SCHEMA})["wave"], run, storage, "wave",
              full_rate="239.1.1.1:6000", sequence=0, sync_ms=50)
datums = [varint(number) + struct.pack("<d", value) for number, value in zip(sent, values)]
sock = sender(relay.listen)

with case("while it is being recorded: what has come so far"):
    send_paced(sock, datums[:1500], relay.counters)
    relay.wait_recorded(1500)
    check_numbers(stats(relay.directory), values[:1500], 1500)
    out = cat("--plot", "value", relay.directory, env=os.environ | {"LC_ALL": "C.UTF-8"})[0]
    check("max 1  of 1500" in out, out)

with case("once it is: every number, and the numbers that never came"):
    send_paced(sock, datums[1500:], relay.counters)
    relay.wait_recorded(len(sent))
    relay.stop()
    found = stats(relay.directory)
    check_numbers(found, values, len(sent))
    check_equal([found["lost"]["sequence_gaps"], found["lost"]["sequence_lost"],
                 found["lost"]["kernel_drops"], found["lost"]["restarts"]], [2, 11, 0, 1], "lost")
    check_equal([found["files"], found["files_without_index"], found["times_of_blocks"]],
                [1, 0, True], "files")
    check("11 lost in 2 gaps" in cat("--stats", relay.directory)[0], "words")
    whole = cat("--plot-svg", "-", "--plot", "value", relay.directory)[0]
    check(f"of {len(sent)}" in whole, whole[:2000])

finish()
