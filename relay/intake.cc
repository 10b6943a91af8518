#include "relay/intake.h"

#include <stddef.h>
#include <string.h>

#include "relay/format/varint.h"

namespace sdr {
namespace {

// A batch is no larger than what a cache holds between receive and send.
constexpr uint64_t kBatchBytesMax = 512 << 10;

[[gnu::noinline]] void add_run(const Run& run, Run* runs, uint32_t* count, Batch* batch) {
  if (*count > 0) {
    Run& last = runs[*count - 1];
    if (last.at + size_t{last.bytes} * last.count == run.at && last.bytes == run.bytes &&
        last.time_ns == run.time_ns) {
      last.count += run.count;
      return;
    }
  }
  if (*count < kRunsMax) {
    runs[(*count)++] = run;
  } else {
    batch->not_relayed += run.count;
  }
}

}  // namespace

Intake::Intake(const Ring& ring, const Layout& layout, const IntakeRules& rules)
    : ring_(ring),
      layout_(layout),
      rules_(rules),
      arrivals_(ring),
      timed_(ring.head().receive_time != 0),
      committed_(ring.head().committed.read()) {
  const Sequence::Rule& rule = committed_.sequence.rule();
  uint32_t op;
  const char type = rule.watched ? layout.number_type(rule.ordinal, &op) : '\0';
  if (type == 'i' || type == 'l') sequence_op_ = op;
}

uint32_t Batch::leave_out_before(int64_t from_ns) {
  const auto compact = [from_ns](Run* all, uint32_t* count) {
    uint32_t kept = 0;
    uint32_t left_out = 0;
    for (uint32_t i = 0; i < *count; ++i) {
      if (all[i].time_ns < from_ns) {
        left_out += all[i].count;
      } else {
        all[kept++] = all[i];
      }
    }
    *count = kept;
    return left_out;
  };
  const uint32_t stale = compact(run, &runs);
  datums -= stale;
  return stale + compact(invalid, &invalid_runs);
}

void Intake::begin(Batch* batch) {
  committed_ = ring_.head().committed.read();
  arrivals_.open(ring_.head().committed.sequence(), committed_.open.end());
  consumed_at_ = rules_.record ? ring_.head().recorded.read().position : 0;
  reject_cursor_ = arrivals_.rejects_from();
  rejects_full_ = false;
  memset(static_cast<void*>(batch), 0, offsetof(Batch, run));
}

void Intake::take(uint32_t count, int64_t now_ns, Batch* batch) {
  begin(batch);
  message_count_ = count;
  alike_ = true;
  for (uint32_t i = 0; i < count; ++i) {
    if (arrivals_.is_there(i)) take_one(i, now_ns, batch);
  }
  sum_up();
}

// What is counted elsewhere, as it stands now.
void Intake::sum_up() {
  Losses& losses = committed_.open.losses;
  const SequenceCounts& counts = committed_.sequence.counts();
  losses.gaps = counts.gaps;
  losses.lost = counts.lost;
  losses.duplicates = counts.duplicates;
  losses.reordered = counts.reordered;
  losses.resets = counts.resets;
  if (!rules_.page) return;
  losses.kernel_drops = get(rules_.page->kernel_drops);
  losses.restarts = get(rules_.page->starts);
  losses.clock_steps = get(rules_.page->clock_steps);
  SequenceCounters& shown = rules_.page->sequence;
  set(shown.gaps, counts.gaps);
  set(shown.lost, counts.lost);
  set(shown.duplicates, counts.duplicates);
  set(shown.reordered, counts.reordered);
  set(shown.resets, counts.resets);
}

void Intake::note_number(std::span<const uint8_t> datum, int64_t time_ns) {
  const uint8_t* at = datum.data();
  const uint8_t* const end = at + datum.size();
  int64_t number;
  if (layout_.take_ops(0, sequence_op_, &at, end) == Reject::kNone &&
      get_varint(&at, end, &number) == VarintStatus::kOk)
    committed_.sequence.note(number, {time_ns, rules_.page});
}

void Intake::tick(int64_t now_ns, bool batch_in_hand) {
  if (sequence_op_ != kNoOp) committed_.sequence.tick({now_ns, rules_.page});
  const Losses before = committed_.open.losses;
  sum_up();
  if (!batch_in_hand && memcmp(&before, &committed_.open.losses, sizeof before) != 0)
    ring_.head().committed.write(committed_);
}

void Intake::settle(int64_t now_ns) {
  if (sequence_op_ != kNoOp) committed_.sequence.settle({now_ns, rules_.page});
  sum_up();
  ring_.head().committed.write(committed_);
}

void Intake::take_one(uint32_t index, int64_t now_ns, Batch* batch) {
  static uint8_t scratch[kWindowBytes];
  Arrival arrival = arrivals_.at(index, scratch);
  if (arrival.time_ns == 0) arrival.time_ns = now_ns;
  alike_ = alike_ && arrival.bytes == message_bytes_;
  message_bytes_ = arrival.bytes;
  if (batch->first_time_ns == 0) batch->first_time_ns = arrival.time_ns;
  batch->last_time_ns = arrival.time_ns;
  batch->received_bytes += arrival.bytes;
  if (arrival.has_kernel_drops) {
    batch->kernel_drops = arrival.kernel_drops;
    batch->has_kernel_drops = true;
  }
  const Reject message = judge_message(index);
  // The good ones stand at the front of it up to `good`.
  const uint32_t each = message == Reject::kTruncated ? arrival.bytes : arrival.segment_bytes;
  const uint32_t count = each == arrival.bytes ? 1 : (arrival.bytes + each - 1) / each;
  batch->received += count;
  uint32_t good = 0;
  Reject reason = message;
  const auto length_of = [&](uint32_t i) {
    return i + 1 < count ? each : arrival.bytes - i * each;
  };
  const auto judge = [&](uint32_t i) {
    reason = message != Reject::kNone ? message
                                      : layout_.validate(arrival.data + i * each, length_of(i));
    return reason == Reject::kNone;
  };
  while (good < count && judge(good)) ++good;
  const bool stays = arrival.in_place && good == count && has_room(arrival.bytes) &&
                     arrival.data == ring_.data(committed_.open.end());
  if (rules_.record && !stays && arrival.data != ring_.window(index)) {
    arrivals_.gather(index);
    arrival.data = ring_.window(index);
  }
  for (uint32_t i = 0; i < count;) {
    const uint8_t* const at = arrival.data + i * each;
    if (i == good) {
      reject_one(index, {at, length_of(i), 1, arrival.time_ns}, reason, batch);
      for (good = ++i; good < count && judge(good);) ++good;
      continue;
    }
    const uint32_t whole = length_of(good - 1) == each ? good - i : good - 1 - i;
    if (whole > 0) take_run({at, each, whole, arrival.time_ns}, batch);
    if (i + whole < good)
      take_run({at + whole * each, length_of(good - 1), 1, arrival.time_ns}, batch);
    i = good;
  }
}

// Valid datums: noted, recorded, to be relayed.
void Intake::take_run(const Run& run, Batch* batch) {
  if (sequence_op_ != kNoOp) {
    for (uint32_t i = 0; i < run.count; ++i)
      note_number({run.at + size_t{i} * run.bytes, run.bytes}, run.time_ns);
  }
  batch->datums += run.count;
  batch->last_datum_ns = run.time_ns;
  if (!rules_.record) {
    add_run(run, batch->run, &batch->runs, batch);
    return;
  }
  // Where there is no room for all, there may be for some.
  const uint32_t step = !timed_ && has_room(size_t{run.count} * run.bytes) ? run.count : 1;
  for (uint32_t i = 0; i < run.count; i += step) {
    Run part = {run.at + size_t{i} * run.bytes, run.bytes, step, run.time_ns};
    const uint64_t place = committed_.open.end();
    if (append(part)) {
      part.at = ring_.data(place);
    } else {
      ++batch->unrecorded;
      ++committed_.open.losses.unrecorded;
    }
    add_run(part, batch->run, &batch->runs, batch);
  }
}

void Intake::reject_one(uint32_t index, const Run& datagram, Reject reason, Batch* batch) {
  ++batch->rejected;
  ++batch->rejected_by_reason[static_cast<size_t>(reason)];
  if (reason == Reject::kSender) return;  // somebody else's: counted, not kept
  ++committed_.open.losses.rejected;
  if (rules_.relay_invalid) add_run(datagram, batch->invalid, &batch->invalid_runs, batch);
  if (!rules_.record || !keep_reject(index, datagram, reason)) ++batch->rejects_not_kept;
}

// What is wrong with all of a message, whatever it says.
Reject Intake::judge_message(uint32_t index) const {
  const Journal& journal = ring_.head().journal;
  if (!rules_.allow.empty()) {
    bool allowed = false;
    const sockaddr* sender = reinterpret_cast<const sockaddr*>(&journal.senders[index]);
    for (const AddressBlock& block : rules_.allow) allowed = allowed || block.contains(sender);
    if (!allowed) return Reject::kSender;
  }
  const bool truncated = journal.messages[index].msg_hdr.msg_flags & MSG_TRUNC;
  return truncated ? Reject::kTruncated : Reject::kNone;
}

[[gnu::noinline]] bool Intake::has_room(uint64_t bytes) {
  const RingHead& head = ring_.head();
  auto fits = [&] {
    return committed_.open.end() + bytes - consumed_position_ <= head.data_bytes &&
           committed_.index + 2 - consumed_index_ < head.descriptor_count;
  };
  if (fits()) return true;
  const Recorded recorded = head.recorded.read();
  consumed_position_ = recorded.position;
  consumed_index_ = recorded.index;
  return fits();
}

bool Intake::has_reject_room(uint64_t bytes) const {
  const RingHead& head = ring_.head();
  return head.reject_head.load(Order::kRelaxed) + bytes - head.rejects_recorded.read().position <=
         head.reject_bytes;
}

// Of a run with receive times there is but one datum.
bool Intake::append(const Run& run) {
  const size_t run_bytes = size_t{run.count} * run.bytes;
  const uint64_t bytes_max = run_bytes + (timed_ ? kVarintBytesMax : 0);
  if (!has_room(bytes_max)) return false;
  Descriptor& open = committed_.open;
  // One that has been consumed is not gone on with: a block's times are then those of descriptors.
  if (open.datums > 0 &&
      (open.bytes + bytes_max > kDescriptorBytesMax || open.end() == consumed_at_)) {
    ring_.descriptor(committed_.index) = open;
    ++committed_.index;
    open = {open.end(), 0, 0, 0, 0, open.losses};
  }
  uint8_t* const place = ring_.data(open.end());
  if (place != run.at) memcpy(place, run.at, run_bytes);
  size_t bytes = run_bytes;
  if (timed_) bytes += put_varint(run.time_ns / 1000, place + bytes);
  if (open.datums == 0) open.first_time_ns = run.time_ns;
  open.last_time_ns = run.time_ns;
  open.bytes += static_cast<uint32_t>(bytes);
  open.datums += run.count;
  return true;
}

// Those of a batch are kept in their order. Of one that is finished by a successor some may be
// there already.
bool Intake::keep_reject(uint32_t index, const Run& datagram, Reject reason) {
  RingHead& head = ring_.head();
  const uint64_t end = head.reject_head.load(Order::kRelaxed);
  RejectRecord record = {};
  const uint64_t need = RejectRecord::size(datagram.bytes);
  if (reject_cursor_ < end) {
    memcpy(&record, ring_.rejects(reject_cursor_), sizeof record);
    if (record.bytes == datagram.bytes && record.reason == static_cast<uint32_t>(reason) &&
        memcmp(ring_.rejects(reject_cursor_ + sizeof record), datagram.at, datagram.bytes) == 0) {
      reject_cursor_ += need;
      return true;
    }
    record = {};
  }
  rejects_full_ = rejects_full_ || !has_reject_room(need);
  if (rejects_full_) return false;
  record.bytes = datagram.bytes;
  record.reason = static_cast<uint32_t>(reason);
  record.time_ns = datagram.time_ns;
  memcpy(&record.sender, &head.journal.senders[index], sizeof record.sender);
  memcpy(ring_.rejects(end), &record, sizeof record);
  memcpy(ring_.rejects(end + sizeof record), datagram.at, datagram.bytes);
  reject_cursor_ = end + need;
  head.reject_head.store(reject_cursor_, Order::kRelease);
  return true;
}

uint32_t Intake::expect(uint32_t count) {
  // Of large ones as many as a cache holds between receive and send.
  if (message_bytes_ > kBatchBytesMax / kBatchMax) {
    const uint32_t fitting = static_cast<uint32_t>(kBatchBytesMax / message_bytes_);
    if (fitting < count) count = fitting;
  }
  const uint64_t place = committed_.open.end();
  uint32_t expected = 0;
  if (rules_.record && !timed_ && alike_ && message_bytes_ > 0) {
    // Each costs a little to make ready.
    const uint32_t reach = 4 * message_count_ + 4;
    const uint32_t most = reach < count ? reach : count;
    if (has_room(uint64_t{most} * message_bytes_)) {
      expected = message_bytes_;
      count = most;
    }
  }
  arrivals_.expect(count, place, expected);
  return count;
}

void Intake::commit(uint32_t count) const {
  ring_.head().committed.write(committed_);
  ring_.reset_journal(count);  // not before, or a batch that is not committed would be forgotten
}

// The writer may be finishing it meanwhile; then another look is needed.
void Intake::foresee(int64_t now_ns, Sequence* sequence, Losses* losses) {
  static Batch batch;
  rules_.record = rules_.relay_invalid = false;
  const Flip<Committed>& committed = ring_.head().committed;
  uint64_t before;
  do {
    before = committed.sequence();
    begin(&batch);
    for (uint32_t i = arrivals_.first_left(before); i < kBatchMax; ++i) {
      if (arrivals_.is_there(i)) take_one(i, now_ns, &batch);
    }
    sum_up();
  } while (before != committed.sequence() || arrivals_.is_outdated());
  *sequence = committed_.sequence;
  *losses = committed_.open.losses;
}

bool Intake::salvage(int64_t now_ns, uint32_t* datums) {
  RingHead& head = ring_.head();
  const uint64_t sequence = head.committed.sequence();
  uint32_t next = arrivals_.first_left(sequence);
  const uint32_t count = head.journal.count < kBatchMax ? head.journal.count : kBatchMax;
  if (next >= count) return false;
  static Batch batch;
  begin(&batch);
  arrivals_.gather(0);  // what is left in the end is then in windows
  for (const uint32_t first = next; next < count; ++next) {
    if (!arrivals_.is_there(next)) continue;
    const Arrival arrival = arrivals_.at(next, nullptr);
    const uint64_t room = arrival.bytes + uint64_t{arrival.count()} * kVarintBytesMax;
    const uint64_t reject_room = arrival.bytes + arrival.count() * RejectRecord::size(8);
    if (next > first && !(has_room(room) && has_reject_room(reject_room))) break;
    take_one(next, now_ns, &batch);
  }
  sum_up();
  const bool more = next < count;
  if (more) arrivals_.leave(next, sequence);
  head.committed.write(committed_);
  *datums += batch.datums - batch.unrecorded;
  return more;
}

}  // namespace sdr
