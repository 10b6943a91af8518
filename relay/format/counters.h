// The live counters page of one channel: RUN/counters/NAME, one file of kCountersBytes, mapped
// shared.
//
// The receiver owns `receiver`, the writer owns `writer`, sdr-relay's start owns the head; each
// field has that one writer and is a naturally aligned word, so a reader needs no lock. The page is
// kept over restarts until reboot (the counters go on), and begun anew where magic or version
// differ. All counts are since the page began. Times are nanoseconds: *_time_ns since the epoch
// (CLOCK_REALTIME), the rest durations. Host byte order: the page never leaves its machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "relay/format/atomic.h"
#include "relay/format/index.h"
#include "relay/format/layout.h"

namespace sdr {

constexpr uint64_t kCountersMagic = 0x53544e5543524453;  // "SDRCUNTS" in memory order
constexpr uint32_t kCountersVersion = 4;
constexpr size_t kCountersBytes = 8192;
constexpr size_t kStreamsMax = 9;  // [0] is the full-rate stream, then the decimated ones
constexpr size_t kLatencyBuckets =
    36;  // bucket b counts latencies of [2^b, 2^(b+1)) ns; the last is open
constexpr size_t kRejectReasons = 16;  // indexed by Reject; room to grow
constexpr size_t kLostRangesKept = 128;
constexpr uint64_t kMarkEveryNs = 60000000000;

using Counter = Atomic<uint64_t>;

// "ok"|"full"|"error"|"stalled"|"unmounted"|"off"
enum class DiskState : uint64_t { kOff, kOk, kFull, kError, kStalled, kUnmounted };
const char* disk_state_name(DiskState state);

struct StreamCounters {
  Counter datagrams;
  Counter bytes;
  Counter send_errors;  // datagrams that could not be sent, or were refused where they went
  Counter last_send_errno;
};

// What the numbers in the `sequence` field say (relay/sequence.h).
struct SequenceCounters {
  Counter gaps;        // runs of numbers that never came
  Counter lost;        // those numbers
  Counter duplicates;  // datums with a number that had come before
  Counter reordered;   // datums that came after one with a later number
  Counter resets;      // the numbering began anew
};

// A run of lost numbers; the last kLostRangesKept of them, range number i at i % kLostRangesKept.
struct LostNumbers {
  Counter first;  // the number, as the field has it
  Counter count;
  Counter time_ns;  // receive time of the datum that came behind them
};

struct ReceiverCounters {
  Counter starts;
  Counter start_time_ns;
  Counter pid;
  Counter received;  // datagrams, rejected ones included
  Counter received_bytes;
  Counter rejected;
  Counter rejected_by_reason[kRejectReasons];
  Counter rejects_not_kept;  // counted, but the way to the disk was full
  Counter kernel_drops;
  // The inode of the receive socket, and what kernel_drops was before its own: the kernel counts
  // for as long as the socket lives, and a held one outlives its relays.
  Counter drops_socket;
  Counter drops_before;
  Counter stale;       // not relayed: they had waited too long in the socket
  Counter unrecorded;  // valid datums that the ring had no room for
  Counter receive_errors;
  Counter last_datagram_time_ns;
  Counter receive_buffer_asked;    // bytes
  Counter receive_buffer_granted;  // bytes, as the kernel reads it back (it doubles what is asked)
  Counter ring_bytes;              // capacity
  Counter ring_used;               // bytes not yet consumed by the writer, at the last batch
  Counter ring_used_max;
  Counter latency[kLatencyBuckets];  // kernel receive time to full-rate send done, per datagram
  Counter latency_max_ns;
  Counter log_lines_dropped;
  Counter writer_starts;
  StreamCounters streams[kStreamsMax];
  Counter clock_steps;      // the wall clock was set
  Counter silence_ns;       // longer without a datagram is trouble; 0: it never is
  Counter silent_since_ns;  // wall clock of the last datagram before a silence that lasts; else 0
  Counter silences;         // begun
  Counter has_sequence;     // 1: a `sequence` field is watched
  SequenceCounters sequence;
  LostNumbers lost_ranges[kLostRangesKept];  // of sequence.gaps
};

struct WriterCounters {
  Counter pid;
  Counter recorded;        // datums
  Counter recorded_bytes;  // of datums
  Counter file_bytes;      // written to segments, framing included
  Counter blocks;
  Counter syncs;
  Counter segments;  // sealed
  Counter rejects_kept;
  Counter salvaged;  // datums finished for a receiver that was killed
  Counter write_ns_last, write_ns_max;
  Counter sync_ns_last, sync_ns_max;
  Counter last_sync_time_ns;
  Counter disk_state;  // DiskState
  Counter disk_errno;
  Counter disk_errors;  // failed attempts
  Counter log_lines_dropped;
  Counter rejects_not_kept;  // the ring had them, but the disk did not take them
  Losses losses_told;        // by the rows of indexes, when the last ring was finished
  // CLOCK_MONOTONIC at which the disk operation under way began; 0: none is.
  Counter disk_busy_since_ns;
};

// What a reader makes of `disk_state`: the writer cannot say that it is stuck. `now_ns` is
// CLOCK_MONOTONIC; a writer that is gone is not to be asked about.
constexpr uint64_t kDiskStalledNs = 1000000000;
DiskState disk_state_at(const WriterCounters& writer, uint64_t now_ns);

// What all counters were at a moment, so that whoever looks but once can tell what has happened
// lately. The receiver takes one each kMarkEveryNs; the one before moves to [1], which then is that
// to two times as old. The time in [0] is 0 while they change: a reader that finds it so, or has
// read meanwhile, reads again.
struct CountersMark {
  Counter time_ns;  // CLOCK_BOOTTIME; 0: there is none
  uint64_t receiver[offsetof(ReceiverCounters, lost_ranges) / sizeof(uint64_t)];  // all before that
  WriterCounters writer;
};

struct CountersPage {
  uint64_t magic;
  uint32_t version;
  uint32_t bytes;         // kCountersBytes
  char channel[64];       // NUL-terminated
  uint32_t stream_count;  // streams[] in use, the full-rate slot included even where it is not
                          // configured
  uint32_t has_full_rate;
  uint64_t page_time_ns;  // when the page began
  uint8_t reserved_[32];
  alignas(128) ReceiverCounters receiver;
  alignas(128) WriterCounters writer;
  alignas(128) uint8_t kept[512];  // of one relay for the next (relay/handover.h)
  CountersMark marks[2];
};
static_assert(sizeof(CountersPage) <= kCountersBytes);
static_assert(offsetof(CountersPage, receiver) == 128);
static_assert(sizeof(Counter) == 8);

// The one writer of a counter adds without a locked instruction.
inline void add(Counter& counter, uint64_t n) {
  counter.store(counter.load(Order::kRelaxed) + n, Order::kRelaxed);
}
inline void set(Counter& counter, uint64_t n) { counter.store(n, Order::kRelaxed); }
inline uint64_t get(const Counter& counter) { return counter.load(Order::kRelaxed); }
inline void raise_to(Counter& counter, uint64_t n) {
  if (n > get(counter)) set(counter, n);
}

}  // namespace sdr
