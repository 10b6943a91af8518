// The relay's own printf beside the real one.
#include <doctest/doctest.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <string>

#define vsnprintf relay_vsnprintf
#define snprintf relay_snprintf
#define fprintf relay_fprintf
#include "relay/libc/printf.cc"
#undef vsnprintf
#undef snprintf
#undef fprintf

namespace {

template <typename... Args>
void check_same(size_t room, const char* format, Args... args) {
  char ours[80];
  char theirs[80];
  memset(ours, '~', sizeof ours);
  memset(theirs, '~', sizeof theirs);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  CHECK(relay_snprintf(ours, room, format, args...) == snprintf(theirs, room, format, args...));
#pragma GCC diagnostic pop
  CHECK(memcmp(ours, theirs, sizeof ours) == 0);
}

}  // namespace

TEST_CASE("printf: what it formats it formats as the C library does, at any room") {
  for (const size_t room : {0ul, 1ul, 2ul, 5ul, 12ul, 13ul, 80ul}) {
    check_same(room, "");
    check_same(room, "plain, 100%%");
    check_same(room, "[%s]: %s: ", "engine", "");
    check_same(room, "%d %d %d", 0, -1, INT32_MIN);
    check_same(room, "%u %x", UINT32_MAX, 0xdeadbeefu);
    check_same(room, "%02x%02x", 7u, 255u);
    check_same(room, "%08X", 0xe1020abu);
    check_same(room, "%020llu", 18446744073709551615ull);
    check_same(room, "%020llu|%06u", 42ull, 1234567u);
    check_same(room, "%lld %lld", INT64_MIN, INT64_MAX);
    check_same(room, "%zu of %lu", SIZE_MAX, 7ul);
  }
}

TEST_CASE("printf: to a file") {
  char text[32] = "";
  FILE* const file = fmemopen(text, sizeof text, "w");
  REQUIRE(file);
  CHECK(relay_fprintf(file, "--%s: %d\n", "ttl", 256) == 11);
  fclose(file);
  CHECK(std::string(text) == "--ttl: 256\n");
}
