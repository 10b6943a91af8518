#!/usr/bin/python3
"""sdr-cat --follow: each datum once and in order, over rotations, restarts, kills and retention;
and 1 s out of 2,000 segments is found without reading them."""
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import alive, case, check_equal, enter_network, finish, run_dir, wait_for  # noqa: E402
from catlib import CAT, cat, check  # noqa: E402
from segments import check_exact, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from strace import need_strace  # noqa: E402
from udp import Fixed, sender, varint  # noqa: E402

enter_network()
run = run_dir()
SCHEMA = json.dumps({"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"},
                                                               {"name": "s", "type": "string"}]})
data = compile_schemas(run, {"n": SCHEMA})["n"]
PACE_S = 0.005  # from segment to segment: 1 s is of 200


def datum(number):
    return varint(number) + varint(3) + b"abc"


def start(name, **options):
    return Relay(data, run, run, name, **({"sync_ms": 20, "full_rate": "239.1.1.1:6000"} | options))


class Follower:
    def __init__(self, *words):
        self.process = subprocess.Popen([CAT, "--follow", *map(str, words)], stderr=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def numbers(self):
        while select.select([self.process.stdout], [], [], 0)[0]:
            more = self.process.stdout.read()
            if not more:
                break
            self.text += more
        return [json.loads(line)["n"] for line in self.text.splitlines()
                if line.endswith(b"}")]

    def wait(self, expected, what):
        """Until it has printed as many; then that they are these."""
        expected = list(expected)
        wait_for(lambda: len(self.numbers()) >= len(expected), what)
        check_exact(self.numbers(), expected, what)

    def ready(self):
        """Waits until it waits for changes."""
        wait_for(lambda: "inotify" in str([os.readlink(fd) for fd in
                 Path(f"/proc/{self.process.pid}/fd").iterdir()]) and
                 Path(f"/proc/{self.process.pid}/stat").read_text().split()[2] == "S", "it waits")
        return self

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        check_equal(self.process.wait(10), -number, "it ends by the signal")
        check_equal(self.process.stderr.read(), b"", "standard error")


relay = start("live")
sock = sender(relay.listen)


def send(numbers):
    before = relay.counters().recorded
    datums = [datum(number) for number in numbers]
    for one in datums:
        sock.send(one)
    relay.wait_recorded(before + len(datums))


with case("what comes from now on, once and in order, over rotations"):
    send(range(100))
    relay.hup()
    wait_for(lambda: len(sealed(relay.directory)) == 1, "a sealed segment")
    send(range(100, 200))
    now, before = Follower(relay.directory).ready(), \
        Follower("--from", "-1h", relay.directory).ready()
    before.wait(range(200), "what was there")
    check_equal(now.numbers(), [], "nothing yet")
    for at in range(200, 1000, 100):
        send(range(at, at + 100))
        now.wait(range(200, at + 100), f"up to {at + 100}")
        if at % 200 == 0:
            relay.hup()
    before.wait(range(1000), "all")

with case("a relay that is killed, restarted, and ended; segments that are deleted"):
    for _ in range(3):
        relay.kill()
        relay = start("live", wait=True)
        sock = sender(relay.listen)
        at = len(before.numbers())
        send(range(at, at + 150))
        now.wait(range(200, at + 150), "after a kill")
    for path in sealed(relay.directory)[:3]:
        path.unlink()
    at = len(before.numbers())
    send(range(at, at + 50))
    relay.stop()
    now.wait(range(200, at + 50), "after the stop")
    before.wait(range(at + 50), "from the beginning on")
    relay = start("live")
    sock = sender(relay.listen)
    send(range(at + 50, at + 60))
    now.wait(range(200, at + 60), "by another relay")

with case("it ends by a signal, at its limit, and when nobody reads"):
    now.end()
    before.end(signal.SIGINT)
    at += 60
    limited = Follower("--limit", 5, relay.directory).ready()
    send(range(at, at + 10))
    limited.wait(range(at, at + 5), "5 of them")
    check_equal(limited.process.wait(10), 0, "exit code")
    closed = Follower(relay.directory).ready()
    closed.process.stdout.close()
    check_equal(closed.process.wait(10), 0, "exit code")

with case("fields, CSV and Avro of what is followed"):
    at += 10
    words = ["--format", "csv", "--fields", "n,@time"]
    table = subprocess.Popen([CAT, "--follow", *words, relay.directory], stdout=subprocess.PIPE,
                             text=True)
    wait_for(lambda: "inotify" in str([os.readlink(fd) for fd in
                                       Path(f"/proc/{table.pid}/fd").iterdir()]), "it waits")
    copy = run / "copy.avro"
    with open(copy, "wb") as file:
        avro = subprocess.Popen([CAT, "--follow", "--format", "avro", "--limit", "30",
                                 relay.directory], stdout=file)
    wait_for(lambda: "inotify" in str([os.readlink(fd) for fd in
                                       Path(f"/proc/{avro.pid}/fd").iterdir()]), "it waits")
    began = datetime.now(timezone.utc)
    send(range(at, at + 30))
    check_equal(table.stdout.readline(), "n,@time\n", "head")
    for number in range(at, at + 30):
        cells = table.stdout.readline().strip().split(",")
        check_equal(cells[0], str(number), "number")
        when = datetime.strptime(cells[1], "%Y-%m-%dT%H:%M:%S.%f%z")
        check(-1 < (when - began).total_seconds() < 60, f"{cells} is not after {began}")
    table.kill()
    table.wait()
    check_equal(avro.wait(10), 0, "the limit")
    out = cat(copy)[0]
    check_exact([json.loads(line)["n"] for line in out.splitlines()], range(at, at + 30), "Avro")

with case("what is no channel cannot be followed"):
    for words in ([copy], ["-"], [relay.directory, relay.directory], [run / "none"]):
        out, err = cat("--follow", *words, code=100)
        check(len(err.splitlines()) == 1, err)
relay.stop()

with case("1 s out of 2,000 segments: less than 20 MB are read, counted in system calls"):
    need_strace(run)
    shape = Fixed(2000)
    big = compile_schemas(run, {"big": shape.schema})["big"]
    relay = Relay(big, run, run, "big", full_rate="239.1.1.2:6000")
    sock = sender(relay.listen)
    count, began = 0, time.time()
    for segments in range(1, 2001):
        for number in range(count, count + 10):
            sock.send(shape.make(number))
        count += 10
        relay.wait_received(count)
        relay.hup()
        wait_for(lambda n=segments: relay.counters().segments == n, "it is sealed")
        time.sleep(max(0, began + segments * PACE_S - time.time()))
    relay.stop()
    took = time.time() - began
    size = sum(path.stat().st_size for path in relay.directory.rglob("*") if path.is_file())
    check(size > 25 << 20, f"a channel of {size} bytes proves nothing")
    middle = began + took / 2
    trace = run / "trace"
    words = ["strace", "-f", "-e", "trace=read,pread64,readv,preadv,mmap,getdents64", "-o", trace,
             CAT, "--count", "--from", f"@{middle:.6f}", "--to", f"@{middle + 1:.6f}",
             relay.directory]
    found = int(subprocess.run([str(word) for word in words], check=True, capture_output=True,
                               text=True).stdout)
    text = trace.read_text(encoding="utf-8", errors="replace")
    taken = sum(int(size) for size in re.findall(r"^\d+ +\w+\(.*\) = (\d+)$", text, re.M)
                if int(size) < 1 << 40)
    check(not re.search(r"mmap\(NULL, \d{7,}, PROT_READ, MAP_(SHARED|PRIVATE), \d", text),
          "files are mapped")
    print(f"# {found} of {count} datums, {taken / 1e6:.2f} of {size / 1e6:.1f} MB read")
    check(taken < 20e6 and taken < size, f"{taken} bytes")
    # As many as a look at each of them finds.
    whole = cat("--format", "csv", "--fields", "@time", "--utc", relay.directory)[0].splitlines()
    bounds = [datetime.fromtimestamp(middle + more, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
              for more in (0, 1)]
    inside = sum(bounds[0] <= line < bounds[1] for line in whole[1:])
    check(abs(found - inside) <= 40, f"{found}, but {inside} by their times")
    check(0 < found < count, f"{found} of {count}")

finish()
