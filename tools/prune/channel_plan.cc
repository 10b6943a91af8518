#include "tools/prune/channel_plan.h"

#include <algorithm>
#include <map>

#include "tools/lib/counted.h"

namespace sdr::prune {
namespace {

constexpr int64_t kSecondUs = 1000000;
constexpr int64_t kNameTriesUs = 1000;  // a seal takes the first free name from its start on

int64_t day_of(int64_t time_us) { return time_us - time_us % kDayUs; }

// Whether what waits to be sealed as of `wanted_us` may come to be called after `start_us`.
bool is_near(int64_t start_us, int64_t wanted_us) {
  return wanted_us >= 0 && start_us >= wanted_us && start_us - wanted_us <= kNameTriesUs;
}

bool falls_on(int64_t day_us, int64_t wanted_us) {
  return wanted_us >= 0 &&
         (day_of(wanted_us) == day_us || day_of(wanted_us + kNameTriesUs) == day_us);
}

}  // namespace

ChannelPlan::ChannelPlan(const FoundChannel& channel, const Circumstances& circumstances)
    : channel_(channel),
      circumstances_(circumstances),
      is_gone_(channel.segments.size()),
      is_newest_(channel.segments.size()),
      end_us_(channel.segments.size()),
      used_bytes_(channel.unsealed_bytes) {
  int64_t next_us[] = {-1, -1};  // of the datums', of the rejected ones
  for (size_t i = channel.segments.size(); i-- > 0;) {
    const FoundSegment& segment = channel.segments[i];
    used_bytes_ += segment.bytes();
    if (!segment.data.is_there) continue;
    ++count_;
    newest_us_ = std::max(newest_us_, segment.start_us);
    int64_t* const next = &next_us[segment.is_rejected];
    end_us_[i] = std::max(segment.start_us, segment.data.written_us);
    if (*next >= 0) end_us_[i] = std::min(end_us_[i], *next);
    is_newest_[i] = *next < 0;
    *next = segment.start_us;
  }
}

int64_t ChannelPlan::age_us(size_t i) const {
  const FoundSegment& segment = channel_.segments[i];
  return circumstances_.now_us - (segment.data.is_there ? end_us_[i] : segment.index.written_us);
}

void ChannelPlan::take(size_t i) {
  is_gone_[i] = true;
  used_bytes_ -= channel_.segments[i].bytes();
}

std::vector<size_t> ChannelPlan::orphans() const {
  std::vector<size_t> found;
  for (size_t i = 0; i < channel_.segments.size(); ++i) {
    const FoundSegment& segment = channel_.segments[i];
    if (!segment.data.is_there && age_us(i) > kSettledUs && !is_awaited(segment.start_us))
      found.push_back(i);
  }
  return found;
}

std::vector<size_t> ChannelPlan::over(const Limits& limits, size_t* aged,
                                      std::vector<Finding>* findings) const {
  std::vector<size_t> chosen;
  if (limits.age_s) chosen = over_age(static_cast<int64_t>(*limits.age_s), findings);
  *aged = chosen.size();
  if (!limits.size_bytes) return chosen;
  uint64_t used_bytes = used_bytes_;
  for (const size_t i : chosen) used_bytes -= channel_.segments[i].bytes();
  size_t next_aged = 0;
  for (size_t i = 0; i < is_gone_.size() && used_bytes > *limits.size_bytes; ++i) {
    if (next_aged < *aged && chosen[next_aged] == i) {
      ++next_aged;
    } else if (may_go(i)) {
      chosen.push_back(i);
      used_bytes -= channel_.segments[i].bytes();
    }
  }
  return chosen;
}

std::vector<size_t> ChannelPlan::over_age(int64_t age_s, std::vector<Finding>* findings) const {
  if (newest_us_ > circumstances_.now_us) {
    findings->push_back({Finding::Kind::kTrouble, name(),
                         "its newest segment begins in the future, so nothing is deleted for its "
                         "age; set the clock, or move that segment away"});
    return {};
  }
  std::vector<size_t> chosen;
  for (size_t i = 0; i < is_gone_.size(); ++i) {
    if (may_go(i) && age_us(i) > age_s * kSecondUs) chosen.push_back(i);
  }
  if (circumstances_.is_clock_synchronised || chosen.empty()) return chosen;
  findings->push_back({Finding::Kind::kTrouble, name(),
                       "the clock is not synchronised, so nothing is deleted for its age, which " +
                           counted(chosen.size(), "segment") + " would be"});
  return {};
}

size_t ChannelPlan::next_freeing(size_t from) const {
  size_t i = from;
  while (i < is_gone_.size() && !(may_go(i) && channel_.segments[i].data.freed_bytes > 0)) ++i;
  return i;
}

std::vector<size_t> ChannelPlan::empty_days() const {
  std::vector<size_t> found;
  if (!channel_.is_open_known || channel_.is_mending) return found;
  std::map<int64_t, uint64_t> deleted;
  for (size_t i = 0; i < is_gone_.size(); ++i) {
    const FoundSegment& segment = channel_.segments[i];
    if (is_gone_[i] && !segment.is_rejected)
      deleted[day_of(segment.start_us)] += segment.data.is_there + segment.index.is_there;
  }
  for (size_t d = 0; d < channel_.days.size(); ++d) {
    const FoundDay& day = channel_.days[d];
    const bool is_settled = day.entries > 0 || circumstances_.now_us - day.changed_us > kSettledUs;
    if (day.entries == deleted[day.start_us] && is_settled && !is_awaited_day(day.start_us) &&
        day.start_us < day_of(circumstances_.now_us))
      found.push_back(d);
  }
  return found;
}

// Whether a segment is to get that name.
bool ChannelPlan::is_awaited(int64_t start_us) const {
  return channel_.is_mending || !channel_.is_open_known ||
         is_near(start_us, channel_.open_start_us) ||
         std::any_of(channel_.torn_us.begin(), channel_.torn_us.end(),
                     [&](int64_t torn_us) { return is_near(start_us, torn_us); });
}

bool ChannelPlan::is_awaited_day(int64_t day_us) const {
  return falls_on(day_us, channel_.open_start_us) ||
         std::any_of(channel_.torn_us.begin(), channel_.torn_us.end(),
                     [&](int64_t torn_us) { return falls_on(day_us, torn_us); });
}

}  // namespace sdr::prune
