// The batch in hand: what the kernel has put where, by the journal's word.
//
// A message is a datagram, or a super-packet (UDP_GRO): datagrams of one length back to back, of
// which the last may be shorter. Each has a window of its own. While messages come all alike, they
// are received in place: each to where it will stand in the data area if all of them do have that
// length and are good, and only what is longer goes on in the window, behind room for its
// beginning. The first that is not alike ends that for its batch: this and all behind it are
// gathered into their windows before anything is moved over their places (one atomic store tells a
// successor so), and copied from there.
#pragma once

#include <stdint.h>

#include "relay/ring.h"

namespace sdr {

struct Arrival {
  const uint8_t* data;
  uint32_t bytes;
  uint32_t segment_bytes;  // of each datagram but the last; `bytes` where it is one
  int64_t time_ns;         // receive time; 0: the kernel gave none
  bool in_place;
  uint32_t kernel_drops;  // SO_RXQ_OVFL's running count, where the kernel sent one
  bool has_kernel_drops;

  uint32_t count() const { return bytes == 0 ? 1 : (bytes + segment_bytes - 1) / segment_bytes; }
};

class Arrivals {
 public:
  explicit Arrivals(const Ring& ring) : ring_(ring), journal_(ring.head().journal) {}

  // Names the batch that is received next and makes its first `count` messages ready: in place
  // from `place` on, each `expected` bytes, or, with 0 of them, in windows.
  void expect(uint32_t count, uint64_t place, uint32_t expected);
  // The first message that the batch under this number of `committed` still has; kBatchMax: none.
  uint32_t first_left(uint64_t sequence) const;
  // All from message `first` on stays for the batch that counts under the number after this.
  void leave(uint32_t first, uint64_t sequence);

  // To be called before what follows: the number of `committed`, and what is committed until.
  void open(uint64_t sequence, uint64_t end);
  bool is_there(uint32_t index) const { return journal_.messages[index].msg_len != kNoLength; }
  // The message's bytes in one piece; `scratch`, of kWindowBytes, is used for what is in two.
  Arrival at(uint32_t index, uint8_t* scratch) const;
  // If message `index` is received in place, it and all behind it are in their windows afterwards.
  void gather(uint32_t index);
  // Whether somebody else has gathered since open().
  bool is_outdated() const { return journal_.gathered.load() != gathered_; }
  // Where the rejects of the batch began in the reject ring.
  uint64_t rejects_from() const { return journal_.rejects_from[sequence_ & 1]; }

 private:
  // How many bytes of message `index` are received in place.
  uint32_t place_bytes(uint32_t index) const { return index < in_place_ ? expected_ : 0; }
  uint8_t* place(uint32_t index) const { return ring_.data(place_ + uint64_t{index} * expected_); }

  const Ring& ring_;
  Journal& journal_;
  uint64_t sequence_ = 0;
  uint64_t gathered_ = 0;
  uint64_t place_ = 0;
  uint32_t expected_ = 0;
  uint32_t in_place_ = 0;  // messages before this one
};

}  // namespace sdr
