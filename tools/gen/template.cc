#include "tools/gen/template.h"

namespace sdr {
namespace {

constexpr std::string_view kListMark = "...";

bool is_name_character(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

// A placeholder at the start of `text`: its name, whether it is a list, and how long it is. Empty
// name: none.
struct Placeholder {
  std::string_view name;
  bool list = false;
  size_t size = 0;
};

Placeholder placeholder_at(std::string_view text) {
  size_t end = 1;
  while (end < text.size() && is_name_character(text[end])) ++end;
  Placeholder found = {text.substr(1, end - 1), false, 0};
  if (text.substr(end).starts_with(kListMark)) {
    found.list = true;
    end += kListMark.size();
  }
  if (found.name.empty() || end >= text.size() || text[end] != '@') return {};
  found.size = end + 1;
  return found;
}

std::string words_text(const WordGroups& groups, const WordStyle& style) {
  std::string out;
  for (const std::vector<std::string>& group : groups) {
    if (!out.empty()) out += style.line_break;
    for (size_t i = 0; i < group.size(); ++i) out += (i > 0 ? " " : "") + style.quote(group[i]);
  }
  return out;
}

void expand_line(std::string_view line, size_t number, const TemplateWords& words,
                 const WordStyle& style, std::string* out) {
  while (!line.empty()) {
    const size_t at = line.find('@');
    out->append(line.substr(0, at));
    if (at == std::string_view::npos) return;
    line.remove_prefix(at);
    const Placeholder found = placeholder_at(line);
    if (found.name.empty()) {
      *out += '@';
      line.remove_prefix(1);
      continue;
    }
    const auto word = words.find(found.name);
    const std::string written(line.substr(0, found.size));
    if (word == words.end()) throw TemplateError("unknown placeholder " + written, number);
    const bool is_word = word->second.size() == 1 && word->second[0].size() == 1;
    if (!found.list && !is_word) {
      throw TemplateError("placeholder " + written + " is a list; write @" + word->first + "...@",
                          number);
    }
    *out += words_text(word->second, style);
    line.remove_prefix(found.size);
  }
}

}  // namespace

std::string quote_execline(std::string_view word) {
  std::string out = "\"";
  for (const char c : word) {
    switch (c) {
      case '\0':
        throw TemplateError("a word with a NUL cannot be an argument", 0);
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
      case '\\':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out + '"';
}

std::string quote_shell(std::string_view word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\0') throw TemplateError("a word with a NUL cannot be an argument", 0);
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

std::string expand_template(std::string_view text, const TemplateWords& words,
                            const WordStyle& style) {
  std::string out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (line.starts_with('#')) {
      out += line;
    } else {
      expand_line(line, number, words, style, &out);
    }
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace sdr
