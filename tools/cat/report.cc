#include "tools/cat/report.h"

#include "tools/lib/counted.h"

namespace sdr::cat {
namespace {

std::string verdict(const Tally& tally) {
  if (!tally.fatal.empty()) return tally.fatal;
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (tally.header_damaged) add("header damaged");
  if (tally.damages > 0)
    add("damaged in " + counted(tally.damages, "place") + ", " + counted(tally.lost_bytes, "byte") +
        " lost");
  if (tally.lost_datums > 0) add(counted(tally.lost_datums, "datum") + " unreadable");
  if (tally.utf8_bad > 0) add(counted(tally.utf8_bad, "datum") + " not UTF-8");
  if (text.empty()) text = "ok";
  if (tally.recovered) add("recovered");
  if (tally.open_segment) add("open");
  if (tally.tail_bytes > 0) add(counted(tally.tail_bytes, "byte") + " of a block not finished yet");
  return text;
}

}  // namespace

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

std::string check_text(const Tally& tally, bool utc) {
  std::string text = counted(tally.datums, "datum") + ", " + counted(tally.blocks, "block") + ", " +
                     counted(tally.bytes, "byte");
  if (tally.started_us >= 0) text += ", started " + time_text(tally.started_us, utc);
  return text + ": " + verdict(tally);
}

std::string printable(std::string_view text) {
  constexpr size_t kMax = 200;
  std::string out(text.substr(0, kMax));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.size() > kMax ? out + "..." : out;
}

}  // namespace sdr::cat
