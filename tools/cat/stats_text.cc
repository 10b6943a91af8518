#include "tools/cat/stats_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "tools/cat/ticks.h"
#include "tools/config/diagnostic.h"
#include "tools/lib/counted.h"
#include "tools/lib/int128.h"
#include "tools/lib/json.h"
#include "tools/lib/progress.h"
#include "tools/lib/time_ns.h"
#include "tools/lib/time_text.h"
#include "tools/recording/completeness.h"
#include "tools/recording/time_field.h"

namespace sdr::cat {
using namespace recording;
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kNameBytesMax = 200;
constexpr size_t kNameColumns = 12;  // with less, columns stand closer
constexpr const char* kHeads[] = {"count", "min", "mean", "max", "stddev"};
constexpr size_t kNumbers = std::size(kHeads);

struct Row {
  std::string name;
  std::string cells[kNumbers];
  std::string left_out;
  std::string times;  // in place of numbers that are times
};

int64_t us_of(int64_t ns) { return ns / 1000 - (ns % 1000 < 0); }

// Empty: it is no number of a time since the epoch.
std::optional<int64_t> us_of(const Number& number, std::string_view logical_type) {
  const int64_t units = units_per_s(logical_type);
  if (units == 0 || !number.is_integer) return {};
  const Int128 ns = Int128{number.integer} * (1000000000 / units);
  return us_of(clamp_time_ns(ns));
}

Row row_of(const FieldStats& field, bool utc) {
  const NumberStats& numbers = field.numbers;
  Row row = {printable(field.name, kNameBytesMax), {}, left_out_text(numbers), {}};
  row.cells[0] = std::to_string(numbers.count());
  if (numbers.count() == 0) return row;
  const std::optional<int64_t> first = us_of(numbers.min(), field.logical_type);
  const std::optional<int64_t> last = us_of(numbers.max(), field.logical_type);
  if (first && last) {
    row.times = "from " + time_text(*first, utc) + " to " + time_text(*last, utc);
    return row;
  }
  row.cells[1] = number_text(numbers.min());
  row.cells[2] = mean_text(numbers);
  row.cells[3] = number_text(numbers.max());
  row.cells[4] = short_number(numbers.stddev());
  return row;
}

// Columns as wide as they must be; a name that has no room left has a line of its own.
class Table {
 public:
  explicit Table(const std::vector<Row>& rows) {
    size_t numbers_width = 0;
    for (size_t i = 0; i < kNumbers; ++i) {
      widths_[i] = std::string_view(kHeads[i]).size();
      for (const Row& row : rows) widths_[i] = std::max(widths_[i], row.cells[i].size());
      numbers_width += widths_[i];
    }
    for (const Row& row : rows) name_width_ = std::max(name_width_, row.name.size());
    if (numbers_width + kNumbers * space_ + name_width_ > kColumns) {
      space_ = numbers_width + kNumbers * space_ + kNameColumns > kColumns ? 1 : 2;
      const size_t taken = std::min(numbers_width + kNumbers * space_, kColumns - 2);
      name_width_ = std::min(name_width_, kColumns - taken);
    }
  }

  template <typename Cells>
  std::string line(const std::string& name, const Cells& cells) const {
    std::string text = name + std::string(name_width_ - std::min(name_width_, name.size()), ' ');
    if (name.size() > name_width_) text += "\n" + std::string(name_width_, ' ');
    for (size_t i = 0; i < kNumbers; ++i) {
      const std::string_view cell(cells[i]);
      text.append(space_ + widths_[i] - cell.size(), ' ').append(cell);
    }
    return text.erase(text.find_last_not_of(' ') + 1) + "\n";
  }

 private:
  size_t widths_[kNumbers];
  size_t name_width_ = std::string_view("field").size();
  size_t space_ = 2;
};

std::string table_of(const std::vector<Row>& rows) {
  const Table table(rows);
  std::string text = table.line("field", kHeads);
  for (const Row& row : rows) {
    text += table.line(row.name, row.cells);
    if (!row.times.empty()) text += "  " + row.times + "\n";
    if (!row.left_out.empty()) text += "  left out: " + row.left_out + "\n";
  }
  return text;
}

std::string seconds_text(double seconds) {
  char text[64];
  snprintf(text, sizeof text, seconds < 1000 ? "%.6g s" : "%.0f s", seconds);
  return text;
}

std::string times_lines(const Summary& summary, bool utc) {
  const TimeStats& times = summary.times;
  if (times.count() == 0) return summary.datums > 0 ? "nothing says when they were received\n" : "";
  std::string text = "from " + time_text(us_of(times.first_ns()), utc) + " to " +
                     time_text(us_of(times.last_ns()), utc) + "\n";
  text += seconds_text(times.span_s());
  if (times.rate()) text += ", " + short_number(*times.rate()) + " datums a second";
  text += "\n";
  if (times.silence_s() > 0)
    text += "longest silence " + seconds_text(times.silence_s()) + ", from " +
            time_text(us_of(times.silence_from_ns()), utc) + "\n";
  if (summary.by_index) text += "times are those of blocks, spread evenly over their datums\n";
  if (summary.by_other_time) text += "times are of a field that is no receive time\n";
  if (summary.files_without_times > 0)
    text += counted(summary.files_without_times, "file") + " without times\n";
  return text;
}

std::string losses_line(const Summary& summary) {
  std::string lost = losses_text(summary.losses);
  if (summary.files == summary.files_without_index)
    return summary.files == 0 ? "" : "lost: not known, there is no index\n";
  if (lost.empty()) lost = "nothing";
  if (summary.files_without_index > 0)
    lost += "; not known of " + counted(summary.files_without_index, "file") + " without an index";
  return "lost: " + lost + "\n";
}

void add_field(const FieldStats& field, JsonWriter* json) {
  const NumberStats& numbers = field.numbers;
  json->begin_object().member("name", field.name).member("type", field.type);
  json->member("logical_type", field.logical_type);
  json->member("count", numbers.count()).member("nulls", numbers.nulls());
  json->member("others", numbers.others());
  json->member("nan", numbers.nan()).member("infinite", numbers.infinite());
  const auto add_number = [json](const char* key, const Number& number) {
    number.is_integer ? json->member(key, number.integer) : json->member(key, number.real);
  };
  if (numbers.count() > 0) {
    add_number("min", numbers.min());
    json->member("mean", numbers.mean());
    add_number("max", numbers.max());
    const double stddev = numbers.stddev();
    json->key("stddev");
    std::isfinite(stddev) ? json->value(stddev) : json->value(nullptr);
  } else {
    for (const char* key : {"min", "mean", "max", "stddev"}) json->member(key, nullptr);
  }
  json->end_object();
}

void add_times(const TimeStats& times, bool utc, JsonWriter* json) {
  if (times.count() == 0) {
    for (const char* key :
         {"first_time", "last_time", "seconds", "datums_per_second", "longest_silence"})
      json->member(key, nullptr);
    return;
  }
  json->member("first_time", time_text(us_of(times.first_ns()), utc));
  json->member("last_time", time_text(us_of(times.last_ns()), utc));
  json->member("seconds", times.span_s());
  json->key("datums_per_second");
  times.rate() ? json->value(*times.rate()) : json->value(nullptr);
  json->key("longest_silence").begin_object().member("seconds", times.silence_s());
  json->member("from", time_text(us_of(times.silence_from_ns()), utc)).end_object();
}

}  // namespace

std::string number_text(const Number& number) {
  return number.is_integer ? std::to_string(number.integer) : short_number(number.real);
}

std::string mean_text(const NumberStats& numbers) {
  const double largest =
      std::max(std::fabs(numbers.min().as_double()), std::fabs(numbers.max().as_double()));
  const double mean = numbers.mean();
  return short_number(std::fabs(mean) < largest * 1e-15 ? 0 : mean);
}

std::string left_out_text(const NumberStats& numbers) {
  std::string text;
  const auto add = [&text](int64_t count, const char* what) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + what;
  };
  add(numbers.nulls(), " null");
  add(numbers.nan(), " NaN");
  add(numbers.infinite(), " infinite");
  add(numbers.others(), " of other types");
  return text;
}

std::string summary_table(const Summary& summary, bool utc) {
  std::string text = counted(summary.datums, "datum") + ", " +
                     bytes_text(static_cast<double>(summary.bytes)) + ", in " +
                     counted(summary.blocks, "block") + " of " + counted(summary.files, "file");
  if (summary.unreadable > 0) text += ", and " + std::to_string(summary.unreadable) + " unreadable";
  text += "\n" + times_lines(summary, utc) + losses_line(summary);
  if (summary.fields.empty()) return text;
  std::vector<Row> rows;
  for (const FieldStats& field : summary.fields) rows.push_back(row_of(field, utc));
  text += "\n" + table_of(rows);
  if (summary.fields_cut) text += "and more fields than that\n";
  return text;
}

std::string summary_json(const Summary& summary, bool utc) {
  std::string text;
  JsonWriter json(&text);
  json.begin_object().member("files", summary.files).member("blocks", summary.blocks);
  json.member("datums", summary.datums).member("bytes", summary.bytes);
  json.member("unreadable", summary.unreadable);
  add_times(summary.times, utc, &json);
  json.member("times_of_blocks", summary.by_index);
  json.member("times_of_other_field", summary.by_other_time);
  json.member("files_without_times", summary.files_without_times);
  json.member("files_without_index", summary.files_without_index);
  const Losses& losses = summary.losses;
  json.key("lost").begin_object();
  json.member("sequence_gaps", losses.gaps).member("sequence_lost", losses.lost);
  json.member("duplicates", losses.duplicates).member("reordered", losses.reordered);
  json.member("resets", losses.resets).member("kernel_drops", losses.kernel_drops);
  json.member("unrecorded", losses.unrecorded).member("rejected", losses.rejected);
  json.member("restarts", losses.restarts).member("clock_steps", losses.clock_steps);
  json.member("damaged_bytes", losses.damaged_bytes).end_object();
  json.key("fields").begin_array();
  for (const FieldStats& field : summary.fields) add_field(field, &json);
  json.end_array().member("fields_cut", summary.fields_cut).end_object();
  return text + "\n";
}

}  // namespace sdr::cat
