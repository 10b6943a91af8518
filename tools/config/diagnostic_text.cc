// How a diagnostic looks: nothing from a file reaches the terminal unescaped, and the caret stands
// where it points.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "relay/format/layout.h"
#include "tools/config/diagnostic.h"

namespace sdr {
namespace {

constexpr size_t kWidth = 120;  // columns of source text shown at most
constexpr size_t kWordMax = 63;

// The bytes of the UTF-8 character that starts `text`, 0 where none does.
size_t character_bytes(std::string_view text) {
  const unsigned char lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (size > text.size()) return 0;
  return is_utf8(reinterpret_cast<const uint8_t*>(text.data()), size) ? size : 0;
}

bool is_control(std::string_view character) {
  const unsigned char c = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return c < 0x20 || c == 0x7f;
  // C1, and what reorders the text around it (U+202A–202E, U+2066–2069) or ends a line (U+2028,
  // U+2029).
  if (c == 0xc2) return static_cast<unsigned char>(character[1]) < 0xa0;
  if (c != 0xe2 || character.size() != 3) return false;
  const unsigned char second = static_cast<unsigned char>(character[1]);
  const unsigned char third = static_cast<unsigned char>(character[2]);
  return (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
         (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

// The source line with one cell per character, and the caret under cell `column` (1-based), both
// cut to kWidth.
std::string with_caret(std::string_view line, size_t column, bool colour) {
  std::vector<std::string> cells;
  while (!line.empty()) {
    const size_t size = character_bytes(line);
    const std::string_view character = line.substr(0, std::max<size_t>(size, 1));
    const bool shown = size != 0 && (character == "\t" || !is_control(character));
    cells.push_back(shown ? std::string(character) : "?");
    line.remove_prefix(character.size());
  }
  const size_t caret = std::min(column == 0 ? 0 : column - 1, cells.size());
  const size_t first = caret > kWidth - 20 ? caret - (kWidth - 20) : 0;
  const size_t last = std::min(cells.size(), first + kWidth);
  std::string text = first > 0 ? "…" : "";
  std::string below = first > 0 ? " " : "";
  for (size_t i = first; i < last; ++i) text += cells[i];
  if (last < cells.size()) text += "…";
  for (size_t i = first; i < caret; ++i) below += cells[i] == "\t" ? "\t" : " ";
  text += '\n';
  if (column != 0) text += below + (colour ? "\033[1;32m^\033[0m" : "^") + "\n";
  return text;
}

// The restricted Damerau-Levenshtein distance.
size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kWordMax + 1>, kWordMax + 1> d;
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

// Case and the two dashes make no difference to what a word means.
std::string folded(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return out;
}

}  // namespace

bool has_control(std::string_view text) {
  while (!text.empty()) {
    const size_t size = character_bytes(text);
    if (size == 0 || is_control(text.substr(0, size))) return true;
    text.remove_prefix(size);
  }
  return false;
}

std::string printable(std::string_view text, size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    const size_t size = character_bytes(text);
    const std::string_view character = text.substr(0, std::max<size_t>(size, 1));
    if (out.size() + character.size() > bytes_max) return out + "…";
    if (size != 0 && !is_control(character)) {
      out += character;
    } else {
      for (const char c : character) {
        char escape[5];
        snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
        out += escape;
      }
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kWordMax) return {};
  const std::string wanted = folded(word);
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kWordMax) continue;
    const size_t d = distance(wanted, folded(candidate));
    // Two changed letters make any word of two another one: such a guess says nothing.
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string format_diagnostic(const Diagnostic& d, bool colour) {
  const bool error = d.severity == Severity::kError;
  std::string out = colour ? "\033[1m" : "";
  out += printable(d.file, 4096) + ":";
  if (d.line != 0) out += std::to_string(d.line) + ":";
  if (d.line != 0 && d.column != 0) out += std::to_string(d.column) + ":";
  out += colour ? "\033[0m " : " ";
  if (colour) out += error ? "\033[1;31m" : "\033[1;35m";
  out += error ? "error: " : "warning: ";
  if (colour) out += "\033[0m\033[1m";
  out += printable(d.message, 4096);
  if (colour) out += "\033[0m";
  out += '\n';
  if (!d.source_line.empty()) out += with_caret(d.source_line, d.column, colour);
  return out;
}

}  // namespace sdr
