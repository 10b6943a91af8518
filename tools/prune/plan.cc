#include "tools/prune/plan.h"

#include <queue>
#include <tuple>

#include "tools/lib/counted.h"
#include "tools/lib/progress.h"
#include "tools/prune/channel_plan.h"

namespace sdr::prune {
namespace {

class Planner {
 public:
  Planner(const std::map<std::string, Limits>& limits, const Circumstances& circumstances)
      : limits_(limits), circumstances_(circumstances) {}

  Plan run(const std::vector<FoundChannel>& channels) {
    for (size_t c = 0; c < channels.size(); ++c) {
      const FoundChannel& channel = channels[c];
      parts_.emplace_back(channel, circumstances_);
      if (limits_.contains(channel.name))
        plan_channel(c);
      else
        note_unknown(parts_[c]);
    }
    plan_min_free();
    for (size_t c = 0; c < parts_.size(); ++c) {
      if (!limits_.contains(parts_[c].name())) continue;
      for (const size_t day : parts_[c].empty_days()) plan_.empty_days.push_back({c, day});
    }
    return std::move(plan_);
  }

 private:
  void take(size_t c, size_t i, Reason reason) {
    ChannelPlan& part = parts_[c];
    part.take(i);
    plan_.deletions.push_back({c, i, reason, part.age_us(i)});
    plan_.freed_bytes += part.found().segments[i].freed_bytes();
  }

  void note_unknown(const ChannelPlan& part) {
    plan_.findings.push_back({Finding::Kind::kNote, part.name(),
                              "it is not configured: its " + counted(part.count(), "segment") +
                                  ", " + bytes_text(static_cast<double>(part.used_bytes())) +
                                  ", are kept"});
  }

  void plan_channel(size_t c) {
    ChannelPlan& part = parts_[c];
    for (const size_t i : part.orphans()) take(c, i, Reason::kOrphan);
    size_t aged = 0;
    const std::vector<size_t> over = part.over(limits_.at(part.name()), &aged, &plan_.findings);
    if (part.is_too_much(over.size())) {
      plan_.findings.push_back({Finding::Kind::kTrouble, part.name(),
                                std::to_string(over.size()) + " of its " +
                                    counted(part.count(), "segment") + " are past retain (" +
                                    std::to_string(aged) + " by age, " +
                                    std::to_string(over.size() - aged) +
                                    " by size): more than half is not deleted without --force"});
      return;
    }
    for (size_t i = 0; i < over.size(); ++i)
      take(c, over[i], i < aged ? Reason::kAge : Reason::kSize);
  }

  // What each may have before min_free takes from it.
  std::vector<int64_t> shares() const {
    uint64_t used = 0;
    uint64_t count = 0;
    for (const ChannelPlan& part : parts_) {
      const std::map<std::string, Limits>::const_iterator limits = limits_.find(part.name());
      if (limits == limits_.end() || limits->second.size_bytes) continue;
      used += part.used_bytes();
      ++count;
    }
    std::vector<int64_t> found;
    for (const ChannelPlan& part : parts_) {
      const std::map<std::string, Limits>::const_iterator limits = limits_.find(part.name());
      const bool has_size = limits != limits_.end() && limits->second.size_bytes;
      const uint64_t share = has_size ? *limits->second.size_bytes : count > 0 ? used / count : 0;
      found.push_back(static_cast<int64_t>(share));
    }
    return found;
  }

  void plan_min_free() {
    const Space& space = circumstances_.space;
    if (space.min_free_bytes == 0) return;
    if (space.total_bytes == 0) {
      plan_.findings.push_back({Finding::Kind::kTrouble, "",
                                "the file system does not tell its size: min_free is not kept"});
      return;
    }
    const auto missing = [&] {
      const uint64_t have = space.free_bytes + plan_.freed_bytes;
      return have < space.min_free_bytes ? space.min_free_bytes - have : 0;
    };
    // Furthest over its share, and of equals the first.
    using Candidate = std::tuple<int64_t, int64_t, size_t>;  // over, -channel, segment
    std::priority_queue<Candidate> queue;
    const std::vector<int64_t> share = shares();
    const auto enqueue = [&](size_t c, size_t from) {
      const size_t i = parts_[c].next_freeing(from);
      if (i == parts_[c].found().segments.size()) return;
      queue.push(
          {static_cast<int64_t>(parts_[c].used_bytes()) - share[c], -static_cast<int64_t>(c), i});
    };
    for (size_t c = 0; missing() > 0 && c < parts_.size(); ++c) {
      if (limits_.contains(parts_[c].name())) enqueue(c, 0);
    }
    while (missing() > 0 && !queue.empty()) {
      const auto [over, place, i] = queue.top();
      queue.pop();
      take(static_cast<size_t>(-place), i, Reason::kMinFree);
      enqueue(static_cast<size_t>(-place), i + 1);
    }
    plan_.short_bytes = missing();
    if (plan_.short_bytes > 0)
      plan_.findings.push_back({Finding::Kind::kTrouble, "",
                                "min_free: " + bytes_text(static_cast<double>(plan_.short_bytes)) +
                                    " are missing, and nothing more may be deleted"});
  }

  const std::map<std::string, Limits>& limits_;
  const Circumstances& circumstances_;
  std::vector<ChannelPlan> parts_;
  Plan plan_;
};

}  // namespace

const char* reason_text(Reason reason) {
  switch (reason) {
    case Reason::kOrphan:
      return "orphan";
    case Reason::kAge:
      return "age";
    case Reason::kSize:
      return "size";
    case Reason::kMinFree:
      return "min_free";
  }
  return "";
}

Plan make_plan(const std::vector<FoundChannel>& channels,
               const std::map<std::string, Limits>& limits, const Circumstances& circumstances) {
  return Planner(limits, circumstances).run(channels);
}

}  // namespace sdr::prune
