// Any words in any template: each comes out quoted so that execline and sh read it back, and
// nothing else is read as a quote.
#include "tests/fuzz/fuzz.h"
#include "tools/gen/template.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

// Takes one quoted word off the front of *text, as execlineb(1) reads it.
std::string unquote_execline(std::string_view* text) {
  require(text->starts_with('"'));
  std::string out;
  size_t at = 1;
  for (; (*text)[at] != '"'; ++at) {
    char c = (*text)[at];
    if (c == '\\') {
      c = (*text)[++at];
      if (c == 'n') c = '\n';
      if (c == 'r') c = '\r';
      if (c == 't') c = '\t';
    }
    out += c;
    require(at + 1 < text->size());
  }
  text->remove_prefix(at + 1);
  return out;
}

// The same, as sh(1) reads it: pieces in single quotes, and escaped single quotes between them.
std::string unquote_shell(std::string_view* text) {
  std::string out;
  while (text->starts_with('\'') || text->starts_with('\\')) {
    if (text->front() == '\\') {
      out += text->at(1);
      text->remove_prefix(2);
      continue;
    }
    const size_t end = text->find('\'', 1);
    require(end != text->npos);
    out += text->substr(1, end - 1);
    text->remove_prefix(end + 1);
  }
  return out;
}

void check_words(const std::vector<std::string>& words, const WordStyle& style,
                 std::string (*unquote)(std::string_view*)) {
  TemplateWords all = {{"words", {}}};
  for (const std::string& word : words) all["words"].push_back({word, word});
  const std::string line = expand_template("run @words...@ end", all, style);
  std::string_view rest = line;
  require(rest.starts_with("run "));
  rest.remove_prefix(4);
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) {
      require(rest.starts_with(style.line_break));
      rest.remove_prefix(style.line_break.size());
    }
    require(unquote(&rest) == words[i]);
    require(rest.starts_with(' '));
    rest.remove_prefix(1);
    require(unquote(&rest) == words[i]);
  }
  require(rest == " end");
}

}  // namespace

// A template, then words, with a NUL before each.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::string_view text = input.until('\0');
  std::vector<std::string> words;
  while (!input.empty()) words.emplace_back(input.until('\0'));
  check_words(words, kExeclineStyle, unquote_execline);
  check_words(words, kShellStyle, unquote_shell);
  TemplateWords all = {{"a", {{"one"}}}, {"list", {}}};
  for (const std::string& word : words) all["list"].push_back({word});
  try {
    const std::string out = expand_template(text, all, kExeclineStyle);
    if (text.find('@') == text.npos || text.starts_with('#')) {
      const size_t line = text.find('\n');
      require(out.substr(0, line) == text.substr(0, line));
    }
  } catch (const TemplateError& error) {
    require(error.line >= 1);
  }
  return 0;
}
