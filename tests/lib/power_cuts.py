"""What a disk may hold after its power was cut: all ways where they are few, else a choice."""
import itertools
import math
import random

from power_disk import File


STALE_MAX = 40  # for each point


class Cut:
    """One way: how much of each unsynced file and directory was kept."""

    def __init__(self, disk, name):
        self.disk, self.name = disk, name
        self.changes = {}  # directory: how many of its changes
        self.files = {}    # file: (how many of its size changes, {sector: how many versions})

    def settle(self):
        """A rename is in both of its directories or in neither."""
        again = True
        while again:
            again = False
            for when, pair in self.disk.renames.items():
                need = [sum(change[0] <= when for change in each.changes) for each in pair]
                have = [self.changes.get(each, 0) for each in pair]
                if any(h >= n for h, n in zip(have, need)):
                    for each, h, n in zip(pair, have, need):
                        if h < n:
                            self.changes[each] = n
                            again = True
        return self

    def tree(self):
        """{path: (content, inode)}; a directory's content is None."""
        entries = lambda directory: directory.after_cut(self.changes.get(directory, 0))
        contents, found = {}, {}
        for path, node in self.disk.walk(entries):
            if isinstance(node, File) and node not in contents:
                contents[node] = node.after_cut(*self.files.get(node, (0, {})))
            found[path] = (contents.get(node), id(node))
        return found

    def __str__(self):
        kept = [f"{count} of {len(node.changes)} changes of a directory"
                for node, count in self.changes.items()]
        for node, (sizes, sectors) in self.files.items():
            whole = sum(sectors.get(s, 0) == len(v) for s, v in node.versions.items())
            kept.append(f"{sizes} of {len(node.sizes)} sizes and {whole} of {len(node.versions)} "
                        "new sectors of a file")
        return f"{self.name}: {', '.join(kept) or 'nothing was unsynced'}"


def _sectors(file, sizes, choose):
    return sizes, {sector: choose(*file.choices(sector, sizes), sector) for sector in file.versions}


def _make(disk, name, changes, sizes, sectors):
    """Of functions: changes(directory), sizes(file) and sectors(file) -> choose(least, most, n)."""
    cut = Cut(disk, name)
    for node in disk.unsynced():
        if isinstance(node, File):
            cut.files[node] = _sectors(node, sizes(node), sectors(node))
        else:
            cut.changes[node] = changes(node)
    return cut.settle()


def none(_):
    return 0


def every(node):
    return len(node.sizes if isinstance(node, File) else node.changes)


def old(_):
    return lambda least, most, sector: least


def max_of(least, most, _):
    return most


def new(_):
    return max_of


def plain(disk):
    """The ways that each cut is tried with."""
    yield _make(disk, "nothing kept", none, none, old)
    yield _make(disk, "all kept", every, every, new)
    yield _make(disk, "sizes and names without data", every, every, old)
    yield _make(disk, "data without sizes and names", none, none, new)
    yield _make(disk, "names without data and sizes", every, none, old)
    yield _make(disk, "data and sizes without names", none, every, new)


def stale(disk):
    """All is kept but one sector, which holds an earlier one of its unsynced versions."""
    for file in disk.unsynced():
        for sector, versions in file.versions.items() if isinstance(file, File) else ():
            for count in range(1, len(versions)):
                one = lambda least, most, at: count if at == sector else most
                yield _make(disk, "all kept but a sector, which is stale", every, every,
                            lambda node: one if node is file else max_of)


def ways(disk):
    """How many there are (sectors that a truncation freed are counted too often)."""
    count = 1
    for node in disk.unsynced():
        count *= every(node) + 1
        if isinstance(node, File):
            count *= math.prod(len(versions) + 1 for versions in node.versions.values())
        if count > 1 << 20:
            break
    return count


def all_ways(disk):
    nodes = disk.unsynced()
    files = [node for node in nodes if isinstance(node, File)]
    places = [(file, sector) for file in files for sector in file.versions]
    prefixes = itertools.product(*(range(every(node) + 1) for node in nodes))
    for prefix in prefixes:
        kept = dict(zip(nodes, prefix))
        spans = [range(least, most + 1) for least, most in
                 (file.choices(sector, kept[file]) for file, sector in places)]
        for counts in itertools.product(*spans):
            picked = dict(zip(places, counts))
            yield _make(disk, "one of all ways", kept.get, kept.get, lambda file: (
                lambda least, most, sector: picked[file, sector]))


# What a random cut does with the sectors of a file.

def _mixed(rng):
    share = rng.choice((0.02, 0.2, 0.5, 0.8, 0.98))
    return lambda least, most, _: most if rng.random() < share else rng.randint(least, most)


def _run(file, rng, size, outside, inside):
    """`inside` for `size` sectors in a row, `outside` for the others."""
    first = rng.choice(sorted(file.versions)) if file.versions else 0
    first = first // size * size
    pick = {False: outside, True: inside}
    return lambda least, most, sector: pick[first <= sector < first + size](least, most)


def _sampled_sectors(rng):
    how = rng.randrange(6)
    size = rng.choice((1, 1, 8))  # a sector, or a page
    if how == 0:
        return lambda file: _mixed(rng)
    if how in (1, 2, 3):
        return lambda file: _run(file, rng, size, max, min)
    if how == 4:
        return lambda file: _run(file, rng, size, min, max)
    return new


def sample(disk, rng):
    """One random way."""
    part = lambda node: rng.randint(0, every(node))
    if rng.random() < 0.25:  # one journal for all
        last = rng.choice([event[0] for node in disk.unsynced() for event in
                           (node.sizes if isinstance(node, File) else node.changes)] or [0])
        upto = lambda node: sum(event[0] <= last for event in (
            node.sizes if isinstance(node, File) else node.changes))
        return _make(disk, f"a journal up to {last}", upto, upto, _sampled_sectors(rng))
    return _make(disk, "random", rng.choice((every, part, none)), rng.choice((every, every, part)),
                 _sampled_sectors(rng))


def cuts(disk, rng, random_count, all_max):
    """Where there are at most `all_max` ways all of them, else the plain and some random ones."""
    if ways(disk) <= all_max:
        yield from all_ways(disk)
        return
    yield from plain(disk)
    yield from itertools.islice(stale(disk), STALE_MAX)
    for _ in range(random_count):
        yield sample(disk, rng)


__all__ = ["Cut", "cuts", "random"]
