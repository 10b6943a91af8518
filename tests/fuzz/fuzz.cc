#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace sdr::fuzz {

void require(bool holds, const char* file, int line) {
  if (holds) return;
  dprintf(STDERR_FILENO, "%s:%d: this does not hold\n", file, line);
  abort();
}

uint64_t Input::number(size_t bytes) {
  const std::string_view digits = text(bytes);
  uint64_t value = 0;
  for (size_t i = digits.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(digits[i]);
  return value;
}

std::string_view Input::text(size_t size) {
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(taken.size());
  return taken;
}

std::string_view Input::until(char separator) {
  const size_t end = rest_.find(separator);
  const std::string_view taken = text(end);
  if (end != std::string_view::npos) rest_.remove_prefix(1);
  return taken;
}

MemoryFile::MemoryFile() : fd_(memfd_create("input", MFD_CLOEXEC)) {
  require(static_cast<bool>(fd_));
  path_ = "/proc/self/fd/" + std::to_string(fd_.get());
}

void MemoryFile::write(std::string_view content) {
  require(ftruncate(fd_.get(), 0) == 0);
  require(pwrite(fd_.get(), content.data(), content.size(), 0) ==
          static_cast<ssize_t>(content.size()));
  require(lseek(fd_.get(), 0, SEEK_SET) == 0);
}

std::string MemoryFile::content() const {
  struct stat status;
  require(fstat(fd_.get(), &status) == 0);
  std::string out(static_cast<size_t>(status.st_size), '\0');
  require(pread(fd_.get(), out.data(), out.size(), 0) == status.st_size);
  return out;
}

ScratchDirectory::ScratchDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "sdr-fuzz-XXXXXX").string();
  require(mkdtemp(path_.data()) != nullptr);
  fd_.reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  require(static_cast<bool>(fd_));
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code unused;
  std::filesystem::remove_all(path_, unused);
}

void ScratchDirectory::write(const char* name, std::string_view content) const {
  const UniqueFd file(openat(fd_.get(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  require(file && ::write(file.get(), content.data(), content.size()) ==
                      static_cast<ssize_t>(content.size()));
}

bool is_json(std::string_view text) {
  json_error_t error;
  json_t* const json = json_loadb(
      text.data(), text.size(), JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
  json_decref(json);
  return json != nullptr;
}

void silence_stdio() {
  FILE* const nowhere = fopen("/dev/null", "we");
  require(nowhere != nullptr);
  stdout = stderr = nowhere;
}

uint64_t Random::next() {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545f4914f6cdd1d;
}

}  // namespace sdr::fuzz
