// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sdr::status {

// At most 5 characters: exact up to 99999, then three digits and a unit, cut and not rounded, so
// that no number ever looks larger than it is: "123k", "1.23M", "18.4E".
std::string count_text(uint64_t count);

// Per second, at most 5 characters: "0", "0.4", "9.9", "12345", "1.23M". What is not zero never
// looks like it: "<0.1".
std::string rate_text(double per_second);

// At most 5 characters: "512ns", "8.1us", "131us", "1.0ms", "2.1s", "512s".
std::string latency_text(uint64_t nanoseconds);

// At most 6 characters: "45s", "12m05s", "3h07m", "12d03h", "1234d".
std::string duration_text(uint64_t seconds);

// Exact, in groups of three: "1,204".
std::string grouped_text(uint64_t count);

// Three digits and a unit of bytes, cut and not rounded, in powers of 1000 or of 1024: "212 kB",
// "61.2 GiB".
std::string bytes_text(uint64_t bytes);
std::string binary_bytes_text(uint64_t bytes);

// A text in lines of at most `width` columns, broken between words but for a word that is longer by
// itself; all but the first indented.
std::vector<std::string> folded(const std::string& text, size_t width, size_t indent);

// "engine, pose and 3 more": at most so many by their names.
std::string listed(const std::vector<std::string>& names, size_t named_max);

}  // namespace sdr::status
