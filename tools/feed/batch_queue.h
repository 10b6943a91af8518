// What lies between reading a recording and sending it: a bounded queue of batches of datums, so
// that no read and no page of memory that is new delays a datum.
//
// One thread fills, one sends. The batches are made at the start and go round.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace sdr {

struct Batch {
  struct Datum {
    int64_t time_ns;
    size_t begin;  // in bytes
    size_t size;
  };
  std::vector<uint8_t> bytes;
  std::vector<Datum> datums;

  void clear() {
    bytes.clear();
    datums.clear();
  }
  void add(int64_t time_ns, std::span<const uint8_t> datum) {
    datums.push_back({time_ns, bytes.size(), datum.size()});
    bytes.insert(bytes.end(), datum.begin(), datum.end());
  }
  std::span<const uint8_t> bytes_of(size_t i) const {
    return std::span(bytes).subspan(datums[i].begin, datums[i].size);
  }
};

constexpr size_t kBatchBytes = 256 << 10;  // one is full from here on, or …
constexpr size_t kBatchDatums = 4096;

class BatchQueue {
 public:
  explicit BatchQueue(size_t batches);

  // For the thread that fills: an empty batch, once there is one; null: nobody wants more.
  Batch* take_empty();
  void put_full(Batch* batch);
  // Nothing comes behind this.
  void end();

  // For the thread that sends: waits as long for a batch; null: there is none yet, or none comes.
  Batch* take_full(std::chrono::milliseconds wait);
  void put_empty(Batch* batch);
  bool is_at_end();
  void close();

  // Nothing waits to be sent.
  bool is_empty();
  // Wait at most so long, until a batch lies ready or none comes; until as many do as there can.
  bool wait_first(std::chrono::milliseconds wait);
  bool wait_ready(std::chrono::steady_clock::time_point until);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> batches_;
  std::vector<Batch*> empty_;
  std::vector<Batch*> full_;  // a ring of as many places as there are batches
  size_t full_first_ = 0;
  size_t full_count_ = 0;
  bool ended_ = false;
  bool closed_ = false;
};

}  // namespace sdr
