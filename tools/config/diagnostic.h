// Diagnostics gathered over a whole run, and what makes a message helpful: quoting and "did you
// mean".
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config/config.h"
#include "tools/config/text_file.h"

namespace sdr {

// 'text', fit for one line of a terminal: clipped, control characters and bytes that are not UTF-8
// as \xNN.
std::string quoted(std::string_view text, size_t bytes_max = 64);

// As quoted(), without the quotes; clipped at `bytes_max`.
std::string printable(std::string_view text, size_t bytes_max);

// Whether `text` has a control character: C0, DEL, or C1 in UTF-8.
bool has_control(std::string_view text);

// The candidate fewest edits away from `word` (insert, delete, change, swap neighbours), or ""
// where none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean 'x'?" for the nearest candidate, else `otherwise`.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
                         std::string_view otherwise = "");

// "a, b or c"
std::string one_of(std::span<const std::string_view> words);

// Collects diagnostics in any order and gives them out in that of file, line and column.
class Findings {
 public:
  // Makes the lines of a file known. Files come out in the order they were added in, unknown ones
  // last, by name.
  void add_source(const std::string& file, std::string text);
  const TextLines* source(const std::string& file) const;

  void error(const Place& place, std::string message);
  void warning(const Place& place, std::string message);

  size_t error_count() const { return error_count_; }

  // Sorted, each only once.
  std::vector<Diagnostic> take();

 private:
  struct Source {
    size_t rank;
    TextLines lines;
  };
  void add(Severity severity, const Place& place, std::string message);

  std::map<std::string, Source> sources_;
  std::vector<Diagnostic> found_;
  size_t error_count_ = 0;
  bool full_ = false;
};

}  // namespace sdr
