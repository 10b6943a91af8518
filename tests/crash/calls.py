#!/usr/bin/python3
"""SIGKILL at every system call: of the receiver, of the writer, and of both at one moment.

A short run (batches with rejects among them, a sync, a rotation, a stop) is repeated, each time
killed one stop later: at the entry into a system call and at the return from it. The test holds
the receive socket; after a restart every datagram must be there exactly once, and nothing else.

Every STRIDEth stop from a random one on; all of them with STRIDE=1.
"""
import os
import random
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Background, Skip, after_failure, case, check_equal,  # noqa: E402
                     enter_network, finish, run_dir, storage_dir, wait_for)
from segments import check_exact, numbers, rejects  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from tracer import PREFIX, Traced  # noqa: E402
from udp import Fixed, Varying, big_buffer, drops, queued, send_all, sender  # noqa: E402

STRIDE = int(os.environ.get("STRIDE", "13"))
GROUP = "239.1.1.1:6000"
SIZES = (100, 70, 130)  # datums of each batch that is sent
END_S = 20

enter_network()
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed} STRIDE={STRIDE}")
random.seed(seed)
run, storage = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(), "varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})


class Run:
    """One life of a channel: the script under the tracer, what comes after, the checks."""

    def __init__(self, schema, name, sock, port):
        self.shape, self.schema, self.name, self.sock = SHAPES[schema], schema, name, sock
        self.port = port
        self.to = sender(f"127.0.0.1:{port}")
        self.sent, self.bad, self.batches = 0, [], list(SIZES)

    def send(self):
        """The next batch; two of its datagrams are no datums."""
        count = self.batches.pop(0)
        datagrams = [self.shape.make(self.sent + i) for i in range(count)]
        for at in (count // 3, count - 1):
            self.bad.append(b"\xff" * 11 + b"%d" % (self.sent + at))
            datagrams.insert(at, self.bad[-1])
        send_all(self.to, datagrams)
        self.sent += count

    def start(self, **options):
        return Relay(data[self.schema], run, storage, self.name, full_rate=GROUP,
                     listen=f"127.0.0.1:{self.port}", listen_fd=self.sock.fileno(),
                     keep_fds=(self.sock.fileno(),), buffer_bytes=64 << 10, sync_ms=10, **options)

    def script(self, relay):
        """What happens, as conditions to wait for; what follows one happens once it is true."""
        counters = relay.counters
        yield lambda: counters().received >= self.sent + len(self.bad)
        self.send()
        yield lambda: counters().recorded >= self.sent and counters().syncs > 0
        yield lambda: counters().rejects_kept >= len(self.bad)
        os.kill(relay.pid, signal.SIGHUP)  # a Popen would wait for it, and take a stop of ours
        yield lambda: counters().segments > 0
        self.send()
        yield lambda: counters().received >= self.sent + len(self.bad)
        os.kill(relay.pid, signal.SIGTERM)
        yield lambda: False

    def live(self, victim, number):
        """Runs it until the victim's `number`th stop (None: to its end); the stops it had."""
        self.send()
        relay = self.start(wait=False, prefix=PREFIX)
        traced = Traced(relay.pid)
        script = self.script(relay)
        condition = next(script)
        end, killed = time.monotonic() + END_S, False
        while traced.alive(relay.pid) and not killed:
            if condition():
                condition = next(script)
            pid = traced.step()
            if pid:
                mine = victim == "both" or (victim == "receiver") == (pid == relay.pid)
                stops = sum(traced.stops.values()) if victim == "both" else traced.stops[pid]
                killed = mine and stops == number
                if killed:
                    traced.kill({"both": traced.order}.get(victim, [pid]))
                else:
                    traced.go_on(pid)
            assert time.monotonic() < end, f"the run does not end: {relay.messages()}"
        traced.let_go()
        self._reap(relay, traced)
        writer = traced.children()[0] if traced.children() else None
        return {"receiver": traced.stops.get(relay.pid, 0),
                "writer": traced.stops.get(writer, 0), "both": sum(traced.stops.values())}, killed

    def _reap(self, relay, traced):
        """A receiver that lives on is given the rest, and stopped."""
        os.close(relay._ready)  # pylint: disable=protected-access
        while self.batches:
            self.send()
        if traced.alive(relay.pid):
            wait_for(lambda: not queued(self.sock), "the receiver takes the rest")
            relay.process.terminate()
            relay.process.wait(END_S)
            # It has had a killed writer replaced, if need be for the end alone.
            check_equal(os.listdir(run / "rings" / self.name), ["lock"], "left by a receiver")
        else:
            relay.process.returncode = traced.dead[relay.pid]

    def check(self):
        """After another start everything is there, once."""
        relay = self.start()
        wait_for(lambda: not queued(self.sock), "the next receiver takes what is queued")
        relay.stop()
        check_exact(numbers(relay.directory, self.shape), range(self.sent), "recorded")
        kept = [row["datagram"] for row in rejects(relay.directory)]
        check_equal(sorted(kept), sorted(self.bad), "rejects")
        check_equal(os.listdir(run / "rings" / self.name), ["lock"], "left in the ring directory")
        for place in (relay.directory, relay.directory / "rejected"):
            left = [name for name in os.listdir(place) if not name.startswith(("date=", "t-"))
                    and not name.endswith(".avro") and name != "rejected"]
            check_equal(left, [], f"left in {place.name}")
        shutil.rmtree(relay.directory)
        return relay


def held_socket(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    after_failure.append(sock.close)
    big_buffer(sock)
    sock.bind(("127.0.0.1", port))
    return sock


def every_stop(schema, victim, port, phase):
    """The number of stops, and of those it was killed at; an error as text."""
    sock = held_socket(port)
    whole = Run(schema, f"{schema}-{victim}-whole", sock, port)
    stops = whole.live(victim, None)[0][victim]
    whole.check()
    number, kills = 1 + phase % STRIDE, 0
    while number < stops * 2:
        life = Run(schema, f"{schema}-{victim}-{number}", sock, port)
        try:
            killed = life.live(victim, number)[1]
            life.check()
        except Exception as error:  # pylint: disable=broad-except
            return stops, kills, f"{victim} killed at stop {number} of {stops}: {error}"
        if not killed:
            break
        kills += 1
        number += STRIDE
    assert drops(sock) == 0, "the held socket had no room"
    sock.close()
    return stops, kills, None


def job(_stopping, *arguments):
    try:
        return every_stop(*arguments)
    except Skip as why:
        return why


for at, shown in enumerate(("receiver", "writer", "both")):
    phases = [random.randrange(STRIDE) for _ in SHAPES]
    jobs = {schema: Background(job, schema, shown, 26000 + 2 * at + i, phases[i])
            for i, schema in enumerate(SHAPES)}
    for schema, background in jobs.items():
        with case(f"{schema}: {shown} killed at every {STRIDE}. stop: each datagram is there once"):
            result = background.result(stop=False)
            if isinstance(result, Skip):
                raise result
            print(f"# {result[1]} kills over {result[0]} stops")
            assert not result[2], result[2]
            assert result[1] * STRIDE >= result[0] // 2 > 50, "it was not killed often enough"

finish()
