#include "relay/option_values.h"

namespace sdr {
namespace {

constexpr uint64_t kOrdinalMax = 65535;  // of a datagram's numbers

// Takes the text up to the next `separator`, or all of it, off the front of *rest.
std::string_view take_part(std::string_view* rest, char separator) {
  const size_t end = rest->find(separator);
  const std::string_view part = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return part;
}

bool parse_method(std::string_view text, Method* out) {
  constexpr std::string_view kMethods[] = {"downsample", "average", "minmax", "rms"};
  for (uint8_t i = 0; i < 4; ++i) {
    if (text != kMethods[i]) continue;
    *out = static_cast<Method>(i);
    return true;
  }
  return false;
}

bool parse_hold(std::string_view text, StreamOptions* out) {
  while (!text.empty()) {
    if (out->hold_count == kHoldMax ||
        !parse_number_into(take_part(&text, '+'), 0, kOrdinalMax, &out->hold[out->hold_count++]))
      return false;
  }
  return out->hold_count > 0;
}

bool parse_part(std::string_view part, StreamOptions* out) {
  const std::string_view key = take_part(&part, '=');
  if (key == "factor") return parse_number_into(part, 1, 1u << 31, &out->window.factor);
  if (key == "rate-mhz") return parse_number_into(part, 1, kRateMhzMax, &out->window.rate_mhz);
  if (key == "method") return parse_method(part, &out->method);
  if (key == "hold") return parse_hold(part, out);
  if (key != "max-wait-ms" || !parse_number_into(part, 1, 86400000, &out->window.max_wait_ns))
    return false;
  out->window.max_wait_ns *= 1000000;
  return true;
}

}  // namespace

bool parse_decimated(std::string_view text, Options* out) {
  if (out->stream_count == kStreamsMax) return false;
  StreamOptions& stream = out->streams[out->stream_count++];
  stream.window.factor = 0;
  if (!parse_endpoint(take_part(&text, ','), &stream.to)) return false;
  while (!text.empty()) {
    if (!parse_part(take_part(&text, ','), &stream)) return false;
  }
  return (stream.window.factor == 0) != (stream.window.rate_mhz == 0);
}

bool parse_sequence(std::string_view text, Options* out) {
  out->has_sequence = true;
  if (!parse_number_into(take_part(&text, ','), 0, kOrdinalMax, &out->sequence_ordinal))
    return false;
  if (text.empty()) return true;
  return take_part(&text, '=') == "wrap" &&
         parse_number_into(text, 2, INT64_MAX, &out->sequence_wrap);
}

}  // namespace sdr
