"""The budgets of the relay, as rows: what was measured, in the same run, against what."""
import ctypes
import os
import resource
import signal
import subprocess
import time

from contenders import Gso, Recording
from sdrtest import BIN, wait_for
from traffic import BENCH, IN, SENDER, Load, pss_bytes, spawn

MIB = 1 << 20
BINARY_MAX, IDLE_MAX = 100 << 10, 128 << 10
CPUS = len(os.sched_getaffinity(0))


def budgets(bench, cases):
    """Prints and returns the rows of the cases there are: (what, found, bound, how)."""
    rows = [("size of sdr-relay, bytes", (BIN / "sdr-relay").stat().st_size, BINARY_MAX, "<="),
            ("memory of an idle channel of 16, PSS bytes", idle_bytes(bench), IDLE_MAX, "<=")]
    if "200" in cases:
        rows += plain_rows(bench, cases["200"]["contenders"], cases["200"]["rate"])
    dd_cpu, dd_rate, recording = disk(bench)
    if "gso" in cases:
        rows += merged_rows(bench, cases["gso"]["contenders"], cases["gso"]["rate"], dd_cpu)
    rows.append((f"recording {recording / MIB:.0f} MiB/s to dd oflag=direct {dd_rate / MIB:.0f}",
                 recording / dd_rate, 0.8, ">="))
    print(f"\n{'budget':72}{'found':>10}{'bound':>10}")
    for what, found, bound, how in rows:
        met = found <= bound if how == "<=" else found >= bound
        number = "d" if isinstance(bound, int) else ".2f"
        print(f"{what:72}{found:10{number}}{how:>4}{bound:<8{number}}{'ok' if met else 'NOT MET'}")
    return [{"what": what, "found": found, "bound": bound, "how": how}
            for what, found, bound, how in rows]


def plain_rows(bench, found, rate):
    gso, record = found["gso"], found["relay+record"]
    stalled = bench.rounds({"bare": lambda: bench.at(Gso, "200", rate),
                            "stalled": lambda: stalled_at(bench, rate)})
    noise = max(found["gso again"]["p999"] / gso["p999"], gso["p999"] / found["gso again"]["p999"])
    return [
        ("plain: CPU a datagram, recording, to recvmmsg+GSO", record["cpu_ns"] / gso["cpu_ns"],
         1.25, "<="),
        ("plain: rate without loss, recording, to recvmmsg+GSO",
         record["loss_free"] / gso["loss_free"], 0.9, ">="),
        ("plain: latency p50, recording, to recvmmsg+GSO", record["p50"] / gso["p50"], 1.2, "<="),
        (f"plain: latency p99.9, the same (that loop against itself: {noise:.2f})",
         record["p999"] / gso["p999"], 1.2, "<="),
        ("plain: latency p99.9 while nothing is written, to recvmmsg+GSO",
         stalled["stalled"]["p999"] / stalled["bare"]["p999"], max(1.2, noise), "<=")]


def merged_rows(bench, found, rate, dd_cpu):
    gro, relay, record = found["gro"], found["relay"], found["relay+record"]
    half = bench.rounds({"half": lambda: bench.at(Recording, "gso", rate)})["half"]
    more = 800 * (copy_ns_a_byte() + dd_cpu)
    return [
        ("GRO: CPU a datagram, not recording, to GRO+GSO", relay["cpu_ns"] / gro["cpu_ns"], 1.25,
         "<="),
        (f"GRO: the same, recording ({more:.0f} ns are a copy and dd's)",
         record["cpu_ns"] / gro["cpu_ns"], 1.25 + more / gro["cpu_ns"], "<="),
        ("GRO: lost at half of what GRO+GSO takes, recording", half["lost"], 0.0, "<="),
        ("GRO: unrecorded then", half["unrecorded"], 0.0, "<="),
        (f"GRO: flooded, share that is relayed, {CPUS} CPUs", record["flood_share"],
         0.6 if CPUS < 4 else 0.75, ">=")]


def idle_bytes(bench):
    """A recorded channel of 16 before their first datagrams: receiver and writer."""
    contender = bench.start(Recording, "16-channels")
    for relay in contender.processes:
        wait_for(lambda relay=relay: relay.counters().disk() == "ok", "its writer is ready")
    found = pss_bytes(contender.pids()) // len(contender.processes)
    contender.stop()
    return found


def stalled_at(bench, rate):
    """The same measurement while the writer stands still, as on a disk that does."""
    contender = bench.start(Recording, "200")
    writer = contender.processes[0].writer()
    os.kill(writer, signal.SIGSTOP)
    found = Load(200).trial(contender, rate, 2 * bench.options.seconds)
    os.kill(writer, signal.SIGCONT)
    contender.stop()
    return found["latency_ns"]


def copy_ns_a_byte():
    """One core's, from memory that no cache holds."""
    size = 64 * MIB
    one, other = ctypes.create_string_buffer(size), ctypes.create_string_buffer(size)
    ctypes.memmove(other, one, size)
    started = time.perf_counter_ns()
    ctypes.memmove(one, other, size)
    return (time.perf_counter_ns() - started) / size


def disk(bench):
    """CPU nanoseconds a byte and bytes a second of dd, and bytes a second of a writer that has a
    full ring before it; medians, alternately."""
    measures = {"dd": lambda: dd(bench.storage / "dd"), "relay": lambda: drain(bench)}
    found = bench.rounds(measures)
    return found["dd"]["cpu"], found["dd"]["rate"], found["relay"]["rate"]


def dd(path):
    count = 512
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(["dd", "if=/dev/zero", f"of={path}", "oflag=direct", "bs=1M", f"count={count}",
                    "conv=fdatasync"], check=True, capture_output=True)
    took = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    path.unlink()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"rate": count * MIB / took, "cpu": spent * 1e9 / (count * MIB)}


def drain(bench):
    """A ring of 512 MiB is filled while the writer stands still; then it writes all of that."""
    contender = bench.start(Recording, "1400", buffer_bytes=512 * MIB, full_rate=None,
                            decimated=[f"239.1.1.9:{IN},factor=1000000"])
    relay = contender.processes[0]
    writer = relay.writer()
    wait_for(lambda: relay.counters().disk() == "ok", "it can write")
    os.kill(writer, signal.SIGSTOP)
    sender = spawn(SENDER, [BENCH / "traffic", "send",
                                     f"{contender.net.host}:{IN}", "fixed", 1400, 0, 2.0, -40],
                   stdout=subprocess.DEVNULL)
    sender.wait(30)
    before = relay.counters()
    os.kill(writer, signal.SIGCONT)
    started = time.monotonic()
    wait_for(lambda: relay.counters().recorded - before.recorded >=
             before.ring_used // 1400 - 1, "the ring is written", 60)
    took = time.monotonic() - started
    contender.stop()
    return {"rate": before.ring_used / took}
