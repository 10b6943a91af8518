"""A relay with streams in trouble, beside one that leaves by lo and must not notice."""
import errno

from relay import Relay
from sdrtest import after_failure, check_equal, wait_for
from segments import check_exact, numbers
from udp import Collector, Feeder, Fixed, Varying, sender, subscriber

LISTEN, HEALTHY = "127.0.0.1:26000", "239.1.1.1:6000"
small, large, varying = Fixed(200), Fixed(1000), Varying()
SHAPES = {"small": small, "large": large, "varying": varying}
SCHEMAS = {name: shape.schema for name, shape in SHAPES.items()}


class Scene:
    """Stream 0 is the healthy one, the troubled ones are 1 and up."""

    def __init__(self, place, name, *troubled, shape=small, rate=1000, healthy=True, **options):
        data, run, storage = place
        self.shape, self.seen = shape, Collector(subscriber(HEALTHY)) if healthy else None
        if healthy:
            options["full_rate"] = HEALTHY
        schema = next(one for one, other in SHAPES.items() if other is shape)
        self.relay = Relay(data[schema], run, storage, name,
                           decimated=[f"{to},factor=1" for to in troubled], **options)
        self.troubled = troubled
        self.feeder = Feeder(sender(LISTEN), shape, rate) if rate else None
        after_failure.append(self.abandon)

    def abandon(self):
        if self.feeder:
            self.feeder.stop()
            self.feeder = None

    def sent(self, at=1):
        return self.relay.counters().streams[at][0]

    def errors(self, at=1):
        return self.relay.counters().streams[at][2]

    def wait_trouble(self, *wrong, at=1):
        before = self.errors(at)
        wait_for(lambda: self.errors(at) > before + 20, "datagrams fail")
        last = self.relay.counters().streams[at][3]
        assert last in wrong, f"the last error is {errno.errorcode.get(last, last)}"

    def wait_well(self, at=1):
        """The stream is itself again, and says so."""
        here = self.sent(at)
        wait_for(lambda: self.sent(at) > here + 20, "datagrams leave again", 5)
        lines = self.lines(at)
        wait_for(lambda: len(self.lines(at)) % 2 == 0, f"an end of the trouble beside {lines}")

    def lines(self, at=1):
        name = f"stream {self.troubled[at - 1]}: "
        return [line for line in self.relay.messages().splitlines() if name in line]

    def end(self, spells=1, healthy=True, exact=True):
        """Everything is recorded and on the healthy stream, and each troubled one said `spells`
        times that it began and ended."""
        sent = self.feeder.stop()
        self.feeder = None
        self.relay.wait_received(sent)
        self.relay.stop()
        counters = self.relay.counters()
        check_equal((counters.kernel_drops, counters.unrecorded), (0, 0), "dropped, unrecorded")
        check_exact(numbers(self.relay.directory, self.shape), range(sent), "recorded")
        if healthy:
            check_exact(self.shape.numbers(b"".join(self.seen.datagrams())), range(sent),
                        "healthy stream")
            check_equal(counters.streams[0][2], 0, "errors of the healthy stream")
        for at in range(1, len(self.troubled) + 1):
            lines = self.lines(at)
            said = ["unable to send" if "unable to send" in line else
                    "sending again" if "sending again" in line else line for line in lines]
            check_equal(said, ["unable to send", "sending again"] * spells, "lines")
            # A host that does not answer is told of later, for datagrams that were sent.
            both = sum(counters.streams[at][:3:2])
            assert both == sent or not exact and both > sent, f"sent and errors: {both}"
        return sent


def check_part(shape, collector, scene, at=1):
    """What came is what was sent, nothing twice. What was on the way as the link went down, or
    waited for its host's address, is lost. A pair of interfaces has a queue for each CPU: a sender
    that moves from one to another may overtake itself."""
    found = sorted(shape.numbers(b"".join(collector.datagrams())))
    assert found == sorted(set(found)), "doubled"
    assert 100 < len(found) <= scene.sent(at), f"{len(found)} came of {scene.sent(at)}"
