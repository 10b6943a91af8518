#include "relay/affinity.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

namespace sdr {
namespace {

// Reads a CPU number at *at and moves behind it.
bool take_cpu(const char** at, unsigned long* cpu) {
  if (**at < '0' || **at > '9') return false;
  char* end;
  *cpu = strtoul(*at, &end, 10);
  *at = end;
  return *cpu < CPU_SETSIZE;
}

}  // namespace

Status set_affinity(const char* list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  const char* at = list;
  do {
    unsigned long first;
    if (!take_cpu(&at, &first)) return Error{"not a list of CPUs", EINVAL};
    unsigned long last = first;
    if (*at == '-' && (++at, !take_cpu(&at, &last))) return Error{"not a list of CPUs", EINVAL};
    for (unsigned long cpu = first; cpu <= last; ++cpu) CPU_SET(cpu, &set);
  } while (*at == ',' && *++at);
  if (*at) return Error{"not a list of CPUs", EINVAL};
  if (sched_setaffinity(0, sizeof set, &set) < 0) return Error{"unable to pin to CPUs", errno};
  return {};
}

}  // namespace sdr
