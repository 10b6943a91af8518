// --stats and --plot: what they tell once all is read.
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "tools/cat/cat.h"
#include "tools/cat/replace_file.h"

namespace sdr::cat {
namespace {

struct Size {
  size_t columns = 80;
  size_t rows = 24;
};

Size size_of_terminal() {
  winsize found = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0 || found.ws_row == 0)
    return {};
  return {found.ws_col, found.ws_row};
}

bool speaks_utf8() {
  setlocale(LC_CTYPE, "");
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void tell(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings)
    fprintf(stderr, "sdr-cat: warning: %s\n", warning.c_str());
}

void tell_error(const std::string& error) {
  fprintf(stderr, "sdr-cat: error: %s\n", error.c_str());
}

}  // namespace

void Cat::begin_digest(const Reading& reading, bool in_range) {
  std::vector<std::pair<std::string, std::string>> troubles;
  digest_->begin_segment(reading.path, *reading.reader, reading.tally->open_segment,
                         reading.decoder->shape(), &troubles);
  // With a range they are told of where it is looked for.
  if (in_range) return;
  for (const auto& [path, trouble] : troubles) {
    say(path, trouble);
    raise(1);
  }
}

void Cat::finish_stats() {
  progress_->clear();
  std::vector<std::string> warnings;
  std::string error;
  const std::optional<Summary> summary = digest_->finish_stats(&warnings, &error);
  tell(warnings);
  if (!summary) {
    tell_error(error);
    raise(100);
    return;
  }
  output_->text +=
      options_.json ? summary_json(*summary, options_.utc) : summary_table(*summary, options_.utc);
}

void Cat::finish_plot() {
  progress_->clear();
  std::vector<std::string> warnings;
  std::string error;
  bool is_usage = false;
  const std::optional<Chart> chart = digest_->finish_chart(&warnings, &error, &is_usage);
  tell(warnings);
  if (chart) {
    print_chart(*chart);
    return;
  }
  // What could not be read has been told of.
  if (exit_code_ < 100) tell_error(error);
  raise(is_usage ? 100 : 1);
}

void Cat::print_chart(const Chart& chart) {
  if (options_.svg.empty()) {
    const Size size = size_of_terminal();
    output_->text +=
        draw_text(chart, size.columns, size.rows, speaks_utf8() ? Dots::kBraille : Dots::kAscii);
    return;
  }
  if (options_.svg == "-") {
    output_->text += draw_svg(chart);
    return;
  }
  const std::string failure = replace_file(options_.svg, draw_svg(chart));
  if (failure.empty()) return;
  tell_error(failure);
  raise(111);
}

}  // namespace sdr::cat
