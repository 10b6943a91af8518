// What every fuzzer needs: what must hold, the input in parts, and files made of it.
//
// A fuzzer is one file NAME_fuzz.cc with the function LLVMFuzzerTestOneInput and, where that helps,
// LLVMFuzzerCustomMutator (https://llvm.org/docs/LibFuzzer.html); its inputs are in corpus/NAME.
// `make fuzz` builds it with clang's libFuzzer, `make check` with replay.cc.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <string>
#include <string_view>

#include "relay/fd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace sdr::fuzz {

// Ends the process where `holds` is false, and says where that was asked.
void require(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE());

inline std::string_view text_of(const uint8_t* data, size_t size) {
  if (size == 0) return "";
  return {reinterpret_cast<const char*>(data), size};
}

// An input, taken apart from its front. Behind its end there are zeros, or no bytes.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(text_of(data, size)) {}

  bool empty() const { return rest_.empty(); }
  uint64_t number(size_t bytes);           // little endian
  std::string_view text(size_t size);      // as much of it as there is
  std::string_view until(char separator);  // which is taken, too
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

// A file without a name; path() leads to it all the same.
class MemoryFile {
 public:
  MemoryFile();
  void write(std::string_view content);  // in the place of what it had
  std::string content() const;
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  UniqueFd fd_;
  std::string path_;
};

// A directory below $TMPDIR, removed at exit with all that is in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  void write(const char* name, std::string_view content) const;

 private:
  std::string path_;
  UniqueFd fd_;
};

// Whether `text` is one JSON text (RFC 8259).
bool is_json(std::string_view text);

// Sends what is printed with stdio to nowhere. What sanitizers report goes past stdio.
void silence_stdio();

// A sequence of numbers that depends on `seed` only (xorshift64*).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t next();
  size_t below(size_t limit) { return static_cast<size_t>(next() % limit); }

 private:
  uint64_t state_;
};

}  // namespace sdr::fuzz
