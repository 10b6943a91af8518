#include "relay/intake.h"

#include <string.h>
#include <time.h>

#include "relay/format/varint.h"

namespace sdr {
namespace {

// Reads the receive time and, where it is there, the socket's drop count from message `index`'s
// control data. In a ring that was left behind it may say anything.
int64_t receive_time(const Journal& journal, uint32_t index, int64_t otherwise_ns, Batch* batch) {
  const size_t size = journal.messages[index].msg_hdr.msg_controllen;
  const uint8_t* const control = journal.control[index];
  if (size > kControlBytes) return otherwise_ns;
  int64_t time_ns = otherwise_ns;
  for (size_t at = 0; at + sizeof(cmsghdr) <= size;) {
    cmsghdr c;
    memcpy(&c, control + at, sizeof c);
    if (c.cmsg_len < sizeof c || c.cmsg_len > size - at) break;
    const int found = c.cmsg_level == SOL_SOCKET ? c.cmsg_type : 0;
    const size_t found_bytes = c.cmsg_len;
    const auto holds = [found, found_bytes](int type, size_t bytes) {
      return found == type && found_bytes >= CMSG_LEN(bytes);
    };
    const uint8_t* const data = control + at + CMSG_LEN(0);
    if (timespec t; holds(SCM_TIMESTAMPNS, sizeof t)) {
      memcpy(&t, data, sizeof t);
      time_ns = static_cast<int64_t>(static_cast<uint64_t>(t.tv_sec) * 1000000000 +
                                     static_cast<uint64_t>(t.tv_nsec));
    } else if (holds(SO_RXQ_OVFL, sizeof batch->kernel_drops)) {
      memcpy(&batch->kernel_drops, data, sizeof batch->kernel_drops);
      batch->has_kernel_drops = true;
    }
    at += CMSG_ALIGN(c.cmsg_len);
  }
  return time_ns;
}

}  // namespace

Intake::Intake(const Ring& ring, const Layout& layout, const IntakeRules& rules)
    : ring_(ring), layout_(layout), rules_(rules), committed_(ring.head().committed.read()) {
  const Sequence::Rule& rule = committed_.sequence.rule();
  uint32_t op;
  const char type = rule.watched ? layout.number_type(rule.ordinal, &op) : '\0';
  if (type == 'i' || type == 'l') sequence_op_ = op;
}

uint32_t Batch::leave_out_before(int64_t from_ns) {
  const auto compact = [from_ns](iovec* pieces, int64_t* times, uint32_t* count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; ++i) {
      if (times[i] < from_ns) continue;
      pieces[kept] = pieces[i];
      times[kept++] = times[i];
    }
    const uint32_t left_out = *count - kept;
    *count = kept;
    return left_out;
  };
  return compact(datum, time_ns, &datums) + compact(invalid, invalid_time_ns, &relayed_invalid);
}

void Intake::begin(Batch* batch) {
  committed_ = ring_.head().committed.read();
  consumed_at_ = rules_.record ? ring_.head().recorded.read().position : 0;
  batch->received = 0;
  batch->received_bytes = 0;
  batch->first_time_ns = batch->last_time_ns = 0;
  batch->datums = batch->rejected = batch->relayed_invalid = 0;
  batch->rejects_not_kept = batch->unrecorded = 0;
  batch->has_kernel_drops = false;
  memset(batch->rejected_by_reason, 0, sizeof batch->rejected_by_reason);
}

void Intake::take(uint32_t count, int64_t now_ns, Batch* batch) {
  begin(batch);
  batch->received = count;
  for (uint32_t i = 0; i < count; ++i) {
    if (ring_.head().journal.messages[i].msg_len != kNoLength) take_one(i, now_ns, batch);
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
  Journal& journal = ring_.head().journal;
  const uint32_t length = journal.messages[index].msg_len;
  const std::span<const uint8_t> datagram(ring_.window(index),
                                          length < kWindowBytes ? length : kWindowBytes);
  const int64_t time_ns = receive_time(journal, index, now_ns, batch);
  if (batch->first_time_ns == 0) batch->first_time_ns = time_ns;
  batch->last_time_ns = time_ns;
  batch->received_bytes += datagram.size();
  const Reject reason = judge(index, datagram);
  if (reason == Reject::kNone) {
    if (sequence_op_ != kNoOp) note_number(datagram, time_ns);
    const uint8_t* stands = datagram.data();
    if (rules_.record) {
      const uint64_t place = committed_.open.end();
      if (append(datagram, time_ns)) {
        stands = ring_.data(place);
      } else {
        ++batch->unrecorded;
        ++committed_.open.losses.unrecorded;
      }
    }
    batch->time_ns[batch->datums] = time_ns;
    batch->datum[batch->datums++] = {const_cast<uint8_t*>(stands), datagram.size()};
    return;
  }
  ++batch->rejected;
  ++batch->rejected_by_reason[static_cast<size_t>(reason)];
  if (reason == Reject::kSender) return;  // somebody else's: counted, not kept
  ++committed_.open.losses.rejected;
  if (rules_.relay_invalid) {
    batch->invalid_time_ns[batch->relayed_invalid] = time_ns;
    batch->invalid[batch->relayed_invalid++] = {const_cast<uint8_t*>(datagram.data()),
                                                datagram.size()};
  }
  if (!rules_.record || !keep_reject(index, datagram, reason, time_ns)) ++batch->rejects_not_kept;
}

Reject Intake::judge(uint32_t index, std::span<const uint8_t> datagram) const {
  const Journal& journal = ring_.head().journal;
  if (!rules_.allow.empty()) {
    bool allowed = false;
    const sockaddr* sender = reinterpret_cast<const sockaddr*>(&journal.senders[index]);
    for (const AddressBlock& block : rules_.allow) allowed = allowed || block.contains(sender);
    if (!allowed) return Reject::kSender;
  }
  if (journal.messages[index].msg_hdr.msg_flags & MSG_TRUNC) return Reject::kTruncated;
  return layout_.validate(datagram.data(), datagram.size());
}

bool Intake::has_room(uint64_t bytes) {
  const RingHead& head = ring_.head();
  auto fits = [&] {
    return committed_.open.end() + bytes - consumed_position_ <= head.data_bytes &&
           committed_.index + 1 - consumed_index_ < head.descriptor_count;
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

bool Intake::append(std::span<const uint8_t> datum, int64_t time_ns) {
  const bool timed = ring_.head().receive_time != 0;
  const uint64_t bytes_max = datum.size() + (timed ? kVarintBytesMax : 0);
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
  memcpy(place, datum.data(), datum.size());
  size_t bytes = datum.size();
  if (timed) bytes += put_varint(time_ns / 1000, place + bytes);
  if (open.datums == 0) open.first_time_ns = time_ns;
  open.last_time_ns = time_ns;
  open.bytes += static_cast<uint32_t>(bytes);
  ++open.datums;
  return true;
}

bool Intake::keep_reject(uint32_t index, std::span<const uint8_t> datagram, Reject reason,
                         int64_t time_ns) {
  RingHead& head = ring_.head();
  const uint64_t at = head.reject_head.load(Order::kRelaxed);
  uint64_t& mark = head.journal.reject_marks[index];
  if (mark != 0 && mark - 1 != at) return true;  // gone there before its receiver was killed
  RejectRecord record = {};
  record.bytes = static_cast<uint32_t>(datagram.size());
  const uint64_t need = RejectRecord::size(record.bytes);
  if (!has_reject_room(need)) return false;
  mark = at + 1;
  record.reason = static_cast<uint32_t>(reason);
  record.time_ns = time_ns;
  memcpy(&record.sender, &head.journal.senders[index], sizeof record.sender);
  memcpy(ring_.rejects(at), &record, sizeof record);
  memcpy(ring_.rejects(at + sizeof record), datagram.data(), datagram.size());
  head.reject_head.store(at + need, Order::kRelease);
  return true;
}

void Intake::expect() const {
  RingHead& head = ring_.head();
  head.journal.batch.store(head.committed.sequence(), Order::kRelease);
  compiler_fence();
}

void Intake::commit(uint32_t count) const {
  ring_.head().committed.write(committed_);
  ring_.reset_journal(count);  // not before, or a batch that is not committed would be forgotten
}

// The first message that the batch under this number of `committed` still has; kBatchMax: none.
uint32_t Intake::first_left(uint64_t sequence) const {
  const Journal& journal = ring_.head().journal;
  const uint64_t rest = journal.rest[sequence & 1].load();
  const uint32_t next = rest / kRestUnit == sequence ? static_cast<uint32_t>(rest % kRestUnit) : 0;
  return next == 0 && journal.batch.load(Order::kAcquire) != sequence ? kBatchMax : next;
}

// The writer may be finishing it meanwhile; then another look is needed.
void Intake::foresee(int64_t now_ns, Sequence* sequence, Losses* losses) {
  static Batch batch;
  rules_.record = rules_.relay_invalid = false;
  const Flip<Committed>& committed = ring_.head().committed;
  for (uint64_t before = ~committed.sequence(); before != committed.sequence();) {
    before = committed.sequence();
    begin(&batch);
    for (uint32_t i = first_left(before); i < kBatchMax; ++i) {
      if (ring_.head().journal.messages[i].msg_len != kNoLength) take_one(i, now_ns, &batch);
    }
    sum_up();
  }
  *sequence = committed_.sequence;
  *losses = committed_.open.losses;
}

bool Intake::salvage(int64_t now_ns, uint32_t* datums) {
  RingHead& head = ring_.head();
  Journal& journal = head.journal;
  const uint64_t sequence = head.committed.sequence();
  uint32_t next = first_left(sequence);
  const uint32_t count = journal.count < kBatchMax ? journal.count : kBatchMax;
  if (next >= count) return false;
  static Batch batch;
  begin(&batch);
  for (const uint32_t first = next; next < count; ++next) {
    const uint32_t length = journal.messages[next].msg_len;
    if (length == kNoLength) continue;
    if (next > first && !(has_room(length) && has_reject_room(RejectRecord::size(length)))) break;
    take_one(next, now_ns, &batch);
  }
  sum_up();
  const bool more = next < count;
  if (more) journal.rest[(sequence + 1) & 1].store((sequence + 1) * kRestUnit + next);
  head.committed.write(committed_);
  *datums += batch.datums - batch.unrecorded;
  return more;
}

}  // namespace sdr
