// What has happened lately, out of a page that counts since it began.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/stat/view.h"

namespace sdr::status {

// Finds what the view's counters were a minute or two ago, by the relay's marks, or what they were
// at the reading before where that is longer ago, or at the page's beginning where it is young.
// `boot_ns` is CLOCK_BOOTTIME as `now` was read.
void find_base(int64_t boot_ns, View* view);

// Of one number of the page: what came since the base, and what had come before. All of it is
// earlier where no base is known.
struct Share {
  uint64_t lately = 0;
  uint64_t earlier = 0;
};
Share share_of(const View& view, const std::function<uint64_t(const CountersPage&)>& read);

// "in the last 1m24s".
std::string lately_text(const View& view);

}  // namespace sdr::status
