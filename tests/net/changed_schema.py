#!/usr/bin/python3
"""A source changes its schema: what a relay rejects comes back by sdr-cat, as the ledger says."""
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, storage_dir  # noqa: E402
from catlib import cat, check, numbers, put  # noqa: E402
from index_file import rows_of  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import sealed  # noqa: E402
from udp import sender, varint  # noqa: E402

COUNT = int(os.environ.get("SDR_RECOVER_COUNT", "6000"))  # a minute of 100 a second

enter_network()
run, storage = run_dir(), storage_dir()
old = {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]}
new = {"type": "record", "name": "N", "fields": [
    {"name": "n", "type": "long"}, {"name": "state", "type": "int"}]}
data = compile_schemas(run, {"old": json.dumps(old)})
relay = Relay(data["old"], run, storage, "engine", sync_ms=50)
sock = sender(relay.listen)
new_file = put("changed.avsc", json.dumps(new, indent=1).encode())
verdict = lambda code: cat("--check", relay.directory, code=code)[0].splitlines()[-1]


def send(datagrams, received):
    for at, datagram in enumerate(datagrams):
        sock.send(datagram)
        if at % 50 == 49:
            relay.wait_received(received + at + 1)
    relay.wait_received(received + len(datagrams))


with case("the open segment by time, and complete so far"):
    send([varint(n) for n in range(100)], 0)
    relay.wait_recorded(100)
    between = time.time()
    send([varint(n) for n in range(100, 200)], 100)
    relay.wait_recorded(200)
    out, err = cat("--from", f"@{between:.6f}", relay.directory)
    found = numbers(out)
    check(err == "" and found == list(range(found[0], 200)) and found[0] <= 100, f"{err}{found}")
    check_equal(verdict(0), "complete", "verdict")

with case(f"{COUNT} datagrams of a changed schema are rejected, and the recording says so"):
    send([varint(n) + varint(-n) for n in range(200, 200 + COUNT)], 200)
    relay.stop()
    check_equal(verdict(1), f"not complete: {COUNT} rejected", "verdict")

with case("they come back completely, and nothing is missing any more"):
    out, err = cat("--recover", "--schema", new_file, relay.directory)
    check(out.endswith(f"{COUNT} of {COUNT} rejected datagrams came back\n") and err == "", out)
    check_equal(numbers(cat(relay.directory)[0]), list(range(200 + COUNT)), "all, in order")
    check_equal(verdict(0), "complete", "verdict")
    recovered = sealed(relay.directory)[-1]
    check_equal(sum(row.datums for row in rows_of(recovered)), COUNT, "rows")

with case("a second time nothing does"):
    _, err = cat("--recover", "--schema", new_file, relay.directory, code=1)
    check("exists already" in err or "come back before" in err, err)
    check_equal(cat("--count", relay.directory)[0], f"{200 + COUNT}\n", "datums")

finish()
