#!/usr/bin/python3
"""Recordings read by the Avro libraries of Java, which Spark and Trino read with, and of Go."""
import os
import random
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BUILD, Skip, case, enter_network, finish, run_dir, storage_dir  # noqa: E402
from read_back import check_reader, known_pairs, random_pair, record  # noqa: E402
from segments import by_program  # noqa: E402

HERE = Path(__file__).resolve().parent
PAIRS = int(os.environ.get("PAIRS", "40"))
JARS = [f"/usr/share/java/{name}.jar" for name in
        ("avro", "avro-guava-dependencies", "commons-compress", "jackson-core-asl",
         "jackson-mapper-asl", "slf4j-api")]
GO_PACKAGES = Path("/usr/share/gocode")


def java(paths):
    if not shutil.which("java") or not Path(JARS[0]).exists():
        raise Skip("no java with Avro (libavro-java, default-jdk-headless)")
    return by_program("java", ["java", "-cp", ":".join(JARS), HERE / "Read.java"], paths)


def goavro(paths):
    if not shutil.which("go") or not (GO_PACKAGES / "src/github.com/linkedin/goavro").exists():
        raise Skip("no go with goavro (golang-go, golang-github-linkedin-goavro-dev)")
    environment = os.environ | {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": str(GO_PACKAGES),
                                "GOCACHE": str(BUILD / "go")}
    return by_program("goavro", ["go", "run", HERE / "read.go"], paths, env=environment)


enter_network()
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed}")
rng = random.Random(seed)
run, storage = run_dir(), storage_dir()
known = known_pairs()
record(run, storage, known)
pairs = {f"random-{number:03}": random_pair(rng) for number in range(PAIRS)}
record(run, storage, pairs)

# goavro makes nanoseconds of every time, and most of 64 random bits are too many for that.
timeless = [pair for pair in pairs.values() if "logicalType" not in pair.schema]
for name, reader, those in (("Java's Avro", java, list(pairs.values())),
                            ("goavro", goavro, timeless)):
    with case(f"{name} reads what was sent"):
        check_reader(list(known.values()), reader, name)
    with case(f"{name} reads what was sent, of {len(those)} random schemas"):
        check_reader(those, reader, name)

finish()
