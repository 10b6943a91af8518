#include "relay/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/dir.h"
#include "relay/log.h"
#include "relay/number.h"

namespace sdr {
namespace {

constexpr size_t kDigits = 20;  // of the largest 64-bit number
constexpr size_t kNameBytes = 32;
constexpr char kLeft[] = "left-";
constexpr char kBad[] = "bad-";

// The number of a name that is `prefix` and kDigits digits; false for any other.
bool parse_name(std::string_view name, std::string_view prefix, uint64_t* number) {
  if (!name.starts_with(prefix) || name.size() != prefix.size() + kDigits) return false;
  name.remove_prefix(prefix.size());
  return parse_number(name, 10, number);
}

void put_name(const char* prefix, uint64_t number, char out[kNameBytes]) {
  snprintf(out, kNameBytes, "%s%020llu", prefix, static_cast<unsigned long long>(number));
}

// Of those set aside the last ones stay; a directory only a person can have put there, and where it
// is not empty it stays.
Status bound_bad(int dir_fd) {
  for (;;) {
    int count = 0;
    uint64_t oldest = 0;
    Status listed = for_each_name(dir_fd, [&](const char* name) {
      uint64_t number;
      if (!parse_name(name, kBad, &number)) return;
      if (count++ == 0 || number < oldest) oldest = number;
    });
    if (!listed || count <= kBadKept) return listed;
    char name[kNameBytes];
    put_name(kBad, oldest, name);
    if (unlinkat(dir_fd, name, 0) < 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0) return {};
  }
}

Status set_aside_as_bad(int dir_fd, const char* name, const Error& why) {
  char aside[kNameBytes];
  uint64_t number = static_cast<uint64_t>(realtime_ns());
  do put_name(kBad, number++, aside);
  while (is_there(dir_fd, aside));
  if (renameat(dir_fd, name, dir_fd, aside) < 0) return Error{"unable to set a ring aside", errno};
  log_errno("warning", why.sys_errno, "ring %s: %s; set aside as %s", name, why.what, aside);
  return bound_bad(dir_fd);
}

bool is_finished(int dir_fd, const char* name) {
  Result<Ring> ring = Ring::open(dir_fd, name);
  return ring && ring->head().finished.load() != 0;
}

// Behind all the others where the numbers allow; never over another.
Status set_current_aside(int dir_fd) {
  uint64_t number = 0;
  Status listed = for_each_name(dir_fd, [&](const char* name) {
    uint64_t other;
    if (parse_name(name, kLeft, &other) && other > number) number = other;
  });
  if (!listed) return listed;
  char aside[kNameBytes];
  do {
    if (++number == 0) ++number;
    put_name(kLeft, number, aside);
  } while (is_there(dir_fd, aside));
  if (renameat(dir_fd, "current", dir_fd, aside) < 0)
    return Error{"unable to set the last ring aside", errno};
  return {};
}

// What cannot be put away stays where it is: recording does not wait for it.
Status put_away(int dir_fd, const char* name, const Error& why) {
  if (Status s = set_aside_as_bad(dir_fd, name, why); !s)
    log_errno("warning", s.error().sys_errno, "ring %s: %s: %s", name, why.what, s.error().what);
  return {};
}

// The system may have what it takes at another time.
bool is_shortage(int sys_errno) {
  return sys_errno == ENOMEM || sys_errno == EMFILE || sys_errno == ENFILE;
}

Status finish_one(int dir_fd, const char* name, std::string_view channel, Store* store) {
  Result<Ring> left = Ring::open(dir_fd, name);
  if (!left) {
    const Error& why = left.error();
    if (why.what != Ring::kOtherVersion && !is_shortage(why.sys_errno))
      return put_away(dir_fd, name, why);
    log_errno("warning", why.sys_errno, "ring %s: %s; it stays until a relay takes it up", name,
              why.what);
    return {};
  }
  if (left->head().finished.load() == 0) {
    if (!left->holds_what_it_says(channel)) return put_away(dir_fd, name, {"damaged ring", 0});
    if (Status s = store->attach(*left); !s) return s;
    if (Status s = store->finish(*left); !s) return s;
    left->head().finished.store(1);
    store->detach();
  }
  if (unlinkat(dir_fd, name, 0) < 0)
    log_errno("warning", errno, "ring %s: unable to unlink it", name);
  return {};
}

}  // namespace

Status make_way_for_ring(int dir_fd) {
  if (is_there(dir_fd, "current")) {
    if (!is_finished(dir_fd, "current")) {
      if (Status s = set_current_aside(dir_fd); !s) return s;
    } else if (unlinkat(dir_fd, "current", 0) < 0) {
      return Error{"unable to unlink the last ring", errno};
    }
  }
  if (!is_there(dir_fd, "new") || unlinkat(dir_fd, "new", 0) == 0) return {};
  return set_aside_as_bad(dir_fd, "new", {"no file", errno});
}

Status finish_leftovers(int dir_fd, std::string_view channel, Store* store, uint64_t* done) {
  for (;;) {
    uint64_t oldest = 0;
    Status listed = for_each_name(dir_fd, [&](const char* name) {
      uint64_t number;
      if (parse_name(name, kLeft, &number) && number > *done && (oldest == 0 || number < oldest))
        oldest = number;
    });
    if (!listed) return listed;
    if (oldest == 0) return {};
    char name[kNameBytes];
    put_name(kLeft, oldest, name);
    if (Status s = finish_one(dir_fd, name, channel, store); !s) return s;
    *done = oldest;
  }
}

}  // namespace sdr
