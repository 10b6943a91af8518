#!/usr/bin/python3
"""The relay for other machines, built by `make arm`: what is in the file, and its unit tests by an
emulator. That has no receive times (SO_TIMESTAMPNS), so the relay cannot run there as a whole."""
import shutil
import struct
import subprocess

from sdrtest import BUILD, Skip, case, check_equal, enter_plainly, finish

LIMIT = 100 << 10
PAGES_MAX = 65536  # of arm64 kernels: 4, 16 and 64 KiB
# Of Debian's compiler: (the emulator, sizes of a page to try).
MACHINES = {"aarch64-linux-gnu": ("qemu-aarch64-static", (4096, 16384, 65536)),
            "arm-linux-gnueabihf": ("qemu-arm-static", (4096,))}
PT_LOAD, PT_INTERP = 1, 3


def program_headers(data):
    """(type, offset, virtual address, alignment) of each, of an ELF file."""
    wide = data[4] == 2
    at, size, count = struct.unpack_from("<Q14xHH" if wide else "<L10xHH", data, 32 if wide else 28)
    for number in range(count):
        where = at + number * size
        if wide:
            kind, offset, address = struct.unpack_from("<L4xQQ", data, where)
            align, = struct.unpack_from("<Q", data, where + 48)
        else:
            kind, offset, address = struct.unpack_from("<LLL", data, where)
            align, = struct.unpack_from("<L", data, where + 28)
        yield kind, offset, address, align


def emulator(machine):
    name = MACHINES[machine][0]
    if not shutil.which(name):
        raise Skip(f"no {name}; apt-get install qemu-user-static")
    return name


def check_file(path):
    data = path.read_bytes()
    check_equal(data[:4], b"\x7fELF", "magic")
    assert len(data) <= LIMIT, f"{len(data)} bytes"
    headers = list(program_headers(data))
    assert PT_INTERP not in [kind for kind, *_ in headers], "it needs a dynamic loader"
    loads = [header[1:] for header in headers if header[0] == PT_LOAD]
    check_equal(len(loads), 2, "segments")
    for offset, address, align in loads:
        assert align >= PAGES_MAX and (address - offset) % PAGES_MAX == 0, "not for large pages"
    print(f"{path}: {len(data)} bytes")


enter_plainly()
for machine, (_, pages) in MACHINES.items():
    relay = BUILD / machine / "bin/sdr-relay"
    with case(f"{machine}: static, at most {LIMIT} bytes, and for pages of any size"):
        check_file(relay)
    with case(f"{machine}: the unit tests of the relay"):
        done = subprocess.run([emulator(machine), BUILD / machine / "relay-unit"],
                              capture_output=True, text=True, check=False)
        print(done.stdout[-300:])
        assert done.returncode == 0 and " 0 failed" in done.stdout, done.stdout[-2000:]
    for page in pages:
        with case(f"{machine}: it starts with pages of {page} bytes"):
            words = [emulator(machine), "-p", str(page), relay, "--version"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            check_equal((done.returncode, done.stdout[:10]), (0, "sdr-relay "), "exit and output")
finish()
