#include "tools/config/cpu_list.h"

#include <bitset>

#include "tools/config/diagnostic.h"

namespace sdr {
namespace {

// Takes a number off the front of *text; false where none stands there or it is past kCpuMax.
bool take_cpu(std::string_view* text, uint32_t* cpu) {
  size_t digits = 0;
  *cpu = 0;
  while (digits < text->size() && (*text)[digits] >= '0' && (*text)[digits] <= '9') {
    *cpu = *cpu * 10 + static_cast<uint32_t>((*text)[digits] - '0');
    if (*cpu > kCpuMax) return false;
    ++digits;
  }
  text->remove_prefix(digits);
  return digits != 0;
}

}  // namespace

bool parse_cpu_list(std::string_view text, std::vector<uint32_t>* cpus, std::string* error) {
  std::bitset<kCpuMax + 1> set;
  std::string_view rest = text;
  bool good = !text.empty();
  while (good) {
    uint32_t first;
    good = take_cpu(&rest, &first);
    uint32_t last = first;
    if (good && !rest.empty() && rest.front() == '-') {
      rest.remove_prefix(1);
      good = take_cpu(&rest, &last) && first <= last;
    }
    for (uint32_t cpu = first; good && cpu <= last; ++cpu) set.set(cpu);
    if (!good || rest.empty()) break;
    good = rest.front() == ',';
    rest.remove_prefix(1);
  }
  if (!good) {
    *error = quoted(text) + " is not a list of CPUs; write it like \"2\" or \"2-3,5\", from 0 to " +
             std::to_string(kCpuMax);
    return false;
  }
  cpus->clear();
  for (uint32_t cpu = 0; cpu <= kCpuMax; ++cpu) {
    if (set.test(cpu)) cpus->push_back(cpu);
  }
  return true;
}

std::string cpu_list_text(const std::vector<uint32_t>& cpus) {
  std::string out;
  for (size_t i = 0; i < cpus.size(); ++i) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!out.empty()) out += ',';
    out += std::to_string(cpus[i]);
    if (last != i) out += "-" + std::to_string(cpus[last]);
    i = last;
  }
  return out;
}

}  // namespace sdr
