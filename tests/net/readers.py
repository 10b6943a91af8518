#!/usr/bin/python3
"""What is recorded is what other people's readers read: avrocat, python3-avro, npm's avsc and
avro-js. tests/readers has those that take more to install."""
import math
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, storage_dir  # noqa: E402
from avro_value import Decoder  # noqa: E402
from read_back import check_reader, check_same, known_pairs, random_pair, record  # noqa: E402
from segments import Segment, avro_js, avrocat, avsc, python_avro  # noqa: E402

PAIRS = int(os.environ.get("PAIRS", "210"))

enter_network()
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed}")
rng = random.Random(seed)
run, storage = run_dir(), storage_dir()


def is_finite(value):
    """avrocat prints no line for a datum with a number that JSON has no word for."""
    if isinstance(value, (list, dict)):
        return all(map(is_finite, value if isinstance(value, list) else value.values()))
    return not isinstance(value, float) or math.isfinite(value)


def has_nul_key(value):
    """libavro-c takes map keys for C strings too: two that agree up to a NUL become one."""
    if isinstance(value, dict):
        return any("\0" in key or has_nul_key(item) for key, item in value.items())
    return isinstance(value, list) and any(map(has_nul_key, value))


def as_avrocat_prints(value):
    """avrocat's JSON output takes bytes, fixed and strings for C strings: they end at a NUL."""
    if isinstance(value, str):
        return value.partition("\0")[0]
    if isinstance(value, list):
        return [as_avrocat_prints(item) for item in value]
    if isinstance(value, dict):
        return {as_avrocat_prints(key): as_avrocat_prints(item) for key, item in value.items()}
    return value


def check_avrocat(pair):
    decoder = Decoder(pair.schema, tagged=True)
    sent = [value for value in map(decoder.value, pair.datums) if is_finite(value)]
    found = avrocat(pair.path)
    check_equal(len(found), len(sent), f"{pair.path.name}: datums that avrocat reads")
    clear = [at for at, value in enumerate(sent) if not has_nul_key(value)]
    check_same(pair, [found[at] for at in clear], [as_avrocat_prints(sent[at]) for at in clear],
               "avrocat")


def check_python(pair):
    decoder = Decoder(pair.schema)
    sent = [decoder.value(datum) for datum in pair.datums]
    check_same(pair, python_avro(pair.path), sent, "python3-avro")


def check_all(pairs, label):
    with case(f"{label}: recorded byte for byte, schema text kept"):
        for pair in pairs:
            segment = Segment(pair.path)
            check_equal(segment.data(), b"".join(pair.datums), f"{pair.path.name}: data")
            check_equal(segment.schema, pair.schema, f"{pair.path.name}: schema")
    with case(f"{label}: avrocat reads what was sent"):
        for pair in pairs:
            check_avrocat(pair)
    with case(f"{label}: python3-avro reads what was sent"):
        for pair in pairs:
            check_python(pair)
    with case(f"{label}: avsc reads what was sent"):
        check_reader(pairs, avsc, "avsc")
    with case(f"{label}: avro-js reads what was sent"):
        check_reader(pairs, avro_js, "avro-js")


known = known_pairs()
record(run, storage, known)
check_all([known["fixed"]], "fixed-size schema")
check_all([known["every"]], "schema of every type")

pairs = {f"random-{number:03}": random_pair(rng) for number in range(PAIRS)}
record(run, storage, pairs)
check_all(list(pairs.values()), f"{PAIRS} random schemas with random data")

finish()
