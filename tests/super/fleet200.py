#!/usr/bin/python3
"""200 channels under load: edits restart what they must, and no channel loses a datagram."""
from load import SHAPE, Load, check_recorded
from s6tree import Fleet
from sdrtest import case, check_equal, enter_network, finish

COUNT, RATE, FIRST_PORT = 200, 25, 20000
TEN = range(50, 60)  # those that the default of ttl reaches


def name_of(number):
    return f"c{number}"


def port_of(number):
    return FIRST_PORT + number


def prepare(fleet):
    (fleet.config.parent / "schemas" / "s.avsc").write_text(SHAPE.schema, encoding="utf-8")
    for number in range(COUNT):
        fleet.set(name_of(number), port=port_of(number),
                  record='{ sync = "1s", buffer = "64KiB" }')
        if number not in TEN:
            fleet.channels[name_of(number)]["ttl"] = "1"


def edit(fleet, before, changed, what, **apply):
    """Applies; all channels but the changed ones keep their PIDs. Returns what it said."""
    done = fleet.apply(**apply)
    others = [name for name in fleet.channels if name in before and name not in changed]
    check_equal(fleet.pids(*others), {name: before[name] for name in others}, what)
    return done


def edits(fleet, load):
    before = fleet.pids()
    load.flow(3)
    with case("an edit of one of 200 restarts that one alone"):
        fleet.set("c7", ttl="9")
        edit(fleet, before, {"c7"}, "PIDs of the others").has("^~ c7 +restarted: ttl").has(
            "^= 199 unchanged$")
        load.flow(3)
    with case("a default that touches ten restarts those ten"):
        before = fleet.pids()
        ten = {name_of(number) for number in TEN}
        done = edit(fleet, before, ten, "PIDs of the others", extra="ttl = 5\n")
        check_equal({line.split()[1] for line in done.out.splitlines() if line[0] == "~"}, ten,
                    "what was restarted")
        load.flow(3)
    with case("a removal, an addition and a rename in one edit: the others keep their PIDs"):
        before = fleet.pids()
        load.switch(port_of(3), 0)
        fleet.drop("c3").set("new", port=port_of(COUNT), record='{ sync = "1s" }', ttl="1")
        fleet.channels["renamed"] = fleet.channels.pop("c4")
        done = edit(fleet, before, set(), "PIDs of the others", extra="ttl = 5\n")
        done.has("^- c3 +removed$").has("^- c4 +removed$").has("^[+] new ").has("^[+] renamed ")
        load.switch(port_of(COUNT), 1)
        load.flow(3)
    with case("nothing new: nothing is restarted"):
        before = fleet.pids()
        fleet.apply(extra="ttl = 5\n").has("^= 200 unchanged; nothing to do$")
        check_equal(fleet.pids(), before, "PIDs")


def main():
    with Fleet() as fleet:
        prepare(fleet)
        with case("200 channels come up"):
            done = fleet.apply()
            check_equal(done.out.count("added, ready in"), COUNT + 2, "services that are ready")
        load = Load([port_of(number) for number in range(COUNT + 1)], RATE)
        for number in range(COUNT):
            load.switch(port_of(number), 1)
        edits(fleet, load)
        load.stop()
        fleet.stop()
        with case("every datagram to each of them is recorded exactly once"):
            names = {number: [name_of(number)] for number in range(COUNT)}
            names[4].append("renamed")
            names[COUNT] = ["new"]
            for number, each in names.items():
                check_recorded(fleet.storage, each, load.sent(port_of(number)))


if __name__ == "__main__":
    enter_network()
    main()
    finish()
