#include "relay/format/header_check.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using namespace sdr;

namespace {

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string checked_header(const char* sync = "0123456789abcdef") {
  const uint8_t* const marker = reinterpret_cast<const uint8_t*>(sync);
  char check[kHeaderCheckBytes];
  begin_header_check(marker, check);
  const MetadataPair pairs[] = {{"avro.schema", "\"long\""},
                                {"sdr.channel", "engine"},
                                {kHeaderCheckKey, {check, sizeof check}}};
  std::vector<uint8_t> out(400);
  out.resize(put_ocf_header({}, pairs, marker, out));
  end_header_check(out);
  return {out.begin(), out.end()};
}

}  // namespace

TEST_CASE("header check: the CRC is the usual one") {
  CHECK(crc32(bytes_of("123456789")) == 0xcbf43926);
  CHECK(crc32({}) == 0);
}

TEST_CASE("header check: good as written; any bit that is flipped is noticed") {
  const std::string good = checked_header();
  REQUIRE(check_header(bytes_of(good)) == HeaderCheck::kGood);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Result<OcfHeader> header = parse_ocf_header(bytes_of(bad));
    if (!header) continue;
    CHECK(check_header(bytes_of(bad).first(header->size)) != HeaderCheck::kGood);
  }
}

TEST_CASE("header check: none, one copied from another file, one that is not the last pair") {
  const std::string none = std::string("Obj\x01", 5) + "0123456789abcdef";
  CHECK(check_header(bytes_of(none.substr(0, 4) + std::string(1, '\0') + "0123456789abcdef")) ==
        HeaderCheck::kNone);
  std::string copied = checked_header();
  copied.replace(copied.size() - kSyncBytes, kSyncBytes, "fedcba9876543210");
  CHECK(check_header(bytes_of(copied)) == HeaderCheck::kNone);
  const std::string good = checked_header();
  std::string more = good;
  more[4] = 8;  // pairs: three and one
  more.insert(more.size() - kSyncBytes - 1, "\x02k\x02v");
  REQUIRE(parse_ocf_header(bytes_of(more)));
  CHECK(check_header(bytes_of(more)) == HeaderCheck::kBad);
}
