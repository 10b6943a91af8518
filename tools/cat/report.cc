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

std::string check_text(const Tally& tally, bool utc) {
  std::string text = counted(tally.datums, "datum") + ", " + counted(tally.blocks, "block") + ", " +
                     counted(tally.bytes, "byte");
  if (tally.started_us >= 0) text += ", started " + time_text(tally.started_us, utc);
  return text + ": " + verdict(tally);
}

}  // namespace sdr::cat
