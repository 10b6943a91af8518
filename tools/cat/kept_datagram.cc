#include "tools/cat/kept_datagram.h"

#include "relay/format/varint.h"
#include "tools/lib/schema.h"

namespace sdr::cat {
namespace {

constexpr int64_t kNameTimeEndUs = 253402300800ll * 1000000;  // the year 10000

bool take_bytes(const uint8_t** at, const uint8_t* end, std::span<const uint8_t>* bytes) {
  int64_t size;
  if (get_varint(at, end, &size) != VarintStatus::kOk || size < 0 || size > end - *at) return false;
  *bytes = {*at, static_cast<size_t>(size)};
  *at += size;
  return true;
}

}  // namespace

bool is_schema_of_kept(std::string_view schema_text) {
  try {
    const CompiledSchema schema = compile_schema(schema_text);
    constexpr const char* kNames[] = {"receive_time", "source", "reason", "datagram"};
    if (schema.layout != "(l!ssy)" || schema.name != "speeddata.RejectedDatagram") return false;
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      if (schema.fields[i].path != kNames[i]) return false;
    }
    return true;
  } catch (const SchemaError&) {
    return false;
  }
}

bool take_kept(std::span<const uint8_t> bytes, KeptDatagram* kept) {
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  std::span<const uint8_t> source;
  std::span<const uint8_t> reason;
  if (get_varint(&at, end, &kept->time_us) != VarintStatus::kOk || kept->time_us < 0 ||
      kept->time_us >= kNameTimeEndUs || !take_bytes(&at, end, &source) ||
      !take_bytes(&at, end, &reason) || !take_bytes(&at, end, &kept->datagram))
    return false;
  kept->reason = {reinterpret_cast<const char*>(reason.data()), reason.size()};
  kept->size = static_cast<size_t>(at - bytes.data());
  return true;
}

}  // namespace sdr::cat
