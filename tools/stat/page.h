// Counters pages, read while their relay writes them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "relay/format/counters.h"

namespace sdr::status {

// RUN/counters/NAME, mapped read-only for as long as this lives.
class Page {
 public:
  Page() = default;
  Page(Page&& other) noexcept : map_(other.map_) { other.map_ = nullptr; }
  Page& operator=(Page&&) = delete;
  ~Page();

  enum class Opened : uint8_t {
    kOk,
    kNotBegun,  // not there, empty or all zero: the channel has not been started yet
    kRefused,   // *why says what is wrong with it
  };
  Opened open(const std::string& path, std::string_view channel, std::string* why);

  // A copy of it as it is now, each word whole and read in the order of the page; of zeros where it
  // is not open. A disk that keeps its writer waiting is `stalled` in it. Marks that are being made
  // are left out.
  std::unique_ptr<CountersPage> read() const;

  // What the copy's `sequence.gaps` has become since; 0 where it is not open.
  uint64_t gaps_now() const;

 private:
  void copy_to(CountersPage* copy) const;
  bool has_whole_marks(const CountersPage& copy) const;

  const void* map_ = nullptr;
};

}  // namespace sdr::status
