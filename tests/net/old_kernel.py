#!/usr/bin/python3
"""Linux 3.10 is enough: the other tests' relays, and sdr-confine, run where everything newer is
refused. OLD_KERNEL=all runs more of them."""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, BUILD, ROOT, Skip, case, check_equal, children,  # noqa: E402
                     enter_network, finish, run_dir, storage_dir, wait_for)
import old_kernel  # noqa: E402
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Fixed, Varying, drain, sender, send_all, subscriber  # noqa: E402

LAUNCHER = Path(old_kernel.__file__)
GROUP = "239.1.1.1:6000"
# What a relay asks for, and does without.
PROBED_CALLS = {"close_range", "pwritev2"}
PROBED_OPTIONS = {"UDP_SEGMENT", "UDP_GRO", "SO_MEMINFO", "IPV6_MULTICAST_ALL"}
# The scripts of a phase's lanes run beside each other; those with much to send run alone.
PHASES = [[("net/live", "net/sockets")],
          [("net/rotation",), ("net/faults_queue", "net/stop"),
           ("net/start", "net/rejects", "net/readers", "super/confine")]]
if os.environ.get("OLD_KERNEL") == "all":
    PHASES += [[("net/held", "net/faults", "net/faults_listen", "super/held", "super/privileges",
                 "super/killed", "crash/kill", "crash/points")]]

enter_network()
run, storage = run_dir(), storage_dir()
fixed, varying = Fixed(), Varying()
data = compile_schemas(run, {"fixed": fixed.schema, "varying": varying.schema})


def old_build():
    """A build directory whose sdr-relay and sdr-confine run as on the old kernel."""
    build = storage / "build"
    (build / "bin").mkdir(parents=True)
    for program in BIN.iterdir():
        place = build / "bin" / program.name
        if program.name not in ("sdr-relay", "sdr-confine"):
            place.symlink_to(program)
            continue
        place.write_text(f'#!/bin/sh\nexec {sys.executable} -ISB {LAUNCHER} {program} "$@"\n',
                         encoding="utf-8")
        place.chmod(0o755)
    for name in ("foreign", "unit"):
        if (BUILD / name).exists():
            (build / name).symlink_to(BUILD / name)
    return build


OLD = old_build()


def run_old(words, code=0):
    done = subprocess.run([OLD / "bin" / words[0], *words[1:]], capture_output=True, text=True,
                          check=False)
    check_equal(done.returncode, code, f"exit code ({done.stderr.strip()[:200]})")
    return done


def traced(name, shape, binary, calls, **options):
    """Runs a relay through all that it does, and returns its messages and its system calls."""
    trace = run / f"{name}.trace"
    relay = Relay(data["fixed" if shape is fixed else "varying"], run, storage, name,
                  full_rate=GROUP, binary=binary, rotate_s=1, sync_ms=100, segment_bytes=128 << 10,
                  decimated=["239.1.1.2:6000,factor=7", "[ff15::12]:6000,factor=3"],
                  prefix=["strace", "-f", "-qq", "-n", "-v", "-s", "0", "-o", trace, "-e",
                          f"trace={calls}"], **options)
    receiver = wait_for(lambda: children(relay.pid), "the relay is there")[0]
    sock = sender(relay.listen.replace("[::]", "[::1]"))
    for first in range(0, 3000, 500):
        send_all(sock, [shape.make(first + number) for number in range(500)])
        sock.send(b"no datum")
        relay.wait_received((first + 500) * 501 // 500)
        os.kill(receiver, 1)
    os.kill(children(receiver)[0], 9)
    wait_for(lambda: relay.counters().writer_starts == 2, "another writer")
    os.kill(receiver, 15)
    check_equal(relay.process.wait(20), 0, "exit code")
    check_exact(numbers(relay.directory, shape), range(3000), "recorded")
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    begin = next((at for at, line in enumerate(lines)
                  if "execve(" in line and f'"{BIN}/sdr-relay"' in line), None)
    return relay.messages(), lines if begin is None else lines[begin + 1:]


SEGMENTED = re.compile(r"cmsg_level=SOL_UDP|cmsg_type=(UDP_SEGMENT|0x67)")


def control_messages(lines):
    return [line for line in lines if SEGMENTED.search(line)]


with case("the launcher refuses what is newer than 3.10, and nothing else"):
    if not old_kernel.MACHINE:
        raise Skip(f"it knows no {os.uname().machine}")
    script = ("import ctypes, errno, socket, sys\n"
              "libc = ctypes.CDLL(None, use_errno=True)\n"
              "for call in map(int, sys.argv[1].split()):\n"
              "    libc.syscall(call, 0, 0, 0, 0, 0)\n"
              "    print(ctypes.get_errno() == errno.ENOSYS, end=' ')\n"
              "for option in sys.argv[2:]:\n"
              "    try:\n"
              "        level, name = map(int, option.split(','))\n"
              "        socket.socket(socket.AF_INET6 if level == 41 else socket.AF_INET,\n"
              "                      socket.SOCK_DGRAM).setsockopt(level, name, 0)\n"
              "        print('set', end=' ')\n"
              "    except OSError as error:\n"
              "        print(errno.errorcode[error.errno], end=' ')\n")
    first = old_kernel.MACHINE["last"] + 1
    newer = [str(call) for call in range(first, first + 20)] + ["435", "436", "437", "439"]
    done = subprocess.run([sys.executable, LAUNCHER, sys.executable, "-c", script,
                           " ".join(newer), "17,103", "17,104", "1,55", "41,29", "0,24", "0,51",
                           "17,1", "1,6", "41,26", "0,49"],
                          capture_output=True, text=True, check=True)
    check_equal(done.stdout.split(), ["True"] * len(newer) + ["ENOPROTOOPT"] * 6 + ["set"] * 4,
                "answers")

with case("a whole run asks for nothing newer than 3.10 but what it can do without"):
    _, lines = traced("calls", varying, OLD / "bin/sdr-relay", "all", listen="[::]:26000")
    numbered = [re.match(r"\d+ +(?:<\.\.\. )?\[ *(\d+)\] (\w+)", line) for line in lines]
    called = {match[2]: int(match[1]) for match in numbered if match}
    assert {"recvmmsg", "sendmmsg", "fdatasync", "linkat"} <= set(called), "the trace is not whole"
    newer = {name for name, number in called.items() if number > old_kernel.MACHINE["last"]}
    check_equal(newer, PROBED_CALLS, "newer system calls")
    refused = {match[1] for line in lines if "ENOPROTOOPT" in line
               for match in [re.search(r"sockopt\(\d+, \w+, (\w+)", line)] if match}
    check_equal(refused - PROBED_OPTIONS, set(), "newer socket options")

with case("it says in one line what it does without"):
    for listen, words in (("127.0.0.1:26000", ["UDP_SEGMENT", "SO_MEMINFO"]),
                          ("[::]:26000", ["UDP_SEGMENT", "SO_MEMINFO", "IPV6_MULTICAST_ALL"])):
        relay = Relay(data["fixed"], run, name="says", listen=listen, full_rate=GROUP,
                      binary=OLD / "bin/sdr-relay")
        relay.stop()
        lines = [line for line in relay.messages().splitlines() if "older" in line]
        relay.log.unlink()
        check_equal((len(lines), [word for word in PROBED_OPTIONS if word in lines[0]]),
                    (1, [word for word in PROBED_OPTIONS if word in words]), f"{lines}")

with case("no control message asks for segments where they were refused, though runs are long"):
    # An old kernel ignores it, and sends the whole run as one datagram.
    heard = subscriber(GROUP)
    _, lines = traced("plain", fixed, OLD / "bin/sdr-relay", "sendmsg,sendmmsg,execve")
    assert len(lines) > 10, "hardly any send"
    check_equal(control_messages(lines), [], "control messages")
    check_exact(sorted(set(map(len, drain(heard)))), [fixed.size], "lengths that were heard")
with case("and the same look at an unhindered relay finds them"):
    messages, lines = traced("long", fixed, BIN / "sdr-relay", "sendmsg,sendmmsg,execve")
    if "UDP_SEGMENT" in messages:
        raise Skip("this kernel is old")
    assert control_messages(lines), "none"
    check_equal("older" in messages, False, "says that something is lacking")

with case("what the kernel drops is counted, with the next datagram that comes"):
    relay = Relay(data["fixed"], run, name="drops", full_rate=GROUP, receive_buffer_bytes=8192,
                  binary=OLD / "bin/sdr-relay")
    sock = sender(relay.listen)
    os.kill(relay.pid, 19)
    send_all(sock, [fixed.make(number) for number in range(500)])
    os.kill(relay.pid, 18)
    wait_for(lambda: relay.counters().received > 0, "what was queued is received")

    def all_told():
        sock.send(fixed.make(0))
        all_told.sent += 1
        counters = relay.counters()
        return counters.kernel_drops and counters.received + counters.kernel_drops >= 500
    all_told.sent = 500
    wait_for(all_told, "the drops are counted")
    wait_for(lambda: relay.counters().received + relay.counters().kernel_drops == all_told.sent,
             "received and dropped are what was sent")
    relay.stop()

with case("sdr-confine: priority, CPUs and limits, and the program runs"):
    run_old(["sdr-confine", "--scheduler", "other:5", "--cpus", "0", "--", "true"])

environment = {key: value for key, value in os.environ.items() if key != "SDR_TEST_NET"}
environment |= {"BUILD": str(OLD), "PAIRS": "20"}


class Script:
    """Another test, running."""

    def __init__(self, name):
        self.name, self._output = name, run / f"{name.replace('/', '-')}.out"
        with open(self._output, "wb") as output:
            self._process = subprocess.Popen([ROOT / "tests" / f"{name}.py"], env=environment,
                                             stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=subprocess.STDOUT)

    def has_ended(self):
        return self._process.poll() is not None

    def check(self):
        text = self._output.read_text(encoding="utf-8", errors="replace")
        failed = [line for line in text.splitlines() if line.startswith("not ok")]
        if failed or self._process.returncode:
            print("".join(f"| {line}\n" for line in text.splitlines()))
            raise AssertionError(failed[0] if failed else f"exit {self._process.returncode}")
        counts = [len(re.findall(f"^{word} - ", text, re.M)) for word in ("ok", "skip")]
        print(f"# {self.name}: {counts[0]} passed, {counts[1]} skipped")
        assert counts[0], "it showed nothing"


def ended(lanes):
    """Runs each lane's scripts one after the other, and yields those that have ended."""
    waiting, running = [list(lane) for lane in lanes], [None for _ in lanes]
    while any(waiting) or any(running):
        for at, lane in enumerate(waiting):
            if running[at] and running[at].has_ended():
                yield running[at]
                running[at] = None
            if lane and not running[at]:
                running[at] = Script(lane.pop(0))
        time.sleep(0.05)


for lanes in PHASES:
    for script in ended(lanes):
        with case(f"{script.name} passes"):
            script.check()

finish()
