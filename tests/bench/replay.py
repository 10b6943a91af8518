#!/usr/bin/python3
"""How exactly a replay keeps its pace. At speed 1: the error of the intervals between datagrams, by
the kernel's receive times, as a ratio to a bare loop of clock_nanosleep and send; medians of ROUNDS
(5) alternating runs of 4 s. Then an hour of recording at speed 60: how far it has drifted."""
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import enter_network, run_dir  # noqa: E402
from catlib import WORK  # noqa: E402
from playing import (SECOND, SDR_FEED, START, TIMED, Listener, numbered, play,  # noqa: E402
                     write)

ROUNDS = int(os.environ.get("ROUNDS", "5"))
RATE, COUNT = 1000, 4000
P99_WISHED_US, DRIFT_MAX_MS = 100, 1
TO = "127.0.0.1:26000"
BARE = r"""
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
int main(int argc, char** argv) {
  int64_t period = atoll(argv[1]), count = argc > 2 ? atoll(argv[2]) : 0, k;
  struct sockaddr_in to = {AF_INET, htons(26000), {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct timespec t;
  connect(fd, (struct sockaddr*)&to, sizeof to);
  prctl(PR_SET_TIMERSLACK, 1);
  clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t start = t.tv_sec * 1000000000LL + t.tv_nsec + 2000000;
  for (k = 0; k < count; ++k) {
    int64_t due = start + k * period;
    struct timespec until = {due / 1000000000, due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0);
    send(fd, &k, sizeof k, 0);
  }
}
"""

enter_network()
program = run_dir() / "bare"
(program.parent / "bare.c").write_text(BARE, encoding="ascii")
subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-O2", "-o", program,
                program.parent / "bare.c"], check=True)
times = [START + n * SECOND // RATE for n in range(COUNT)]
write(numbered(TIMED, times, 500), "second")


def errors_us(way):
    """p50 and p99 of how far the intervals are from what they should be."""
    listener = Listener(TO)
    command = [program, SECOND // RATE * 1000, COUNT] if way == "bare loop" else \
        [SDR_FEED, TO, "--replay", WORK / "second.avro"]
    subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL)
    stamps = [stamp for stamp, _ in listener.stamped()]
    assert len(stamps) == COUNT, f"{len(stamps)} of {COUNT}"
    errors = sorted(abs((after - before) / 1000 - 1e6 / RATE)
                    for before, after in zip(stamps, stamps[1:]))
    return errors[len(errors) // 2], errors[len(errors) * 99 // 100]


found = {"bare loop": [], "sdr-feed": []}
for _ in range(ROUNDS):
    for name, runs in found.items():
        runs.append(errors_us(name))
print(f"interval error at {RATE}/s, speed 1 (us, medians of {ROUNDS} runs)")
print("               p50     p99")
for name, runs in found.items():
    print(f"{name:10} {statistics.median(run[0] for run in runs):7.1f} "
          f"{statistics.median(run[1] for run in runs):7.1f}")
ratios = [statistics.median(ours[at] / bare[at] for ours, bare in
                            zip(found["sdr-feed"], found["bare loop"])) for at in (0, 1)]
print(f"ratio      {ratios[0]:7.2f} {ratios[1]:7.2f}   (p99 wished: under {P99_WISHED_US} us)")

times = [START + n * 100000 for n in range(36000)]
write(numbered(TIMED, times, 500), "hour")
stamped, summary, _ = play(TO, "--replay", WORK / "hour.avro", "--speed", 60)
late_ms = [(stamp - stamped[0][0]) / 1e6 - (time - START) / 60e3
           for (stamp, _), time in zip(stamped, times)]
print(f"an hour at speed 60: the last datum {late_ms[-1]:+.3f} ms from its time after the first, "
      f"the last hundred {statistics.median(late_ms[-100:]):+.3f} ms in the middle "
      f"(at most {DRIFT_MAX_MS}); late by {summary['late_us']['p50']:.0f} us p50, "
      f"{summary['late_us']['p99']:.0f} us p99")
