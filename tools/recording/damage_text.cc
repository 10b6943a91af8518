#include "tools/recording/damage_text.h"

#include "relay/format/header_check.h"
#include "tools/lib/counted.h"

namespace sdr::recording {

std::string damage_text(const Found& found) {
  const LostRange& lost = found.lost;
  const std::string from = std::to_string(found.offset);
  if (lost.empty_block)
    return "empty block at offset " + from + ": nothing is lost, but many readers stop there";
  std::string text = "bytes " + from + " to " + std::to_string(found.offset + found.size) +
                     (found.size == 1 ? " is lost (" : " are lost (") +
                     counted(found.size, "byte") + ", " + why_lost(lost);
  if (lost.reason != Reject::kNone) text += std::string(": ") + reject_name(lost.reason);
  return text + ")";
}

std::string datum_text(const Found& found, int64_t index, const char* reason) {
  const int64_t lost = found.block.datums - index;
  return "datum " + std::to_string(index + 1) + " of " + std::to_string(found.block.datums) +
         " in the block at offset " + std::to_string(found.offset) + " is unreadable (" + reason +
         "): " + counted(lost, "datum") + (lost == 1 ? " is lost" : " are lost");
}

std::string printable(std::string_view text) {
  constexpr size_t kMax = 200;
  std::string out(text.substr(0, kMax));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.size() > kMax ? out + "..." : out;
}

bool is_header_damaged(const std::string& path, const SegmentReader& reader) {
  const std::string_view header = reader.header();
  const HeaderCheck found =
      check_header({reinterpret_cast<const uint8_t*>(header.data()), header.size()});
  const bool unsealed = path[path.rfind('/') + 1] == '.' && !reader.metadata("sdr.channel").empty();
  return found == HeaderCheck::kBad || (unsealed && found == HeaderCheck::kNone);
}

}  // namespace sdr::recording
