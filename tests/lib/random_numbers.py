"""Random values for the numbers of a datum, each number in a mood of its own.

A mood keeps to one kind of trouble (ties, extremes, NaN, denormals, sums that overflow…), so that
a window of many datums has it and still has a result that tells something.
"""
import ctypes
import math

WIDTH = {"int": 31, "long": 63}


def _small(rng):
    return rng.randint(-3, 3)


def _full(rng, most):
    return rng.randint(-most - 1, most)


def _edges(rng, most):
    return rng.choice([most, most - 1, -most - 1, -most, 0])


def _whole_mood(rng, kind):
    most = 2**WIDTH[kind] - 1
    return rng.choice([
        lambda: _small(rng), lambda: _full(rng, most), lambda: _edges(rng, most),
        lambda: most - (rng.random() < 0.1), lambda: -most - 1,
        lambda: 1000 + _small(rng), lambda: rng.choice([_small(rng), _full(rng, most)]),
        # Sums about 2^53, which no double holds.
        lambda: min(2**53, most) - rng.randint(0, 3)])


def _float_mood(rng, kind):
    largest, least, tiny = (3.4028234663852886e38, 1e-45, 1e-38) if kind == "float" else \
        (1.7976931348623157e308, 5e-324, 2.2e-308)
    rarely = rng.choice([0.02, 0.2])
    strange = rng.choice([math.nan, math.inf, -math.inf])
    return rng.choice([
        lambda: rng.gauss(0, 1), lambda: 1e6 + rng.gauss(0, 1e-3),
        lambda: rng.uniform(-1, 1) * 10**rng.uniform(-20, 20),
        lambda: strange if rng.random() < rarely else rng.gauss(5, 1),
        lambda: rng.choice([math.inf, -math.inf, 1.0]) if rng.random() < rarely else -1.0,
        lambda: strange, lambda: rng.choice([0.0, -0.0]), lambda: -0.0,
        lambda: rng.randint(-5, 5) * least, lambda: rng.uniform(-2, 2) * tiny,
        # Squares that are denormal, or overflow.
        lambda: rng.uniform(-1, 1) * math.sqrt(tiny), lambda: rng.uniform(-1, 1) * largest,
        lambda: largest, lambda: rng.choice([largest, -largest, 1.0])])


class Moods:
    """Makes values for a list of decimation.Number."""

    def __init__(self, rng, numbers):
        self._moods = [(number, (_whole_mood if number.kind in WIDTH else _float_mood)
                        (rng, number.kind)) for number in numbers]

    def fill(self, tree):
        for number, mood in self._moods:
            value = mood()
            number.set(tree, ctypes.c_float(value).value if number.kind == "float" else value)
