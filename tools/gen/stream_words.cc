#include "tools/gen/stream_words.h"

#include <set>

namespace sdr {
namespace {

// Ordinals of the numbers that this stream carries, beside those that all streams do.
std::set<uint32_t> held_numbers(const Channel& channel, const DecimatedStream& stream) {
  std::set<uint32_t> out;
  for (const std::string& path : stream.hold) {
    const SchemaField* field = find_field(channel.schema, path);
    if (field && field->ordinal && !field->held) out.insert(*field->ordinal);
  }
  if (channel.schema.root_is_time) out.insert(0);
  return out;
}

}  // namespace

std::string decimated_word(const Channel& channel, const DecimatedStream& stream,
                           Defaults defaults) {
  std::string out = stream.to.text();
  out += stream.rate_mhz != 0 ? ",rate-mhz=" + std::to_string(stream.rate_mhz)
                              : ",factor=" + std::to_string(stream.factor);
  if (stream.method != "downsample" || defaults == Defaults::kWritten)
    out += ",method=" + stream.method;
  if (stream.method != "downsample") {
    const char* before = ",hold=";
    for (const uint32_t ordinal : held_numbers(channel, stream)) {
      out += before + std::to_string(ordinal);
      before = "+";
    }
  }
  if (stream.max_wait_ms) out += ",max-wait-ms=" + std::to_string(*stream.max_wait_ms);
  return out;
}

std::string sequence_word(const Channel& channel) {
  const SchemaField* field = find_field(channel.schema, channel.sequence->field);
  std::string out = std::to_string(field && field->ordinal ? *field->ordinal : 0);
  if (channel.sequence->wrap) out += ",wrap=" + std::to_string(*channel.sequence->wrap);
  return out;
}

}  // namespace sdr
