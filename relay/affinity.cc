#include "relay/affinity.h"

#include <errno.h>
#include <sched.h>

#include "relay/number.h"

namespace sdr {
namespace {

bool take_cpu(std::string_view* text, uint64_t* cpu) {
  return take_number(text, 10, cpu) && *cpu < CPU_SETSIZE;
}

bool take_char(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

Status set_affinity(const char* list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string_view rest = list;
  do {
    uint64_t first;
    if (!take_cpu(&rest, &first)) return Error{"not a list of CPUs", EINVAL};
    uint64_t last = first;
    if (take_char(&rest, '-') && !take_cpu(&rest, &last))
      return Error{"not a list of CPUs", EINVAL};
    for (uint64_t cpu = first; cpu <= last; ++cpu) CPU_SET(static_cast<size_t>(cpu), &set);
  } while (take_char(&rest, ',') && !rest.empty());
  if (!rest.empty()) return Error{"not a list of CPUs", EINVAL};
  if (sched_setaffinity(0, sizeof set, &set) < 0) return Error{"unable to pin to CPUs", errno};
  return {};
}

}  // namespace sdr
