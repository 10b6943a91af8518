// Templates of generated files: plain text in which @name@ stands for a word and @name...@ for a
// list of words.
//
// Every word comes out quoted in the language of the file, so what a word says is never read as
// that language. A line whose first character is # is a comment and is copied as it is: nothing of
// the config gets into comments, where quotes do not protect. An @ that no name follows stands for
// itself.
#pragma once

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sdr {

// The words of one placeholder. The words of a group share a line, such as an option and its value.
using WordGroups = std::vector<std::vector<std::string>>;
using TemplateWords = std::map<std::string, WordGroups, std::less<>>;

// The language of a file.
struct WordStyle {
  std::string (*quote)(std::string_view word);
  std::string_view line_break;  // between the groups of a list
};

// `word` as a quoted string of execline, that execlineb reads back byte for byte. Valid where
// execlineb substitutes no positional parameters (-P). Throws TemplateError for a word with a NUL,
// which no argument can hold.
std::string quote_execline(std::string_view word);

// The same for sh.
std::string quote_shell(std::string_view word);

inline constexpr WordStyle kExeclineStyle = {quote_execline, "\n  "};
inline constexpr WordStyle kShellStyle = {quote_shell, " \\\n  "};

struct TemplateError : std::runtime_error {
  TemplateError(const std::string& what, size_t at_line)
      : std::runtime_error(what), line(at_line) {}
  size_t line;  // 1-based, 0: none
};

// Throws TemplateError for a name that `words` does not have, and for a list where one word must
// stand.
std::string expand_template(std::string_view text, const TemplateWords& words,
                            const WordStyle& style);

}  // namespace sdr
