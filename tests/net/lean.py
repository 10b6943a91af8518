#!/usr/bin/python3
"""sdr-relay is what it says: static, small, no C++ library, no heap after start, two processes of
one thread each."""
import os
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, Skip, case, check_equal, children, enter_network, finish,  # noqa: E402
                     run_dir, sh, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Varying, feed, sender  # noqa: E402

BYTES_MAX = 100 << 10
CXX_RUNTIME = ("_Znwm", "_Znam", "_ZdlPv", "__cxa_throw", "__gxx_personality_v0",
               "__cxa_guard_acquire", "_ZSt9terminatev")

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]

with case(f"stripped, at most {BYTES_MAX:,} bytes"):
    size = (BIN / "sdr-relay").stat().st_size
    assert size <= BYTES_MAX, f"{size:,} bytes"
    assert " .symtab " not in sh(f"readelf -SW {BIN}/sdr-relay"), "it has symbols"
with case("static: no dynamic loader, no library"):
    assert "INTERP" not in sh(f"readelf -lW {BIN}/sdr-relay"), "it asks for a dynamic loader"
    assert "NEEDED" not in sh(f"readelf -dW {BIN}/sdr-relay"), "it asks for a library"
with case("no part of a C++ library is in it"):
    names = {line.split()[-1] for line in sh(f"nm {BIN}/sdr-relay.debug").splitlines()}
    check_equal([name for name in CXX_RUNTIME if name in names], [], "symbols")

with case("receiver and writer are one thread each, both called sdr-relay, under load"):
    relay = Relay(data, run, storage, "threads", full_rate="239.1.1.1:6000")
    feed(sender(relay.listen), shape, 20000, 0, 5000)
    for pid in (relay.pid, relay.writer()):
        check_equal(len(os.listdir(f"/proc/{pid}/task")), 1, f"threads of {pid}")
        check_equal(Path(f"/proc/{pid}/comm").read_text(encoding="ascii"), "sdr-relay\n", "name")
    check_equal(len(children(relay.pid)), 1, "children of the receiver")
with case("the writer holds no socket"):
    fds = Path(f"/proc/{relay.writer()}/fd")
    held = [os.readlink(fd) for fd in fds.iterdir()]
    check_equal([target for target in held if target.startswith("socket:")], [], "sockets")
    relay.wait_received(5000)
    relay.stop()

with case("no heap after start: no brk, no anonymous mmap, under load, rotation, rejects and HUP"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    trace = run / "trace"
    calls = "brk,mmap,mremap,munmap,clone,clone3,fork,vfork"
    relay = Relay(data, run, storage, "heap", full_rate="239.1.1.1:6000", segment_bytes=128 << 10,
                  decimated=["239.1.1.2:6000,factor=7"], rotate_s=1, sync_ms=50,
                  prefix=["strace", "-f", "-qq", "-ttt", "-o", trace, "-e", "signal=none",
                          "-e", f"trace={calls}"])
    receiver = wait_for(lambda: children(relay.pid), "the relay is there")[0]
    sock = sender(relay.listen)
    sock.send(shape.make(0))
    relay.wait_recorded(1)  # both processes are past their start
    started = time.time()
    for number in range(4):
        feed(sock, shape, 10000, 1 + number * 5000, 5000)
        sock.send(b"not a datum")
        os.kill(receiver, signal.SIGHUP)
    relay.wait_received(20005)
    wait_for(lambda: relay.counters().recorded == 20001, "all recorded")
    ended = time.time()
    os.kill(receiver, signal.SIGTERM)
    check_equal(relay.process.wait(10), 0, "exit code")
    check_exact(numbers(relay.directory, shape), range(20001), "recorded")
    assert relay.counters().segments > 10, "hardly any rotation"
    lines = trace.read_text(encoding="ascii").splitlines()
    assert any("brk" in line or "mmap" in line for line in lines), "the trace shows nothing at all"
    late = [line for line in lines if started < float(line.split()[1]) < ended]
    check_equal(late, [], "calls after start")

finish()
