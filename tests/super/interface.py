#!/usr/bin/python3
"""An interface that is removed and comes back, under the supervisor: relays without privileges,
whose sockets are held, hear it again."""
from relay import Counters
from s6tree import Fleet
from sdrtest import Peer, case, check_equal, enter_network, finish, wait_for
from udp import sender

# Bound to the interface, or joined on it. The relay itself mends a group; the others are bound anew
# by who starts it.
LISTEN = {"unicast": "0.0.0.0:26001", "local": "[ff12::22]:26002", "group": "239.2.2.2:26003"}

enter_network()
peer = Peer()


def hears(fleet, name):
    """Sends one datum from the far side."""
    with peer.inside():
        to = LISTEN[name].replace("0.0.0.0", Peer.NEAR4)
        sender(to, "far" if to.startswith("[") else None).send(bytes(8))
    return Counters(fleet.run / "counters" / name).received


def check_hears(fleet, name):
    before = Counters(fleet.run / "counters" / name).received
    wait_for(lambda: hears(fleet, name) > before + 3, f"{name} hears", 20)


fleet = Fleet()
for channel, listen in LISTEN.items():
    fleet.set(channel, listen=f'"{listen}"', listen_interface='"near"')
with fleet, case("removed and back, twice: each channel hears again; the group keeps its relay"):
    fleet.apply()
    pid = fleet.state("group")["pid"]
    for channel in LISTEN:
        check_hears(fleet, channel)
    for _ in range(2):
        peer.disconnect()
        wait_for(lambda: "not receiving" in fleet.logged("group"), "it is noticed")
        peer.connect()
        for channel in LISTEN:
            check_hears(fleet, channel)
            wait_for(lambda c=channel: fleet.ready(c), f"{channel} is ready")
    check_equal(fleet.state("group")["pid"], pid, "PID of the group's relay")
    check_equal(fleet.logged("unicast").count("fatal: 0.0.0.0:26001: unable to bind"), 2, "lines")

finish()
