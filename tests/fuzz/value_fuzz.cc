// Any text as a quantity or a list of CPUs of the config, or as a value of sdr-confine's options.
#include <sched.h>

#include <algorithm>

#include "relay/affinity.h"
#include "tests/fuzz/fuzz.h"
#include "tools/config/cpu_list.h"
#include "tools/config/diagnostic.h"
#include "tools/config/units.h"
#include "tools/confine/option_values.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

cpu_set_t pinned_to;

void check_error(const std::string& error) {
  require(!error.empty() && error.size() < 1024 && !has_control(error));
}

void check_units(std::string_view text) {
  for (Quantity (*parse)(std::string_view) :
       {parse_duration_us, parse_size_bytes, parse_rate_millihertz, parse_percent_hundredths}) {
    const Quantity quantity = parse(text);
    if (!quantity.error.empty()) check_error(quantity.error);
    require(quantity.error.empty() || quantity.value == 0);
  }
  const Quantity duration = parse_duration_us(text);
  if (duration.error.empty()) {
    const std::string shortest = duration_text(duration.value);
    require(parse_duration_us(shortest).error.empty() &&
            parse_duration_us(shortest).value == duration.value);
  }
  const Quantity bytes = parse_size_bytes(text);
  if (bytes.error.empty()) {
    const std::string shortest = size_text(bytes.value);
    require(parse_size_bytes(shortest).error.empty() &&
            parse_size_bytes(shortest).value == bytes.value);
  }
}

// sdr-gen, sdr-confine and sdr-relay read the same list as the same CPUs.
void check_cpus(const std::string& text) {
  std::vector<uint32_t> cpus;
  std::vector<uint32_t> again;
  std::vector<unsigned> confined;
  std::string error;
  if (!parse_cpu_list(text, &cpus, &error)) {
    check_error(error);
    if (parse_cpus(text, &confined)) require(confined.back() > kCpuMax);
    return;
  }
  require(!cpus.empty() && std::is_sorted(cpus.begin(), cpus.end()) && cpus.back() <= kCpuMax);
  require(parse_cpu_list(cpu_list_text(cpus), &again, &error) && again == cpus);
  require(parse_cpus(text, &confined) &&
          std::equal(cpus.begin(), cpus.end(), confined.begin(), confined.end()));
  require(static_cast<bool>(set_affinity(text.c_str())));
  require(CPU_COUNT(&pinned_to) == static_cast<int>(cpus.size()));
  for (const uint32_t cpu : cpus) require(CPU_ISSET(cpu, &pinned_to));
}

void check_confine(const std::string& text) {
  ConfineScheduler scheduler;
  if (parse_scheduler(text, &scheduler)) {
    const bool fifo = scheduler.kind == SchedulerKind::kFifo;
    require(scheduler.level >= (fifo ? 1 : -20) && scheduler.level <= (fifo ? 99 : 19));
  }
  ConfineLimit limit;
  if (parse_limit(text, &limit)) {
    require(text.starts_with(limit.name + "="));
    require(limit.resource >= 0 && limit.resource < RLIM_NLIMITS);
    require(!limit.hard || limit.soft <= *limit.hard);
  }
  uint64_t quota = 0;
  if (parse_cpu_quota(text, &quota)) {
    require(quota > 0 && quota <= 10'000'000);
    const Quantity percent = parse_percent_hundredths(text + "%");
    require(percent.error.empty() && percent.value == quota);
  }
}

}  // namespace

// In the place of the C library's: no test changes where it runs.
extern "C" int sched_setaffinity(pid_t, size_t, const cpu_set_t* set) noexcept {
  pinned_to = *set;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  check_units(text);
  if (text.find('\0') != text.npos) return 0;  // no word of a command line
  check_cpus(text);
  check_confine(text);
  return 0;
}
