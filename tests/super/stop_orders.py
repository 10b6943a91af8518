#!/usr/bin/python3
"""Feed, relay (TERM) and tree stopped in every order: complete files, nothing doubled."""
import itertools
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from relay import Counters  # noqa: E402
from segments import numbers  # noqa: E402
from tree import Tree  # noqa: E402
from udp import Collector, Feeder, Varying, sender, subscriber  # noqa: E402

RATE = 5000
GROUP = "239.1.1.1:6000"
CHANNEL = f"""
[channel.engine]
listen = "127.0.0.1:26000"
schema = "engine.avsc"
full_rate = "{GROUP}"
"""

enter_network()
shape = Varying()

for order in itertools.permutations(("feed", "relay", "tree")):
    with case(f"{', then '.join(order)}: complete files, all that was received, once"):
        tree = Tree(storage_dir(), run_dir())
        (tree.directory / "engine.avsc").write_text(shape.schema, encoding="utf-8")
        tree.configure(CHANNEL, 'record = { sync = "1s", rotate = "1s", size = "128KiB" }')
        tree.start()
        tree.apply()
        seen = Collector(subscriber(GROUP))
        feeder = Feeder(sender("127.0.0.1:26000"), shape, RATE)
        counters = lambda: Counters(tree.run / "counters/engine")
        wait_for(lambda: counters().received > 1000, "datagrams come")
        for what in order:
            if what == "feed":
                sent = feeder.stop()
            elif what == "tree":
                tree.stop()
            elif tree.pid("engine"):
                os.kill(tree.pid("engine"), signal.SIGTERM)
            time.sleep(0.3)
        live = shape.numbers(b"".join(seen.datagrams()))
        check_equal(live, sorted(set(live)), "the live stream, in order and without doubles")
        check_equal(len(live), counters().received, "relayed: all that was received")
        check_equal(numbers(tree.recordings("engine"), shape), live, "recorded")
        assert not list(tree.storage.glob("**/.open")), ".open is still there"
        assert live[-1] < sent

finish()
