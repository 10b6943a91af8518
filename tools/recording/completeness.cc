#include "tools/recording/completeness.h"

#include <algorithm>

#include "tools/lib/counted.h"
#include "tools/lib/time_text.h"

namespace sdr::recording {
namespace {

void add_part(std::string* text, const std::string& part) {
  *text += (text->empty() ? "" : ", ") + part;
}

std::string are(uint64_t count, const char* noun, const char* what) {
  return counted(count, noun) + (count == 1 ? " is " : " are ") + what;
}

}  // namespace

std::string losses_text(const Losses& losses) {
  std::string text;
  const auto add = [&text](uint64_t count, const char* what) {
    if (count > 0) add_part(&text, std::to_string(count) + what);
  };
  if (losses.lost > 0 || losses.gaps > 0)
    add_part(&text, std::to_string(losses.lost) + " lost in " + counted(losses.gaps, "gap"));
  add(losses.kernel_drops, " dropped by the kernel");
  add(losses.unrecorded, " unrecorded");
  add(losses.rejected, " rejected");
  if (losses.damaged_bytes > 0) add_part(&text, counted(losses.damaged_bytes, "byte") + " damaged");
  if (losses.duplicates > 0) add_part(&text, counted(losses.duplicates, "duplicate"));
  add(losses.reordered, " out of order");
  if (losses.resets > 0) add_part(&text, counted(losses.resets, "reset") + " of the sequence");
  if (losses.restarts > 0) add_part(&text, counted(losses.restarts, "start") + " of the relay");
  if (losses.clock_steps > 0) add_part(&text, counted(losses.clock_steps, "clock step"));
  return text;
}

std::string period_text(const LossPeriod& period, bool utc) {
  constexpr size_t kDayBytes = 11;  // "2026-11-22T"
  constexpr size_t kTimeBytes = 15;
  const std::string from = time_text(period.from_us, utc);
  std::string to = time_text(period.to_us, utc);
  if (!period.has_to && !period.has_from) return "at a time not known";
  if (!period.has_to) return "after " + from;
  if (!period.has_from) return "until " + to;
  const size_t zone = kDayBytes + kTimeBytes;
  if (from.compare(0, kDayBytes, to, 0, kDayBytes) == 0 && from.substr(zone) == to.substr(zone))
    to = to.substr(kDayBytes, kTimeBytes);
  return "between " + from + " and " + to;
}

std::string account_text(const Account& account) {
  switch (account.index) {
    case Account::Index::kUnread:
      return "";
    case Account::Index::kMissing:
      return ", no index";
    case Account::Index::kOther:
      return ", its index is another segment's";
    case Account::Index::kBad:
      return ", its index cannot be read: " + account.trouble;
    case Account::Index::kRead:
      break;
  }
  std::string text;
  if (account.rows_without_block > 0)
    add_part(&text, are(account.datums_without_block, "datum", "only in the index"));
  if (account.blocks_without_row > 0)
    add_part(&text,
             are(static_cast<uint64_t>(account.blocks_without_row), "block", "not in the index"));
  if (account.blocks_unlike_row > 0)
    add_part(&text, are(static_cast<uint64_t>(account.blocks_unlike_row), "block",
                        "of another size in the index"));
  if (account.rows_without_times > 0)
    add_part(&text, counted(account.rows_without_times, "row") + " of the index without times");
  if (!account.trouble.empty()) add_part(&text, "the index is damaged: " + account.trouble);
  return text.empty() ? text : ", " + text;
}

std::string losses_lines(const Account& account, bool utc) {
  std::string text;
  for (const LossPeriod& period : account.periods)
    text += "  " + losses_text(period.losses) + " " + period_text(period, utc) + "\n";
  if (account.periods_left_out > 0)
    text += "  more at " + counted(account.periods_left_out, "other time") + "\n";
  Losses untimed = {};
  untimed.duplicates = account.losses.duplicates;
  untimed.reordered = account.losses.reordered;
  if (!is_none(untimed)) text += "  " + losses_text(untimed) + "\n";
  return text;
}

void Completeness::add(const Tally& tally) {
  const Account& account = tally.account;
  ++files_;
  damaged_ += !tally.sound() || account.blocks_unlike_row > 0 ||
              (account.rows_without_block > 0 && account.datums_without_block == 0);
  without_index_ += account.index == Account::Index::kMissing;
  bad_index_ += account.index == Account::Index::kOther || account.index == Account::Index::kBad ||
                !account.trouble.empty();
  unknown_places_ += account.blocks_without_row + account.rows_without_times;
  absent_ = std::max(absent_, absent_ + account.datums_without_block);
  losses_ = losses_ + account.losses;
  if (tally.recovered) recovered_ += static_cast<uint64_t>(tally.datums);
}

bool Completeness::is_missing() const { return !missing_text().empty(); }

std::string Completeness::missing_text() const {
  Losses missing = missing_of(losses_);
  const uint64_t back = std::min(recovered_, missing.rejected);
  missing.rejected -= back;
  std::string text = losses_text(missing);
  if (back > 0 && missing.rejected > 0) text += " (" + std::to_string(back) + " came back)";
  if (absent_ > 0) add_part(&text, are(absent_, "datum", "only in the index"));
  if (damaged_ > 0) add_part(&text, are(static_cast<uint64_t>(damaged_), "file", "damaged"));
  return text;
}

std::string Completeness::unknown_text() const {
  std::string text;
  if (files_ == 0) return "nothing is recorded";
  if (without_index_ > 0) add_part(&text, counted(without_index_, "file") + " without an index");
  if (bad_index_ > 0) add_part(&text, counted(bad_index_, "file") + " with a bad index");
  if (unknown_places_ > 0)
    add_part(&text, counted(unknown_places_, "place") + " where it is not known what was lost");
  return text;
}

std::string Completeness::verdict() const {
  const std::string missing = missing_text();
  const std::string unknown = unknown_text();
  if (missing.empty() && unknown.empty()) return "complete";
  if (missing.empty()) return "not known to be complete: " + unknown;
  return "not complete: " + missing + (unknown.empty() ? "" : "; not known: " + unknown);
}

}  // namespace sdr::recording
