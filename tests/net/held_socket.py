#!/usr/bin/python3
"""The receive socket as a relay inherits it: its drops, its options, its buffer, and what is not
it."""
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import held  # noqa: E402
from held import GROUP, LISTEN, SO_TIMESTAMPNS, held_socket, kill_both  # noqa: E402
from sdrtest import (BIN, Skip, case, check_equal, enter_network, finish,  # noqa: E402
                     run_dir, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import (SO_RCVBUFFORCE, Fixed, drops, feed, queued, send_all, sender)  # noqa: E402

SO_RXQ_OVFL, IP_MULTICAST_ALL = 40, 49
IPPROTO_UDP, UDP_GRO = 17, 104

enter_network()
held.wait_timed()
run, storage = run_dir(), storage_dir()
shape = Fixed()
data = compile_schemas(run, {"t": shape.schema})["t"]


def start(name, sock, recorded=True, **options):
    return held.start(data, run, storage if recorded else None, name, sock, **options)


def send(first, count):
    return held.send(shape, first, count)


with case("drops while no relay runs are counted by the next one, and not again by another"):
    sock, sent, lost, small = held_socket(8192), 0, 0, {"receive_buffer_bytes": 8192}
    for end in (Relay.stop, kill_both, Relay.stop):
        sent = send(sent, 500)
        relay = start("drops", sock, **small)
        wait_for(lambda: not queued(sock), "the queue is received")
        relay.stop()
        counters = relay.counters()
        assert counters.kernel_drops > lost, "none was dropped"
        lost = counters.kernel_drops
        check_equal(lost, sent - counters.received, "kernel drops")
        relay = start("drops", sock, **small)
        wait_for(lambda: relay.counters().starts > counters.starts, "it starts")
        end(relay)
        check_equal(relay.counters().kernel_drops, lost, "kernel drops after another restart")
    sock.close()
    sock = held_socket(8192)
    sent = send(sent, 500)
    relay = start("drops", sock, **small)
    wait_for(lambda: not queued(sock), "the queue is received")
    relay.stop()
    check_equal(relay.counters().kernel_drops, sent - relay.counters().received,
                "kernel drops, with those of another socket")
    check_equal(relay.counters().kernel_drops, lost + drops(sock), "kernel drops of both")
    sock.close()

with case("every option is set anew, on or off"):
    sock = held_socket()
    sock.setsockopt(IPPROTO_UDP, UDP_GRO, 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 77, 0))
    sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 1)
    sock.setblocking(False)
    relay = start("options", sock)
    feed(sender(LISTEN), shape, 2000, 0, 100)
    relay.wait_received(100)
    merged = int(tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (5, 12))
    for level, option, wanted in ((IPPROTO_UDP, UDP_GRO, merged),
                                  (socket.SOL_SOCKET, SO_TIMESTAMPNS, 1),
                                  (socket.SOL_SOCKET, SO_RXQ_OVFL, 0),
                                  (socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)):
        check_equal(sock.getsockopt(level, option), wanted, f"option {level}, {option}")
    timeout = struct.unpack("@ll", sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
    check_equal(timeout, (1, 0), "SO_RCVTIMEO")
    check_equal(fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK, 0, "O_NONBLOCK")
    check_equal(relay.counters().receive_errors, 0, "receive errors")
    relay.stop()
    check_exact(numbers(relay.directory, shape), range(100), "recorded")
    sock.close()

with case("a buffer larger than an ordinary user may ask for is kept; one that it may is set"):
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    most = int(Path("/proc/sys/net/core/rmem_max").read_text(encoding="ascii"))
    plain = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
    for had, asked, granted in ((4 * most, 4 * most, 4 * most), (4 * most, 2 * most, 4 * most),
                                (4 * most, 8 * most, 4 * most), (4 * most, most, most),
                                (4 * most, 65536, 65536), (4096, 65536, 65536),
                                (4096, 8 * most, most)):
        sock = held_socket(4096)
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, had)
        except PermissionError:
            sock.close()
            raise Skip("not root") from None
        relay = start("buffer", sock, recorded=False, prefix=plain, receive_buffer_bytes=asked)
        found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        check_equal(found, 2 * granted, f"granted where it was {had} and {asked} is asked")
        check_equal(relay.counters().receive_buffer_granted, found, "counted")
        check_equal(relay.counters().receive_buffer_asked, asked, "asked")
        relay.stop()
        sock.close()


def wrong_sockets():
    made = [os.pipe()[0]]
    for family, kind, address in ((socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 26000)),
                                  (socket.AF_UNIX, socket.SOCK_DGRAM, "\0sdr-test"),
                                  (socket.AF_INET, socket.SOCK_DGRAM, None),
                                  (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 26001)),
                                  (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.2", 26000)),
                                  (socket.AF_INET6, socket.SOCK_DGRAM, ("::1", 26000))):
        sock = socket.socket(family, kind)
        if address:
            sock.bind(address)
        made.append(sock.detach())
    return zip(made, ("not a socket", "not a UDP socket", "not a UDP socket",
                      "bound to 0.0.0.0:0", "bound to 127.0.0.1:26001",
                      "bound to 127.0.0.2:26000", "bound to [::1]:26000"))


with case("a descriptor that is not the channel's socket: one line that says what it is, exit 100"):
    for fd, what in wrong_sockets():
        relay = Relay(data, run, None, f"wrong{fd}", listen=LISTEN, full_rate=GROUP, listen_fd=fd,
                      keep_fds=(fd,), wait=False)
        check_equal(relay.process.wait(10), 100, f"exit code, {what}")
        check_equal(relay.messages(), f"sdr-relay[wrong{fd}]: fatal: descriptor {fd} is to be a "
                    f"UDP socket bound to {LISTEN}, and is {what}", "message")
        os.close(fd)
with case("a descriptor that is to be the socket and the place for the newline: exit 100"):
    sock = held_socket()
    done = subprocess.run([BIN / "sdr-relay", "--name", "t", "--layout", data / "layout",
                           "--header", data / "header", "--listen", LISTEN, "--listen-fd",
                           str(sock.fileno()), "--ready-fd", str(sock.fileno())], check=False,
                          pass_fds=(sock.fileno(),), capture_output=True, text=True, timeout=10)
    check_equal(done.returncode, 100, "exit code")
    check_equal(len(done.stderr.splitlines()), 1, "lines")
    sock.close()
with case("the channel's socket for IPv6 and for a group is taken"):
    for family, listen, address in ((socket.AF_INET6, "[::1]:26000", ("::1", 26000)),
                                    (socket.AF_INET, "239.2.2.2:26000", ("239.2.2.2", 26000)),
                                    (socket.AF_INET, "0.0.0.0:26000", ("0.0.0.0", 26000))):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind(address)
        for _ in range(2):  # the second time it has joined already
            relay = start("taken", sock, recorded=False, listen=listen)
            have = relay.counters().received
            to = sender(listen.replace("0.0.0.0", "127.0.0.1"), "lo")
            send_all(to, [shape.make(0)])
            relay.wait_received(have + 1)
            relay.stop()
        sock.close()
    check_equal(relay.counters().streams[0][0], 6, "relayed")
with case("catch-up-ms takes milliseconds up to a day, and nothing else"):
    for value, code in (("86400000", 0), ("86400001", 100), ("-1", 100), ("5s", 100), ("", 100)):
        done = subprocess.run([BIN / "sdr-relay", "--catch-up-ms", value, "--version"],
                              capture_output=True, text=True, check=False)
        check_equal(done.returncode, code, f"exit code for {value!r}")

finish()
