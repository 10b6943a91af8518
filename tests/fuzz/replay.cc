// A main for fuzzers where there is no libFuzzer: feeds the inputs of a corpus, and mutations of
// them that are the same on every run.
//
//   NAME CORPUS RUNS CRASH    every file of directory CORPUS, and RUNS mutations shared out among
//                             them; what ends the process is left in the file CRASH
//   NAME FILE                 one input
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz.h"

extern "C" size_t __attribute__((weak))
LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed);
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);
// What sanitizers find ends in SIGABRT, too.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kBytesMax = 16384;
constexpr unsigned kTimeoutS = 20;

sdr::fuzz::Random random_numbers(0);
const std::vector<Bytes>* corpus;
const char* crash_path;
const uint8_t* current;
size_t current_size;

void keep_current() {
  if (!crash_path) return;
  const int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool kept = write(fd, current, current_size) == static_cast<ssize_t>(current_size);
  dprintf(STDERR_FILENO, "input %s: %s\n", kept ? "kept" : "lost", crash_path);
  crash_path = nullptr;
}

void on_signal(int number) {
  if (number == SIGALRM) dprintf(STDERR_FILENO, "not done within %u s\n", kTimeoutS);
  keep_current();
  signal(number, SIG_DFL);
  raise(number);
}

void run(const Bytes& bytes) {
  // A copy of its own size, so that a read past its end is seen.
  const Bytes input(bytes.begin(), bytes.end());
  current = input.data();
  current_size = input.size();
  alarm(kTimeoutS);
  LLVMFuzzerTestOneInput(input.data(), input.size());
  alarm(0);
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  sdr::fuzz::require(static_cast<bool>(file));
  return Bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

void flip(Bytes* bytes, size_t at) { (*bytes)[at] ^= static_cast<uint8_t>(1u << (at % 8)); }

void overwrite(Bytes* bytes, size_t at) {
  static constexpr uint64_t kNumbers[] = {0,          1,           0x7f,       0x80,
                                          0xff,       0xffff,      0x7fffffff, 0x80000000,
                                          0xffffffff, 0x100000000, INT64_MAX,  UINT64_MAX};
  const uint64_t number = kNumbers[random_numbers.below(std::size(kNumbers))];
  const size_t size = std::min(size_t{1} << random_numbers.below(4), bytes->size() - at);
  memcpy(bytes->data() + at, &number, size);
}

void insert(Bytes* bytes, size_t at) {
  const Bytes& other = (*corpus)[random_numbers.below(corpus->size())];
  const Bytes& from = random_numbers.below(2) ? other : *bytes;
  if (from.empty()) return;
  const size_t begin = random_numbers.below(from.size());
  const size_t size = std::min(1 + random_numbers.below(64), from.size() - begin);
  const Bytes piece(from.begin() + static_cast<ptrdiff_t>(begin),
                    from.begin() + static_cast<ptrdiff_t>(begin + size));
  bytes->insert(bytes->begin() + static_cast<ptrdiff_t>(at), piece.begin(), piece.end());
}

void mutate(Bytes* bytes) {
  for (size_t steps = 1 + random_numbers.below(4); steps > 0; --steps) {
    if (bytes->empty()) bytes->push_back(0);
    const size_t at = random_numbers.below(bytes->size());
    const auto place = bytes->begin() + static_cast<ptrdiff_t>(at);
    switch (random_numbers.below(6)) {
      case 0:
        flip(bytes, at);
        break;
      case 1:
        (*bytes)[at] = static_cast<uint8_t>(random_numbers.next());
        break;
      case 2:
        overwrite(bytes, at);
        break;
      case 3:
        bytes->erase(place, place + static_cast<ptrdiff_t>(std::min(1 + random_numbers.below(16),
                                                                    bytes->size() - at)));
        break;
      default:
        insert(bytes, at);
    }
  }
  if (bytes->size() > kBytesMax) bytes->resize(kBytesMax);
}

Bytes mutation_of(Bytes bytes) {
  if (!LLVMFuzzerCustomMutator || random_numbers.below(4) == 0) {
    mutate(&bytes);
    return bytes;
  }
  const size_t size = bytes.size();
  bytes.resize(kBytesMax);
  bytes.resize(LLVMFuzzerCustomMutator(bytes.data(), size, kBytesMax,
                                       static_cast<unsigned>(random_numbers.next())));
  return bytes;
}

}  // namespace

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max) {
  Bytes bytes(data, data + size);
  mutate(&bytes);
  bytes.resize(std::min(bytes.size(), size_max));
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    fprintf(stderr, "usage: %s CORPUS RUNS CRASH, or %s FILE\n", argv[0], argv[0]);
    return 100;
  }
  for (int number : {SIGABRT, SIGALRM}) signal(number, on_signal);
  if (argc == 2) {
    run(read_file(argv[1]));
    return 0;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> inputs;
  for (const std::filesystem::path& path : paths) inputs.push_back(read_file(path));
  sdr::fuzz::require(!inputs.empty());
  corpus = &inputs;
  crash_path = argv[3];
  for (const Bytes& input : inputs) run(input);
  const size_t runs = strtoul(argv[2], nullptr, 10);
  for (size_t i = 0; i < runs; ++i) {
    random_numbers = sdr::fuzz::Random(i);
    run(mutation_of(inputs[i % inputs.size()]));
  }
  crash_path = nullptr;
  dprintf(STDERR_FILENO, "%zu inputs, %zu mutations\n", inputs.size(), runs);
}
