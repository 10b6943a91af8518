#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tools/prune/plan.h"

using namespace sdr::prune;

namespace {

constexpr int64_t kSecond = 1000000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kNow = 20000 * kDayUs + 12 * kHour;

FoundFile file(uint64_t bytes, int64_t written_us, uint64_t freed_bytes) {
  return {true, 1, bytes, freed_bytes, written_us};
}
FoundSegment segment(int64_t start_us, uint64_t bytes, bool is_rejected = false) {
  return {start_us, is_rejected, file(bytes, start_us, bytes)};
}

using Limited = std::map<std::string, Limits>;

struct Fleet {
  std::vector<FoundChannel> channels = {};
  Limited limits = {};
  Circumstances about = {.now_us = kNow, .space = {.total_bytes = 1 << 30, .free_bytes = 1 << 20}};

  FoundChannel& add(const std::string& name, const Limits& its = {}) {
    limits[name] = its;
    channels.push_back({.name = name});
    return channels.back();
  }
  Plan plan() const { return make_plan(channels, limits, about); }
  // "a0a1 b0m": channel, place, and of the reason the first letter, where it is not age.
  std::string text() const {
    std::string out;
    for (const Deletion& d : plan().deletions)
      out += channels[d.channel].name + std::to_string(d.segment) +
             (d.reason == Reason::kAge ? "" : std::string(1, *reason_text(d.reason))) + " ";
    return out.empty() ? out : out.substr(0, out.size() - 1);
  }
};

// `count` segments an hour apart, the last one begun an hour before now.
void fill(FoundChannel* channel, int count, uint64_t bytes = 100) {
  for (int i = 0; i < count; ++i)
    channel->segments.push_back(segment(kNow - (count - i) * kHour, bytes));
}

// The same by another way: everything is looked for anew at each step, and nothing is remembered
// but what is gone.
class Simulation {
 public:
  explicit Simulation(const Fleet& fleet) : fleet_(fleet) {
    for (const FoundChannel& channel : fleet.channels)
      alive_.emplace_back(channel.segments.size(), true);
  }

  std::vector<Deletion> run() {
    for (size_t c = 0; c < alive_.size(); ++c) {
      if (!fleet_.limits.contains(fleet_.channels[c].name)) continue;
      orphans(c);
      const std::vector<std::vector<bool>> before = alive_;
      const size_t done = out_.size();
      while (step_age(c)) {
      }
      while (step_size(c)) {
      }
      size_t all = 0;
      for (const FoundSegment& s : fleet_.channels[c].segments) all += s.data.is_there;
      if (fleet_.about.is_forced || 2 * (out_.size() - done) <= all) continue;
      alive_ = before;
      out_.resize(done);
    }
    min_free();
    return out_;
  }
  uint64_t missing() const {
    uint64_t free_bytes = fleet_.about.space.free_bytes;
    for (const Deletion& d : out_) {
      const FoundSegment& s = fleet_.channels[d.channel].segments[d.segment];
      free_bytes += s.data.freed_bytes + s.index.freed_bytes;
    }
    const uint64_t wanted = fleet_.about.space.min_free_bytes;
    return wanted > free_bytes ? wanted - free_bytes : 0;
  }

 private:
  const FoundSegment& at(size_t c, size_t i) const { return fleet_.channels[c].segments[i]; }
  // The start of the next segment of its kind, or -1.
  int64_t following(size_t c, size_t i) const {
    int64_t next = -1;
    for (size_t k = i + 1; k < alive_[c].size() && next < 0; ++k) {
      if (at(c, k).data.is_there && at(c, k).is_rejected == at(c, i).is_rejected)
        next = at(c, k).start_us;
    }
    return next;
  }
  uint64_t used(size_t c) const {
    uint64_t sum = fleet_.channels[c].unsealed_bytes;
    for (size_t i = 0; i < alive_[c].size(); ++i) {
      if (alive_[c][i]) sum += at(c, i).data.bytes + at(c, i).index.bytes;
    }
    return sum;
  }
  void kill(size_t c, size_t i, Reason reason) {
    alive_[c][i] = false;
    int64_t since = at(c, i).index.written_us;
    if (at(c, i).data.is_there) since = std::max(at(c, i).start_us, at(c, i).data.written_us);
    if (at(c, i).data.is_there && following(c, i) >= 0) since = std::min(since, following(c, i));
    out_.push_back({c, i, reason, fleet_.about.now_us - since});
  }
  bool may_go(size_t c, size_t i) const {
    return alive_[c][i] && at(c, i).data.is_there && following(c, i) >= 0;
  }
  void orphans(size_t c) {
    for (size_t i = 0; i < alive_[c].size(); ++i) {
      if (!at(c, i).data.is_there && fleet_.about.now_us - at(c, i).index.written_us > kHour)
        kill(c, i, Reason::kOrphan);
    }
  }
  bool step_age(size_t c) {
    const Limits& limits = fleet_.limits.at(fleet_.channels[c].name);
    if (!limits.age_s || !fleet_.about.is_clock_synchronised) return false;
    for (size_t i = 0; i < alive_[c].size(); ++i) {
      if (at(c, i).data.is_there && at(c, i).start_us > fleet_.about.now_us) return false;
    }
    const int64_t limit_us = fleet_.about.now_us - static_cast<int64_t>(*limits.age_s) * kSecond;
    for (size_t i = 0; i < alive_[c].size(); ++i) {
      if (!may_go(c, i)) continue;
      const bool is_written_before =
          at(c, i).start_us < limit_us && at(c, i).data.written_us < limit_us;
      if (!is_written_before && !(following(c, i) < limit_us)) continue;
      kill(c, i, Reason::kAge);
      return true;
    }
    return false;
  }
  bool step_size(size_t c) {
    const Limits& limits = fleet_.limits.at(fleet_.channels[c].name);
    if (!limits.size_bytes || used(c) <= *limits.size_bytes) return false;
    for (size_t i = 0; i < alive_[c].size(); ++i) {
      if (!may_go(c, i)) continue;
      kill(c, i, Reason::kSize);
      return true;
    }
    return false;
  }
  void min_free() {
    std::vector<double> share(alive_.size(), -1);
    uint64_t sum = 0, count = 0;
    for (size_t c = 0; c < alive_.size(); ++c) {
      const auto limits = fleet_.limits.find(fleet_.channels[c].name);
      if (limits == fleet_.limits.end()) continue;
      if (limits->second.size_bytes) {
        share[c] = static_cast<double>(*limits->second.size_bytes);
      } else {
        sum += used(c);
        ++count;
      }
    }
    for (double& one : share) {
      if (one < 0) one = static_cast<double>(count ? sum / count : 0);
    }
    while (missing() > 0) {
      int best = -1;
      size_t best_i = 0;
      double best_over = 0;
      for (size_t c = 0; c < alive_.size(); ++c) {
        if (!fleet_.limits.contains(fleet_.channels[c].name)) continue;
        size_t i = 0;
        while (i < alive_[c].size() && !(may_go(c, i) && at(c, i).data.freed_bytes > 0)) ++i;
        const double over = static_cast<double>(used(c)) - share[c];
        if (i == alive_[c].size() || (best >= 0 && over <= best_over)) continue;
        best = static_cast<int>(c);
        best_i = i;
        best_over = over;
      }
      if (best < 0) return;
      kill(static_cast<size_t>(best), best_i, Reason::kMinFree);
    }
  }

  const Fleet& fleet_;
  std::vector<std::vector<bool>> alive_;
  std::vector<Deletion> out_;
};

class Random {
 public:
  explicit Random(uint64_t seed) : generator_(seed) {}
  int64_t below(int64_t bound) {
    return std::uniform_int_distribution<int64_t>(0, bound - 1)(generator_);
  }
  bool one_in(int64_t count) { return below(count) == 0; }

 private:
  std::mt19937_64 generator_;
};

FoundSegment random_segment(int64_t start_us, int64_t span_us, Random* random) {
  FoundSegment made = {start_us, random->one_in(8)};
  const auto part = [&](int64_t bytes_max) {
    const uint64_t bytes = static_cast<uint64_t>(random->below(bytes_max));
    const int64_t written_us = start_us + random->below(3 * span_us + 1) - span_us / 2;
    return file(bytes, written_us, random->one_in(4) ? 0 : bytes * 2);
  };
  made.data = part(random->one_in(3) ? 2 : 1 << 20);
  if (!made.is_rejected && random->one_in(2)) made.index = part(1 << 12);
  if (made.index.is_there && random->one_in(10)) made.data = {};
  return made;
}

Fleet random_fleet(int channels, int segments, uint64_t missing_parts, Random* random) {
  Fleet fleet;
  uint64_t all = 0;
  for (int c = 0; c < channels; ++c) {
    std::string name = "c";
    (name += static_cast<char>('a' + c / 26)) += static_cast<char>('a' + c % 26);
    const int count = static_cast<int>(random->below(2 * segments + 1));
    const int64_t span_us = kHour / 4 + random->below(2 * kHour);
    FoundChannel& channel = fleet.add(name);
    int64_t start_us = kNow - count * span_us + (random->one_in(9) ? span_us : 0);
    uint64_t used = 0;
    for (int i = 0; i < count; ++i) {
      channel.segments.push_back(random_segment(start_us, span_us, random));
      used += channel.segments.back().bytes();
      start_us += random->one_in(9) ? 1 : random->below(2 * span_us) + 1;
    }
    channel.unsealed_bytes = static_cast<uint64_t>(random->below(1 << 20));
    all += used;
    Limits& limits = fleet.limits[name];
    if (!random->one_in(3))
      limits.size_bytes =
          static_cast<uint64_t>(random->below(static_cast<int64_t>(used + used / 4) + 1));
    if (!random->one_in(3))
      limits.age_s = static_cast<uint64_t>(random->below(count * span_us / kSecond + 1) + 1);
    if (random->one_in(8)) fleet.limits.erase(name);
  }
  fleet.about.is_forced = random->one_in(2);
  fleet.about.is_clock_synchronised = !random->one_in(4);
  fleet.about.now_us += random->one_in(5) ? random->below(100 * kHour) - 50 * kHour : 0;
  if (random->one_in(2))
    fleet.about.space.min_free_bytes = fleet.about.space.free_bytes + all / missing_parts;
  return fleet;
}

void check(const Fleet& fleet) {
  const Plan plan = fleet.plan();
  Simulation simulation(fleet);
  const std::vector<Deletion> wanted = simulation.run();
  REQUIRE(plan.deletions.size() == wanted.size());
  uint64_t freed = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Deletion& d = plan.deletions[i];
    const bool is_same = d.channel == wanted[i].channel && d.segment == wanted[i].segment &&
                         d.reason == wanted[i].reason && d.age_us == wanted[i].age_us;
    REQUIRE_MESSAGE(is_same, "deletion " << i);
    freed += fleet.channels[d.channel].segments[d.segment].freed_bytes();
  }
  CHECK(plan.freed_bytes == freed);
  CHECK(plan.short_bytes == simulation.missing());
}

}  // namespace

TEST_CASE("retention: random channels, limits and clocks, as a simulation step by step has them") {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    CAPTURE(round);
    check(random_fleet(1 + static_cast<int>(random.below(6)), static_cast<int>(random.below(20)),
                       1 + static_cast<uint64_t>(round) % 5, &random));
  }
}

TEST_CASE("retention: 100,000 segments of 50 channels") {
  Random random(11);
  Fleet fleet;
  size_t count = 0;
  while (count < 100000) {
    fleet = random_fleet(50, 2300, 400, &random);
    fleet.about.space.min_free_bytes = 0;
    fleet.about.is_clock_synchronised = fleet.about.is_forced = true;
    count = 0;
    for (const FoundChannel& channel : fleet.channels) count += channel.segments.size();
  }
  check(fleet);
  const Plan plan = fleet.plan();
  CHECK(plan.deletions.size() > 20000);
  fleet.about.space.min_free_bytes = fleet.about.space.free_bytes + plan.freed_bytes + (100 << 20);
  check(fleet);
}

TEST_CASE("retention: limits are kept to the microsecond and to the byte") {
  Fleet fleet;
  FoundChannel& a = fleet.add("a");
  fill(&a, 4);  // ends 3 h, 2 h and 1 h ago
  for (FoundSegment& one : a.segments) one.data.written_us = kNow;
  fleet.limits["a"] = {.age_s = 3 * 3600};
  CHECK(fleet.text() == "");
  ++fleet.about.now_us;
  CHECK(fleet.text() == "a0");
  fleet.limits["a"] = {.size_bytes = 400};
  CHECK(fleet.text() == "");
  fleet.limits["a"] = {.size_bytes = 399};
  CHECK(fleet.text() == "a0s");
  a.unsealed_bytes = 99;
  CHECK(fleet.text() == "a0s");
  a.unsealed_bytes = 100;
  CHECK(fleet.text() == "a0s a1s");
  fleet.limits["a"] = {};
  fleet.about.space.min_free_bytes = fleet.about.space.free_bytes;
  CHECK(fleet.text() == "");
  ++fleet.about.space.min_free_bytes;
  CHECK(fleet.text() == "a0m");
  fleet.about.space.min_free_bytes += 100;
  CHECK(fleet.text() == "a0m a1m");
}

TEST_CASE("retention: age goes first, and then only what size still needs") {
  Fleet fleet;
  fill(&fleet.add("a", {.age_s = 8 * 3600, .size_bytes = 650}), 10);
  CHECK(fleet.text() == "a0 a1 a2s a3s");
}

TEST_CASE("retention: more than half is refused as a whole, unless forced; not for min_free") {
  Fleet fleet;
  FoundChannel& a = fleet.add("a", {.age_s = 1, .size_bytes = 0});
  fill(&a, 2);
  CHECK(fleet.text() == "a0");
  fill(&a, 1);
  a.segments[2].start_us = kNow - 1;
  a.segments[1].data.written_us = kNow;
  CHECK(fleet.text() == "");
  const Plan refused = fleet.plan();
  REQUIRE(refused.findings.size() == 1);
  CHECK(refused.findings[0].kind == Finding::Kind::kTrouble);
  CHECK(refused.findings[0].text ==
        "2 of its 3 segments are past retain (1 by age, 1 by size): more than half is not deleted "
        "without --force");
  fleet.about.space.min_free_bytes = fleet.about.space.free_bytes + 150;
  CHECK(fleet.text() == "a0m a1m");
  fleet.about.is_forced = true;
  CHECK(fleet.text() == "a0 a1s");
}

TEST_CASE("retention: the newest stays, of the datums and of the rejected ones") {
  Fleet fleet;
  fleet.about.is_forced = true;
  FoundChannel& a = fleet.add("a", {.age_s = 1, .size_bytes = 0});
  for (const bool is_rejected : {true, true, false, false})
    a.segments.push_back(
        segment(kNow - (10 - static_cast<int>(a.segments.size())) * kHour, 1, is_rejected));
  fleet.about.space.min_free_bytes = 1 << 29;
  CHECK(fleet.text() == "a0 a2");
  CHECK(fleet.plan().short_bytes == (1u << 29) - (1u << 20) - 2);
}

TEST_CASE("retention: min_free takes from who is furthest over its share, and only what frees") {
  Fleet fleet;
  fill(&fleet.add("a", {.size_bytes = 900}), 8);  // 100 under its share
  fill(&fleet.add("b"), 9);                       // 200 over 700
  fill(&fleet.add("c"), 5);
  fill(&fleet.add("kept"), 9);
  fleet.limits.erase("kept");
  const uint64_t free_bytes = fleet.about.space.free_bytes;
  fleet.about.space.min_free_bytes = free_bytes + 300;
  CHECK(fleet.text() == "b0m b1m b2m");
  fleet.about.space.min_free_bytes = free_bytes + 600;
  CHECK(fleet.text() == "b0m b1m b2m a0m b3m a1m");
  fleet.channels[1].segments[1].data.freed_bytes = 0;  // it has another name
  CHECK(fleet.text() == "b0m b2m b3m a0m b4m a1m");
  fleet.about.space.total_bytes = 0;
  CHECK(fleet.text() == "");
  CHECK(fleet.plan().findings.back().kind == Finding::Kind::kTrouble);
}

TEST_CASE("retention: nothing of a channel that is not configured, which is said and no trouble") {
  Fleet fleet;
  fill(&fleet.add("a"), 9);
  fleet.limits.clear();
  fleet.about.space.min_free_bytes = 1 << 29;
  const Plan plan = fleet.plan();
  CHECK(plan.deletions.empty());
  REQUIRE(plan.findings.size() == 2);
  CHECK(plan.findings[0].kind == Finding::Kind::kNote);
}

TEST_CASE("retention: an empty day goes when no relay can be about to use it") {
  Fleet fleet;
  FoundChannel& a = fleet.add("a");
  const int64_t today = kNow - kNow % kDayUs;
  const auto days = [&] {
    std::string text;
    for (const EmptyDay& empty : fleet.plan().empty_days) text += std::to_string(empty.day);
    return text;
  };
  for (const int64_t day : {-3, -2, -1, 0, 1})
    a.days.push_back({today + day * kDayUs, 1, 0, kNow - kHour - 1});
  CHECK(days() == "012");
  a.days[1].changed_us = kNow - kHour;
  CHECK(days() == "02");
  a.days[0].entries = 1;
  CHECK(days() == "2");
  a.open_start_us = today - 500;
  CHECK(days() == "");
  a.open_start_us = -1;
  a.torn_us = {today - kDayUs - 1};
  CHECK(days() == "");
  a.torn_us = {today - kDayUs - 1001};
  CHECK(days() == "2");
  a.is_mending = true;
  CHECK(days() == "");
  a.is_mending = false;
  a.is_open_known = false;
  CHECK(days() == "");
}
