"""What feeds the demo's channels: sdr-feed's signals, and this machine's own counters."""
import json
import re
import subprocess
import time
from pathlib import Path

import sdrtest


class Feed:
    """sdr-feed with a synthetic signal."""

    def __init__(self, fleet, name, rate, count):
        self._name = name
        words = [sdrtest.BIN / "sdr-feed", fleet.listen(name), "--schema", fleet.schema(name),
                 "--rate", str(rate), "--signal", "sine"]
        if count:
            words += ["--count", str(count)]
        self._process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                         stdin=subprocess.DEVNULL, text=True)
        self._count = count

    def stop(self):
        self._process.terminate()

    def result(self):
        """Datums sent."""
        _, said = self._process.communicate(timeout=30)
        counted = re.search(r"(\d+) datums? sent|sent (\d+)", said)
        if self._process.returncode and not counted:
            raise AssertionError(f"sdr-feed {self._name}: {said.strip()}")
        return int(counted[1] or counted[2]) if counted else self._count


class HostFeed:
    """/proc's counters at `rate` a second, as JSON lines through sdr-feed --stdin."""

    def __init__(self, fleet, rate, seconds):
        self._background = sdrtest.Background(
            self._run, fleet.listen("host"), fleet.schema("host"), rate, seconds)
        self._stopped = False

    @staticmethod
    def _run(stopping, to, schema, rate, seconds):
        feed = subprocess.Popen([sdrtest.BIN / "sdr-feed", to, "--schema", schema, "--stdin"],
                                stdin=subprocess.PIPE, text=True)
        start, number = time.monotonic(), 0
        while not stopping() and (seconds is None or number < rate * seconds):
            json.dump({"sequence": number, **host_counters()}, feed.stdin)
            feed.stdin.write("\n")
            feed.stdin.flush()
            number += 1
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
        feed.stdin.close()
        if feed.wait():
            raise AssertionError(f"sdr-feed host: exit {feed.returncode}")
        return number

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
