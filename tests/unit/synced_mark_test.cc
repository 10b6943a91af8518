// Sectors of zeros, and the mark that vouches for them.
#include "relay/synced_mark.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "relay/fd.h"

namespace sdr {
namespace {

bool holds(const std::vector<uint8_t>& bytes, uint64_t offset) {
  return holds_zero_sector(bytes, offset);
}

TEST_CASE("a sector of zeros counts only where it is whole and aligned to the file") {
  std::vector<uint8_t> bytes(1023, 0);
  CHECK_FALSE(holds({}, 0));
  CHECK_FALSE(holds({}, 511));
  CHECK(holds(bytes, 1));  // 511 bytes to the border, 512 behind it
  CHECK_FALSE(holds(std::vector<uint8_t>(1022, 0), 1));
  CHECK(holds(bytes, 0));
  CHECK(holds(bytes, 512));
  CHECK(holds(bytes, 1ull << 40));
  CHECK(holds(bytes, 511));
  CHECK(holds(std::vector<uint8_t>(512, 0), 0));
  CHECK_FALSE(holds(std::vector<uint8_t>(511, 0), 0));
  CHECK_FALSE(holds(std::vector<uint8_t>(512, 0), 1));
}

TEST_CASE("one byte is enough for a sector not to be zeros") {
  for (size_t at : {0u, 1u, 255u, 511u}) {
    std::vector<uint8_t> bytes(512, 0);
    bytes[at] = 1;
    CHECK_FALSE(holds(bytes, 0));
  }
  std::vector<uint8_t> bytes(1024, 0);
  bytes[511] = 1;
  CHECK(holds(bytes, 0));
  bytes[512] = 1;
  CHECK_FALSE(holds(bytes, 0));
}

TEST_CASE("a mark speaks of its own segment only") {
  char path[] = "/tmp/synced-mark-XXXXXX";
  REQUIRE(mkdtemp(path));
  UniqueFd dir(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  uint8_t sync[kSyncBytes] = {1, 2, 3};
  CHECK(read_synced_mark(dir.get(), sync) == 0);
  CHECK(write_synced_mark(dir.get(), 0640, sync, 12345));
  CHECK(read_synced_mark(dir.get(), sync) == 12345);
  CHECK(write_synced_mark(dir.get(), 0640, sync, ~0ull));
  CHECK(read_synced_mark(dir.get(), sync) == ~0ull);
  sync[15] = 1;
  CHECK(read_synced_mark(dir.get(), sync) == 0);
  sync[15] = 0;
  const std::string name = std::string(path) + "/.synced-01020300000000000000000000000000";
  CHECK(truncate(name.c_str(), 7) == 0);
  CHECK(read_synced_mark(dir.get(), sync) == 0);
  remove_synced_mark(dir.get(), sync);
  CHECK(access(name.c_str(), F_OK) < 0);
  const uint8_t other[kSyncBytes] = {4};
  CHECK(write_synced_mark(dir.get(), 0640, sync, 1));
  CHECK(write_synced_mark(dir.get(), 0640, other, 2));
  remove_other_marks(dir.get(), other);
  CHECK(access(name.c_str(), F_OK) < 0);
  CHECK(read_synced_mark(dir.get(), other) == 2);
  remove_synced_mark(dir.get(), other);
  CHECK(rmdir(path) == 0);
}

TEST_CASE("a mark that cannot be made is an error that says so") {
  UniqueFd dir(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const uint8_t sync[kSyncBytes] = {};
  Status made = write_synced_mark(dir.get(), 0640, sync, 1);
  REQUIRE_FALSE(made);
  CHECK(std::string(made.error().what) == "unable to open the mark of a sync");
}

}  // namespace
}  // namespace sdr
