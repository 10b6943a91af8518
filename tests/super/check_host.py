#!/usr/bin/python3
"""sdr-gen --check --host: what this machine will not grant, said before it is asked for."""
import os
import re
import subprocess
from pathlib import Path

import cgroups
from s6tree import SCHEMA, as_ordinary_user, really_root
from sdrtest import BIN, Skip, case, check_equal, enter_plainly, finish, run_dir

FLEET = f"sdr-test.{os.getpid()}"
RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
ONLINE = Path("/sys/devices/system/cpu/online")
CHANNEL = """\
[defaults]
user = "{user}"
[channel.a]
listen = "{listen}"
schema = "s.avsc"
full_rate = "239.255.1.1:6000"
record = false
"""
CONFIG_LINES = CHANNEL.count("\n")


def host_findings(lines, prefix=(), listen="127.0.0.1:26000"):
    """(line, severity, message) of each finding about a channel with these lines more."""
    where = run_dir()
    (where / "s.avsc").write_text(SCHEMA, encoding="utf-8")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    (where / "relay.toml").write_text(CHANNEL.format(user=user, listen=listen) + lines,
                                      encoding="utf-8")
    done = subprocess.run([*map(str, prefix), BIN / "sdr-gen", "--check", "--host", "--config",
                           where / "relay.toml"], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=60)
    found = re.findall(r"(?m)^[^:\n]*relay\.toml:(\d+):\d+: (error|warning): (.*)$", done.stderr)
    errors = [f for f in found if f[1] == "error"]
    check_equal(done.returncode, 1 if errors else 0, f"exit code ({done.stderr.strip()})")
    return [(int(line) - CONFIG_LINES, severity, message) for line, severity, message in found]


def buffer_warning(bytes_text, number, written=True):
    by_default = "" if written else " by default"
    return (f"receive_buffer is {bytes_text}{by_default}, and this user gets no more than ",
            f"raise it by: sysctl -w net.core.rmem_max={number}")


def check_buffer(prefix):
    if not RMEM_MAX.exists():
        raise Skip("the kernel does not show net.core.rmem_max here")
    most = int(RMEM_MAX.read_text(encoding="ascii"))
    if most >= 1 << 30 or most < 4096:
        raise Skip(f"net.core.rmem_max is {most}")
    (line, severity, message), = host_findings('receive_buffer = "1GiB"\n', prefix)
    check_equal((line, severity), (1, "warning"), "place")
    start, end = buffer_warning("1GiB", 1 << 30)
    assert message.startswith(start) and message.endswith(end), message
    granted = re.search(r"no more than (\d+)(B|KiB|MiB|kB|MB);", message)
    factor = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "kB": 1000, "MB": 1000000}[granted[2]]
    check_equal(int(granted[1]) * factor, most, "bytes granted")
    check_equal(host_findings(f'receive_buffer = "{most}B"\n', prefix), [], "just granted")


def ordinary(prefix):
    with case(f"{prefix}a receive buffer above net.core.rmem_max is warned of, with the remedy"):
        check_buffer(())
    with case(f"{prefix}a port that takes root: an error that says which do not"):
        least = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        free = int(least.read_text(encoding="ascii"))
        if free < 2:
            raise Skip(f"{least} leaves none")
        (_, severity, message), = host_findings('receive_buffer = "64KiB"\n', listen="[::]:1")
        check_equal((severity, message), (
            "error", f"listen: port 1 takes root to bind; use {free} or above, or lower "
            "net.ipv4.ip_unprivileged_port_start"), "finding")
    with case(f"{prefix}isolation = \"require\" is warned of: limits take root or delegation"):
        (line, severity, message), = host_findings('receive_buffer = "64KiB"\n'
                                                   'isolation = "require"\n')
        check_equal((line, severity), (2, "warning"), "place")
        assert "delegated to this user" in message, message
        check_equal(host_findings('receive_buffer = "64KiB"\nisolation = "best-effort"\n'), [],
                    "best-effort")


enter_plainly()
if really_root():
    with case("root is granted any receive buffer and any isolation"):
        check_equal(host_findings('receive_buffer = "1GiB"\nisolation = "require"\n'), [],
                    "findings")
    with case("root without CAP_NET_ADMIN is granted what an ordinary user is"):
        check_buffer((BIN / "sdr-confine", "--"))
    as_ordinary_user(ordinary)
else:
    ordinary("")

with case("a CPU that is not online: an error that names those there are"):
    online = ONLINE.read_text(encoding="ascii").strip()
    for line in ('cpus = "1023"\n', 'cpus = { write = "1023" }\n'):
        (at, severity, message), = host_findings('receive_buffer = "4KiB"\n' + line)
        check_equal((at, severity), (2, "error"), "place")
        assert message.endswith(f"no CPU 1023 on this machine; it has {online}"), message

with case("a CPU outside the cpuset that holds us: an error that names what it allows"):
    if not really_root() or not re.match(r"0-\d", ONLINE.read_text(encoding="ascii")):
        raise Skip("takes root and two CPUs")
    confined = (BIN / "sdr-confine", "--cgroup", f"{FLEET}/leaf", "--cpuset", "0", "--")
    try:
        if subprocess.run([*confined, "true"], capture_output=True, check=False).returncode:
            raise Skip("no cpuset can be made here")
        buffer = 'receive_buffer = "4KiB"\n'
        check_equal(host_findings(buffer + 'cpus = "0"\n', confined), [], "allowed")
        (at, severity, message), = host_findings(buffer + 'cpus = "0-1"\n', confined)
        check_equal((at, severity), (2, "error"), "place")
        assert message.endswith("CPU 1 is outside the cpuset that holds us; it allows 0"), message
        check_equal(host_findings(buffer + 'cpus = "0-1"\n'), [], "outside of it")
    finally:
        cgroups.remove(FLEET)
with case("being pinned by whoever called is no matter: a channel is not"):
    if not re.match(r"0-\d", ONLINE.read_text(encoding="ascii")):
        raise Skip("takes two CPUs")
    pinned = ("taskset", "-c", "0")
    check_equal(host_findings('receive_buffer = "4KiB"\ncpus = "0-1"\n', pinned), [], "findings")

finish()
