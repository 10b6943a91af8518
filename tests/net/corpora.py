#!/usr/bin/python3
"""Every parser with the inputs that its fuzzer has kept, and mutations of them.

The fuzzers are built with AddressSanitizer and UndefinedBehaviorSanitizer. The mutations are the
same on every run; SDR_FUZZ_RUNS says how many per fuzzer.
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BUILD, ROOT, case, finish  # noqa: E402

CORPUS = ROOT / "tests/fuzz/corpus"
CRASHES = BUILD / "replay/crashes"
RUNS = int(os.environ.get("SDR_FUZZ_RUNS", "6000"))
SLOW = {"cat": 10}  # so many times fewer
TIMEOUT_S = 250
CORPUS_BYTES_MAX = 1 << 20


def replay(name, options=""):
    crash = CRASHES / name
    crash.unlink(missing_ok=True)
    done = subprocess.run(
        [BUILD / "replay/bin" / name, CORPUS / name, str(RUNS // SLOW.get(name, 1)), crash],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        env=os.environ | {"ASAN_OPTIONS": options}, text=True, errors="replace",
        timeout=TIMEOUT_S)
    # Where processes may not be traced, or are traced already, leaks cannot be looked for.
    if "LeakSanitizer has encountered a fatal error" in done.stderr and not options:
        return replay(name, "detect_leaks=0")
    return done.returncode, done.stderr


names = sorted(path.name.removesuffix("_fuzz.cc")
               for path in (ROOT / "tests/fuzz").glob("*_fuzz.cc"))
with case("every fuzzer has a corpus, and every corpus a fuzzer"):
    assert names == sorted(path.name for path in CORPUS.iterdir()), names
with case("the corpora are small"):
    size = sum(path.stat().st_size for path in CORPUS.glob("*/*"))
    assert size <= CORPUS_BYTES_MAX, f"{size} bytes; make fuzz MERGE=1 makes them smaller"

CRASHES.mkdir(parents=True, exist_ok=True)
with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
    results = {name: pool.submit(replay, name) for name in names}
    for name in names:
        with case(f"{name}: kept inputs and mutations of them"):
            code, said = results[name].result()
            print(said.strip()[-4000:])
            assert code == 0, f"exit {code}: {said.partition(chr(10))[0]}"
finish()
