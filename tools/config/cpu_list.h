// Lists of CPUs: "2", "2-3,5". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

constexpr uint32_t kCpuMax = 1023;  // what a cpu_set_t holds

// The CPUs in `text`, sorted, each once; on failure says in *error what is wrong and what would be
// right.
bool parse_cpu_list(std::string_view text, std::vector<uint32_t>* cpus, std::string* error);

// The shortest spelling of sorted CPUs: {2, 3, 5} → "2-3,5".
std::string cpu_list_text(const std::vector<uint32_t>& cpus);

}  // namespace sdr
