"""What feeds the demo's channels: sdr-feed's signals, and this machine's own counters."""
import json
import subprocess
import time
from pathlib import Path

import sdrtest


def start(to, schema, *words, stdin):
    """sdr-feed in a session of its own, so that Ctrl-C reaches the demo alone."""
    return subprocess.Popen([sdrtest.BIN / "sdr-feed", to, "--schema", schema, "--json", *words],
                            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)


def sent(process, name):
    """How many datums a sdr-feed has sent, when it has ended."""
    said, complaints = process.communicate(timeout=30)
    if process.returncode:
        raise AssertionError(f"sdr-feed {name}: exit {process.returncode}: {complaints}")
    summary = json.loads(said)
    if summary["errors"]:
        raise AssertionError(f"sdr-feed {name}: {summary['errors']} send errors")
    return summary["datagrams"]


class Feed:
    """sdr-feed with a synthetic signal."""

    def __init__(self, fleet, name, rate, count):
        self._name = name
        words = ["--rate", str(rate), "--signal", "sine"]
        if count:
            words += ["--count", str(count)]
        self._process = start(fleet.listen(name), fleet.schema(name), *words,
                              stdin=subprocess.DEVNULL)

    def stop(self):
        self._process.terminate()

    def result(self):
        return sent(self._process, self._name)


class HostFeed:
    """/proc's counters at `rate` a second, as JSON lines through sdr-feed --stdin."""

    def __init__(self, fleet, rate, seconds):
        self._background = sdrtest.Background(
            self._run, fleet.listen("host"), fleet.schema("host"), rate, seconds)
        self._stopped = False

    @staticmethod
    def _run(stopping, to, schema, rate, seconds):
        feed = start(to, schema, "--stdin", stdin=subprocess.PIPE)
        began, number = time.monotonic(), 0
        while not stopping() and (seconds is None or number < rate * seconds):
            json.dump({"sequence": number, **host_counters()}, feed.stdin)
            feed.stdin.write("\n")
            feed.stdin.flush()
            number += 1
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        return sent(feed, "host")

    def stop(self):
        self._stopped = True

    def result(self):
        return self._background.result(stop=self._stopped)


def host_counters():
    load = Path("/proc/loadavg").read_text(encoding="ascii").split()
    memory = {line.split(":")[0]: int(line.split()[1])
              for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines()}
    network = [line.split(":")[1].split()
               for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]]
    return {"time": time.time_ns() // 1000, "load_1min": float(load[0]),
            "processes": int(load[3].split("/")[1]),
            "memory_available_kib": memory["MemAvailable"], "memory_total_kib": memory["MemTotal"],
            "received_bytes": sum(int(row[0]) for row in network),
            "sent_bytes": sum(int(row[8]) for row in network), **disk_counters()}


def disk_counters():
    """Sums over whole disks; none where /proc/diskstats is not there."""
    read = written = 0
    try:
        lines = Path("/proc/diskstats").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.split()
        if Path(f"/sys/block/{words[2]}").exists():
            read += int(words[5])
            written += int(words[9])
    return {"disk_read_sectors": read, "disk_written_sectors": written}
