// The ring between receiver and writer: one file on tmpfs, mapped shared, that outlives both
// processes.
//
// The receiver appends datums and commits; the writer consumes and publishes. Neither ever waits
// for the other. Any of them may be killed at any instruction, so every change of state is one
// atomic store:
//
// - A Flip holds two copies of a small struct and a sequence number; the copy in force is the one
//   that the number's lowest bit names. Writing fills the other copy, then stores the number.
// - `committed` (the receiver's) says which descriptors are complete, and holds the one that still
//   grows.
// - `recorded` and `rejects_recorded` (the writer's) say what has been consumed AND how long the
//   file is that it went into, at once: a new writer cuts the file to that length and goes on,
//   without a scan.
// - The journal is the batch in hand: message headers in which the kernel itself notes each
//   datagram's length. A receiver killed between recvmmsg and commit leaves it behind, and the
//   writer finishes it (intake.h). It counts only while journal.batch equals the sequence of
//   `committed`, so the commit that takes it in is also what ends it. Its rules: end the old batch
//   before touching the arrays; preset lengths to an impossible value; then name the new batch;
//   then receive.
// - A batch may be larger than the whole data area. Then the writer takes it in parts: before each
//   commit journal.rest says from which message on the batch counts under the sequence to come.
//
// Messages land in the data area, in the place where they will stand, or in windows (one per
// message, 64 KiB each, touched only as far as datagrams are long), from which those that are valid
// are copied (arrivals.h). The data area is mapped twice in a row, so that no range of it ever
// wraps. Positions count bytes since the ring
// began; position % data_bytes is the place.
//
// The file holds the channel's layout and OCF header, so that what is left over can be finished
// under the schema it came in with, by whoever comes next. It holds its version, too: a relay of
// another one leaves it alone, under its name, for a relay that reads it.
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <span>
#include <string_view>

#include "relay/fd.h"
#include "relay/format/atomic.h"
#include "relay/format/index.h"
#include "relay/format/layout.h"
#include "relay/format/ocf.h"
#include "relay/format/result.h"
#include "relay/sequence.h"

namespace sdr {

constexpr uint32_t kBatchMax = 64;      // messages per recvmmsg
constexpr size_t kWindowBytes = 65536;  // no UDP datagram is longer
constexpr size_t kWindowStride =
    65536 + 2112;  // staggered, or all windows share the same cache sets
constexpr size_t kControlBytes = 128;
constexpr uint32_t kDescriptorBytesMax = 65536;
constexpr uint64_t kNoBatch = ~0ull;
constexpr uint32_t kNoLength = ~0u;

// A contiguous run of datums in the data area.
struct Descriptor {
  uint64_t position;
  uint32_t bytes;
  uint32_t datums;
  int64_t first_time_ns;  // receive times, since the epoch
  int64_t last_time_ns;
  Losses losses;  // all until its end
  uint64_t end() const { return position + bytes; }
};

struct Committed {
  uint64_t index;   // descriptors [0, index) are complete …
  Descriptor open;  // … and this one, number `index`, grows (0 datums: it has not begun)
  Sequence sequence;
};

// What an output file has taken, and that file.
struct Recorded {
  uint64_t index;  // all before descriptor `index`, and of that one …
  uint32_t bytes;  // … so much
  uint32_t datums;
  uint64_t position;    // as a position; all before it is free
  uint64_t file_bytes;  // of `.open`; 0: there is none of this ring's
  uint64_t file_blocks;
  int64_t start_us;   // what its name will say
  int64_t opened_us;  // wall clock when it was begun
  uint8_t sync[kSyncBytes];
  uint64_t index_bytes;   // of the file's index; 0: it has none yet
  uint64_t knows_losses;  // 0: those of the ring before count
  Losses losses;          // all that rows of an index have said
  int64_t last_time_ns;   // receive time of the last datum before `position`
};

template <typename T>
class Flip {
 public:
  uint64_t sequence() const { return sequence_.load(Order::kAcquire); }
  // Only for the one process that writes it.
  void write(const T& value) {
    const uint64_t next = sequence_.load(Order::kRelaxed) + 1;
    release_fence();  // a reader that meets the new copy meets the number before it, too
    copies_[next & 1] = value;
    sequence_.store(next, Order::kRelease);
  }
  T read() const {
    for (;;) {
      const uint64_t before = sequence_.load(Order::kAcquire);
      T value = copies_[before & 1];
      acquire_fence();
      if (sequence_.load(Order::kRelaxed) == before) return value;
    }
  }

 private:
  Atomic<uint64_t> sequence_;
  T copies_[2];
};

struct Journal {
  Atomic<uint64_t> batch;  // the sequence of `committed` that it follows, or kNoBatch
  uint32_t count;
  uint32_t expected;  // bytes of each message in its place (arrivals.h); 0: all are in windows
  uint64_t place;     // as a position: of message 0
  mmsghdr messages[kBatchMax];
  iovec pieces[kBatchMax][2];
  sockaddr_storage senders[kBatchMax];
  alignas(16) uint8_t control[kBatchMax][kControlBytes];
  // From which message on they have been gathered into their windows: the sequence of `committed`
  // under which that counts, times kRestUnit, plus the message.
  Atomic<uint64_t> gathered;
  // reject_head when the batch began, by the lowest bit of the sequence that it counts under.
  uint64_t rejects_from[2];
  // What is left of a batch that is taken in parts: the sequence of `committed` under which that
  // counts, times kRestUnit, plus the first message that is left. Of two, as in a Flip: by the
  // sequence's lowest bit.
  Atomic<uint64_t> rest[2];
};
constexpr uint64_t kRestUnit = 2 * kBatchMax;

// A record of the reject ring; the datagram follows, padded to 8 bytes.
struct RejectRecord {
  uint32_t bytes;   // of the datagram
  uint32_t reason;  // Reject
  int64_t time_ns;
  sockaddr_in6 sender;  // or a sockaddr_in
  uint32_t padding_;
  // Of the record and the datagram behind it.
  static constexpr uint64_t size(uint32_t bytes) {
    return sizeof(RejectRecord) + (uint64_t{bytes} + 7) / 8 * 8;
  }
};
static_assert(sizeof(RejectRecord) % 8 == 0);

struct RingHead {
  uint64_t magic;
  uint32_t version;
  uint32_t head_bytes;  // sizeof(RingHead)
  uint64_t file_bytes;
  uint64_t descriptor_count;
  uint64_t reject_bytes;
  uint64_t data_bytes;
  uint64_t text_bytes;  // layout and OCF header, back to back
  uint64_t layout_bytes;
  uint64_t
      receive_time;  // 1: each datum is followed by its receive time, as a long in microseconds
  char channel[64];
  Atomic<uint32_t> finished;         // all of it is on disk, sealed
  Atomic<uint32_t> rotations_asked;  // by the receiver …
  Atomic<uint32_t> rotations_done;   // … and how many of them the writer has seen to
  alignas(64) Flip<Committed> committed;
  Atomic<uint64_t> reject_head;  // byte positions in the reject ring
  alignas(64) Flip<Recorded> recorded;
  Flip<Recorded> rejects_recorded;  // only `position` counts what was consumed
  alignas(64) Journal journal;
};

// What a new ring begins with.
struct RingStart {
  std::string_view channel;
  std::string_view layout;  // of the datagrams
  std::span<const uint8_t> header;
  uint64_t data_bytes = 0;
  bool receive_time = false;
  Sequence sequence = {};
  Losses losses = {};  // until now
};

class Ring {
 public:
  // Makes a fresh ring file `name` in directory `dir_fd` and maps it. Its pages are allocated at
  // once, so that a full tmpfs is an error here and not a SIGBUS later. `data_bytes` is rounded up
  // to 64 KiB.
  static Result<Ring> create(int dir_fd, const char* name, const RingStart& start);
  // Memory of this process only, for a channel that is not recorded: windows and a journal, no
  // data.
  static Result<Ring> anonymous(const RingStart& start);
  // Maps the ring file `name` after checking that what its head says can be true. Errors: "not a
  // ring", kOtherVersion, "damaged ring"; with an errno, what the system lacks.
  static Result<Ring> open(int dir_fd, const char* name);
  static constexpr char kOtherVersion[] = "ring of another version";
  // Whether it is `channel`'s, and its descriptors, datums and rejects are what the head says of
  // them. Reads all that is left in it, so it is not for the live path.
  bool holds_what_it_says(std::string_view channel) const;

  Ring(Ring&& other) noexcept { *this = static_cast<const Ring&>(other), other.head_ = nullptr; }
  ~Ring();

  RingHead& head() const { return *head_; }
  std::string_view layout() const;
  // The layout of the datums as they stand in it; false: it does not parse.
  bool parse_layout(Layout* out) const;
  std::span<const uint8_t> header() const;
  Descriptor& descriptor(uint64_t index) const {
    return descriptors_[index % head_->descriptor_count];
  }
  // Both contiguous for as long as their whole area.
  uint8_t* data(uint64_t position) const { return data_ + position % head_->data_bytes; }
  uint8_t* rejects(uint64_t position) const { return rejects_ + position % head_->reject_bytes; }
  uint8_t* window(uint32_t index) const { return windows_ + index * kWindowStride; }

  // Points the journal's messages at this process's addresses and presets all of them.
  void prepare_journal() const;
  // Ends the batch and presets the first `count` messages, which it used.
  void reset_journal(uint32_t count) const;

 private:
  Ring() = default;
  Ring& operator=(const Ring&) = default;
  static Result<Ring> map(int fd, const RingHead& shape);
  void take_shape(const RingHead& shape) const;
  void begin(const RingStart& start) const;

  RingHead* head_ = nullptr;
  uint8_t* base_ = nullptr;  // the whole file; the reject and data areas stand twice
  size_t map_bytes_ = 0;
  Descriptor* descriptors_ = nullptr;
  uint8_t* text_ = nullptr;
  uint8_t* windows_ = nullptr;
  uint8_t* rejects_ = nullptr;
  uint8_t* data_ = nullptr;
};

}  // namespace sdr
