#!/usr/bin/python3
"""No datagram is lost over a restart: the receive sockets are held while no relay runs."""
import os
import signal
import socket
import subprocess

from load import SHAPE, Load, check_recorded
from s6tree import Fleet, as_ordinary_user
from sdrtest import alive, case, check_equal, enter_network, finish, wait_for

RATE = 300
PORTS = {"one": 26001, "two": 26002, "three": 26003}


def prepare(fleet):
    (fleet.config.parent / "schemas" / "s.avsc").write_text(SHAPE.schema, encoding="utf-8")
    for name, port in PORTS.items():
        fleet.set(name, port=port, record='{ sync = "200ms" }')
    return fleet


def is_back(fleet, name, pid):
    """Whether it is ready and another process than `pid`; both at one moment."""
    state = fleet.state(name)
    return state["ready"] and state["pid"] != pid


def restart_all(fleet):
    before = {name: fleet.state(name)["pid"] for name in fleet.channels}
    for name in fleet.channels:
        fleet.svc("-r", name)
    for name in fleet.channels:
        wait_for(lambda: is_back(fleet, name, before[name]), f"{name} is back")


def kill(fleet, name):
    """Kills a service and waits until it is back."""
    wait_for(lambda: fleet.ready(name), f"{name} is up")
    pid = fleet.state(name)["pid"]
    assert pid > 1, f"{name} has pid {pid}"
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: is_back(fleet, name, pid), f"{name} is back")


def kill_holder(fleet, holder):
    """Kills one of the holders and waits until it is back with all that the other has."""
    ids = fleet.held(holder)
    kill(fleet, holder)
    wait_for(lambda: fleet.held(holder) == ids, "it has the sockets again")


def restarts(prefix):
    with Fleet() as fleet:
        prepare(fleet).apply()
        load = Load(PORTS.values(), RATE).start()
        load.flow(200)
        with case(prefix + "under load: s6-svc -r, -h, kill -9, and applied changes"):
            for _ in range(3):
                restart_all(fleet)
                kill(fleet, "one")
                fleet.svc("-h", "two")
                load.flow(50)
            for key, value in (("ttl", "7"), ("record", '{ sync = "100ms", buffer = "1MiB" }'),
                               ("receive_buffer", '"200KiB"'), ("catch_up", '"9s"')):
                fleet.set("three", **{key: value}).apply().has(f"^~ three +restarted: {key}")
                load.flow(20)
        with case(prefix + "a channel gets another name and keeps its socket"):
            fleet.channels["renamed"] = fleet.channels.pop("two")
            done = fleet.apply().has("^- two +removed").has(r"^\+ renamed +added")
            load.flow(50)
            assert "restarted" not in done.out
        with case(prefix + "a holder is killed: it has the sockets again, nothing is lost"):
            for holder in ("fdholder", "fdholder2", "fdholder"):
                kill_holder(fleet, holder)
                restart_all(fleet)
                load.flow(50)
        with case(prefix + "the kernel queues while a channel is stopped by hand"):
            fleet.svc("-wD", "-d", "one")
            load.flow(60)
            fleet.svc("-wU", "-u", "one")
            load.flow(50)
        load.stop()
        fleet.stop()
        for name, names in (("one", ["one"]), ("two", ["two", "renamed"]), ("three", ["three"])):
            with case(prefix + f"every datagram to {name} is recorded exactly once"):
                check_recorded(fleet.storage, names, load.sent(PORTS[name]))


def bound(port):
    """Whether the port is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def replacements(prefix):
    with Fleet() as fleet:
        prepare(fleet).apply()
        with case(prefix + "a changed listen replaces the held socket, a removal drops it"):
            check_equal(fleet.held(), [f"udp:127.0.0.1:{port}" for port in (26001, 26002, 26003)],
                        "the sockets that are held")
            fleet.set("one", port=26009).drop("three").apply()
            for holder in ("fdholder", "fdholder2"):
                check_equal(fleet.held(holder), ["udp:127.0.0.1:26002", "udp:127.0.0.1:26009"],
                            f"the sockets in {holder}")
            assert bound(26009) and not bound(26001) and not bound(26003)
        with case(prefix + "the same port on another address: the old socket makes way"):
            fleet.set("one", listen='"0.0.0.0:26009"').apply().has("^~ one +restarted: listen")
            check_equal(fleet.held(), ["udp:0.0.0.0:26009", "udp:127.0.0.1:26002"], "what is held")
        with case(prefix + "a change that fails: the old socket was held all the time"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind(("127.0.0.1", 0))
                load = Load([26002], RATE).start()
                load.flow(20)
                fleet.set("two", port=taken.getsockname()[1]).apply(expect=4)
                load.flow(20)
                load.stop()
            check_equal(fleet.held(), ["udp:0.0.0.0:26009", "udp:127.0.0.1:26002"], "what is held")
        fleet.stop()
        with case(prefix + "nothing was lost over the change that failed"):
            check_recorded(fleet.storage, ["two"], load.sent(26002))
    with Fleet() as fleet, case(prefix + "a holder copies more sockets than a dump can carry"):
        prepare(fleet).apply()
        store = ["s6-fdholder-store", "-d", "0", fleet.run / "held" / "fdholder2"]
        for number in range(300):
            subprocess.run([*store, f"udp:{number}"], check=True, stdin=subprocess.DEVNULL)
        ids = fleet.held("fdholder2")
        check_equal(len(ids), 303, "sockets in one")
        kill(fleet, "fdholder")
        wait_for(lambda: fleet.held("fdholder") == ids, "the other one has them too")
    with Fleet() as fleet, case(prefix + "without holders a channel runs, and says so"):
        prepare(fleet).apply()
        for holder in ("fdholder", "fdholder2"):
            fleet.svc("-wD", "-d", holder)
        kill(fleet, "one")
        wait_for(lambda: "unable to park the socket in" in fleet.logged("one"), "it says so")
        pid = fleet.state("one")["pid"]
        assert alive(pid)
        fleet.svc("-wU", "-u", "fdholder")
        kill(fleet, "one")
        check_equal(fleet.held(), ["udp:127.0.0.1:26001"], "the sockets that are held again")


def everyone(prefix=""):
    restarts(prefix)
    replacements(prefix)


if __name__ == "__main__":
    enter_network()
    everyone()
    as_ordinary_user(everyone)
    finish()
