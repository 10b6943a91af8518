#include "tools/config/diagnostic.h"

#include <algorithm>
#include <utility>

namespace sdr {
namespace {

// More than anyone reads, so that no file can make the report as large as memory.
constexpr size_t kDiagnosticsMax = 20000;
constexpr size_t kSourceLineBytesMax = 1000;

// A message never outgrows this many bytes, whatever names it quotes.
constexpr size_t kMessageBytesMax = 3000;

}  // namespace

void Findings::add_source(const std::string& file, std::string text) {
  const size_t rank = sources_.size();
  sources_.try_emplace(file, Source{rank, TextLines(std::move(text))});
}

const TextLines* Findings::source(const std::string& file) const {
  const std::map<std::string, Source>::const_iterator it = sources_.find(file);
  return it == sources_.end() ? nullptr : &it->second.lines;
}

void Findings::add(Severity severity, const Place& place, std::string message) {
  if (severity == Severity::kError) ++error_count_;
  if (found_.size() >= kDiagnosticsMax) {
    if (!full_) found_.push_back({Severity::kError, place.file, 0, 0, "too many errors", ""});
    full_ = true;
    return;
  }
  Diagnostic d;
  d.severity = severity;
  d.file = place.file;
  d.line = place.line;
  d.column = place.column;
  d.message = printable(message, kMessageBytesMax);
  const TextLines* lines = source(place.file);
  if (lines && lines->line(place.line).size() <= kSourceLineBytesMax) {
    d.source_line = lines->line(place.line);
  }
  found_.push_back(std::move(d));
}

void Findings::error(const Place& place, std::string message) {
  add(Severity::kError, place, std::move(message));
}

void Findings::warning(const Place& place, std::string message) {
  add(Severity::kWarning, place, std::move(message));
}

std::vector<Diagnostic> Findings::take() {
  const auto rank = [this](const Diagnostic& d) {
    const std::map<std::string, Source>::const_iterator it = sources_.find(d.file);
    return it == sources_.end() ? sources_.size() : it->second.rank;
  };
  const auto key = [&rank](const Diagnostic& d) {
    return std::make_tuple(rank(d), std::string_view(d.file), d.line, d.column);
  };
  std::stable_sort(found_.begin(), found_.end(),
                   [&key](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  const auto same = [&key](const Diagnostic& a, const Diagnostic& b) {
    return key(a) == key(b) && a.message == b.message;
  };
  found_.erase(std::unique(found_.begin(), found_.end(), same), found_.end());
  return std::exchange(found_, {});
}

bool LoadedConfig::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

std::string quoted(std::string_view text, size_t bytes_max) {
  return "'" + printable(text, bytes_max) + "'";
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
                         std::string_view otherwise) {
  const std::string_view found = nearest(word, candidates);
  if (found.empty()) return std::string(otherwise);
  return "; did you mean " + quoted(found) + "?";
}

std::string one_of(std::span<const std::string_view> words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace sdr
