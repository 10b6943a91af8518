#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "relay/format/ocf.h"
#include "relay/format/segment_name.h"
#include "relay/format/varint.h"

using namespace sdr;
using Bytes = std::vector<uint8_t>;

TEST_CASE("varint: round trip at every edge") {
  using Limits = std::numeric_limits<int64_t>;
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{63}, int64_t{64}, int64_t{-64},
                        int64_t{-65}, int64_t{8191}, int64_t{8192}, Limits::max(), Limits::min()}) {
    uint8_t bytes[kVarintBytesMax];
    const size_t size = put_varint(value, bytes);
    const uint8_t* at = bytes;
    int64_t back = 0;
    CHECK(get_varint(&at, bytes + size, &back) == VarintStatus::kOk);
    CHECK(back == value);
    CHECK(at == bytes + size);
    at = bytes;
    CHECK(get_varint(&at, bytes + size - 1, &back) == VarintStatus::kShort);
    CHECK(at == bytes);
  }
}

TEST_CASE("segment names: there and back, and nothing else is one") {
  for (int64_t time_us :
       {int64_t{0}, int64_t{1}, int64_t{951782400000000}, int64_t{1709164800123456},
        int64_t{1795378500999999}, int64_t{253402300799999999}}) {
    char name[kSegmentNameBytesMax];
    const size_t size = put_segment_name("engine", time_us, name);
    CHECK(strlen(name) == size);
    CHECK(parse_segment_name("engine", name) == time_us);
    char date[kDateDirBytes + 1];
    put_date_dir(time_us, date);
    CHECK(parse_date_dir(date) == time_us / 86400000000 * 86400000000);
    char iso[kIsoTimeBytes + 1];
    put_iso_time(time_us, iso);
    CHECK(parse_iso_time(iso) == time_us);
  }
  char name[kSegmentNameBytesMax];
  put_segment_name("engine", 1795378500000000, name);
  CHECK(std::string(name) == "engine_20261122T201500.000000Z.avro");
  CHECK(parse_segment_name("engin", name) == -1);
  CHECK(parse_segment_name("engine2", name) == -1);
  for (const char* bad :
       {"engine_20261122T201500.000000Z.avr", "engine_20261122T201500.000000Z.avro2",
        "engine_20260230T201500.000000Z.avro", "engine_20261122T241500.000000Z.avro",
        "engine_20261122T201560.000000Z.avro", "engine_19691231T235959.000000Z.avro",
        "engine_2026112xT201500.000000Z.avro", "engine-20261122T201500.000000Z.avro", ""})
    CHECK_MESSAGE(parse_segment_name("engine", bad) == -1, bad);
  CHECK(parse_date_dir("date=2026-13-01") == -1);
  CHECK(parse_date_dir("date=2026-11-22x") == -1);
  CHECK(parse_date_dir("2026-11-22") == -1);
}

TEST_CASE("channel names") {
  CHECK(is_channel_name("a"));
  CHECK(is_channel_name("0-_z"));
  CHECK(is_channel_name(std::string(63, 'a')));
  for (const std::string& bad :
       {std::string(), std::string(64, 'a'), std::string("-a"), std::string("_a"), std::string("A"),
        std::string("a.b"), std::string("a/b"), std::string("a\n"), std::string("\xc3\xa9")})
    CHECK_FALSE(is_channel_name(bad));
}

namespace {

const uint8_t kMarker[kSyncBytes] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Bytes header_with(std::span<const MetadataPair> pairs) {
  Bytes out(4096);
  out.resize(put_ocf_header({}, pairs, kMarker, out));
  return out;
}

Bytes block_of(int64_t datums, const Bytes& data) {
  Bytes out(kBlockHeadBytesMax);
  out.resize(put_block_head(static_cast<uint64_t>(datums), data.size(), out.data()));
  out.insert(out.end(), data.begin(), data.end());
  out.insert(out.end(), kMarker, kMarker + kSyncBytes);
  return out;
}

}  // namespace

TEST_CASE("OCF header: written, read, extended") {
  const MetadataPair pairs[] = {{"avro.schema", "\"long\""}, {"avro.codec", "null"}};
  const Bytes bytes = header_with(pairs);
  Result<OcfHeader> header = parse_ocf_header(bytes);
  REQUIRE(header);
  CHECK(header->size == bytes.size());
  CHECK(header->pair_count == 2);
  CHECK(memcmp(header->sync, kMarker, kSyncBytes) == 0);
  const std::span<const uint8_t> schema = ocf_metadata(bytes, "avro.schema");
  CHECK(std::string(schema.begin(), schema.end()) == "\"long\"");
  CHECK(ocf_metadata(bytes, "avro.nothing").data() == nullptr);

  const MetadataPair more[] = {{"sdr.host", "here"}};
  Bytes longer(4096);
  const size_t size = put_ocf_header(*header, more, kMarker, longer);
  REQUIRE(size > bytes.size());
  Result<OcfHeader> again = parse_ocf_header({longer.data(), size});
  REQUIRE(again);
  CHECK(again->pair_count == 3);
  CHECK(ocf_metadata({longer.data(), size}, "sdr.host").size() == 4);
  CHECK(put_ocf_header(*header, more, kMarker, {longer.data(), size - 1}) == 0);
  CHECK(put_ocf_header(*header, more, kMarker, {longer.data(), size}) == size);
}

TEST_CASE("OCF header: cut at every place it is no header, and never read past") {
  const MetadataPair pairs[] = {{"avro.schema", "\"long\""}, {"avro.codec", "null"}};
  const Bytes bytes = header_with(pairs);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<long>(size));
    CHECK_FALSE(parse_ocf_header(cut));
  }
  CHECK(std::string(parse_ocf_header(Bytes{'P', 'K', 3, 4}).error().what) == "not an Avro file");
}

TEST_CASE("OCF block: whole, short, damaged") {
  const Bytes good = block_of(3, {7, 8, 9});
  OcfBlock block;
  REQUIRE(parse_ocf_block(good, kMarker, &block) == BlockStatus::kOk);
  CHECK(block.datums == 3);
  CHECK(block.size == good.size());
  CHECK(block.data.size() == 3);
  CHECK(parse_ocf_block({}, kMarker, &block) == BlockStatus::kEnd);
  for (size_t size = 1; size < good.size(); ++size)
    CHECK(parse_ocf_block({good.data(), size}, kMarker, &block) == BlockStatus::kShort);
  for (size_t i = good.size() - kSyncBytes; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    CHECK(parse_ocf_block(bad, kMarker, &block) == BlockStatus::kDamaged);
  }
  CHECK(parse_ocf_block(block_of(0, {}), kMarker, &block) == BlockStatus::kDamaged);
  CHECK(parse_ocf_block(Bytes{1, 2}, kMarker, &block) == BlockStatus::kDamaged);  // count -1
  CHECK(parse_ocf_block(Bytes{2, 1}, kMarker, &block) == BlockStatus::kDamaged);  // size -1
  CHECK(parse_ocf_block(Bytes(4096, 0), kMarker, &block) == BlockStatus::kDamaged);
  CHECK(parse_ocf_block(Bytes(11, 0xff), kMarker, &block) == BlockStatus::kDamaged);
}
