// Any bytes as a recording for sdr-cat: it accounts for every byte, prints only JSON, and counts
// what it prints.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "tools/cat/cat.h"
#include "tools/config/diagnostic.h"
#include "tools/recording/field_path.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

constexpr size_t kTextBytesMax = 1 << 20;  // of one datum

UniqueFd opened(const MemoryFile& file) {
  return UniqueFd(open(file.path().c_str(), O_RDONLY | O_CLOEXEC));
}

// The datums of a block, as far as they are sound.
void check_datums(const OcfBlock& block, cat::Decoder* decoder) {
  std::string text;
  JsonWriter json(&text);
  size_t at = 0;
  const int64_t count = std::min(block.datums, kEmptyItemsMax);
  for (int64_t i = 0; i < count && text.size() < kTextBytesMax; ++i) {
    const recording::Walk walk = decoder->shape().walk(block.data.subspan(at));
    require(walk.size <= block.data.size() - at);
    if (walk.reject != Reject::kNone) return;
    std::string why;
    text.clear();
    if (!decoder->print(block.data.subspan(at, walk.size), &json, &why)) return;
    require(is_json(text));
    json.newline();
    at += walk.size;
  }
}

// What is found follows each other without a gap, from the header to the end of the file.
void check_events(const MemoryFile& file, std::string_view bytes, bool open_segment,
                  cat::Unions unions) {
  recording::SegmentReader reader(opened(file), open_segment, 16);
  cat::Decoder decoder;
  std::string why;
  Result<OcfHeader> header =
      parse_ocf_header({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const bool taken = reader.read_header(&why) == recording::SegmentReader::Header::kOk;
  require(taken == static_cast<bool>(header));
  if (!header) return;
  const bool decodes = decoder.open(reader.metadata("avro.schema"), unions, &why);
  require(decodes || !why.empty());
  int64_t at = static_cast<int64_t>(header->size);
  for (;;) {
    const recording::Found found = reader.next();
    require(found.event != recording::Event::kError);
    if (found.event == recording::Event::kEnd) break;
    require(found.offset == at && found.size > 0);
    at += found.size;
    if (found.event == recording::Event::kTail) break;
    if (found.event != recording::Event::kBlock) continue;
    require(found.block.datums > 0 &&
            found.block.data.size() + kSyncBytes < static_cast<size_t>(found.size));
    if (decodes) check_datums(found.block, &decoder);
  }
  require(at == static_cast<int64_t>(bytes.size()));
}

struct Outcome {
  int exit_code;
  std::string text;
};

Outcome run(const MemoryFile& file, bool open_segment, const cat::Options& options) {
  static MemoryFile printed;
  static const bool redirected = dup2(printed.fd(), STDOUT_FILENO) == STDOUT_FILENO;
  require(redirected);
  printed.write("");
  cat::Output output;
  Progress progress(0);
  recording::Source source = {.name = "input", .segments = {}, .error = {}};
  source.segments.push_back({.path = "input", .open = open_segment, .fd = opened(file)});
  std::vector<recording::Source> sources;
  sources.push_back(std::move(source));
  const int exit_code = cat::Cat(options, &output, &progress).run(std::move(sources));
  const bool may_lack =
      !options.range.is_all() || options.mode == cat::Mode::kPlot || !options.sink.fields.empty();
  require(exit_code == 0 || exit_code == 1 || (exit_code == 100 && may_lack));
  return {exit_code, printed.content()};
}

Outcome run(const MemoryFile& file, bool open_segment, cat::Mode mode, cat::Unions unions,
            const recording::TimeRange& range = {}) {
  cat::Options options;
  options.mode = mode;
  options.unions = unions;
  options.range = range;
  return run(file, open_segment, options);
}

int64_t count_lines(std::string_view text) {
  require(text.empty() || text.ends_with('\n'));
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1))
    require(is_json(rest.substr(0, rest.find('\n'))));
  return std::count(text.begin(), text.end(), '\n');
}

void check_lines(std::string_view text, size_t columns_max) {
  require(text.empty() || text.ends_with('\n'));
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const auto is_begin = [](char c) { return (c & 0xc0) != 0x80; };
    require(!has_control(line));
    require(static_cast<size_t>(std::count_if(line.begin(), line.end(), is_begin)) <= columns_max);
  }
}

// The first numbers of the schema that a path leads to.
std::vector<std::string> numbers_of(const MemoryFile& file, bool open_segment) {
  recording::SegmentReader reader(opened(file), open_segment);
  cat::Decoder decoder;
  std::string why;
  std::vector<std::string> found;
  if (reader.read_header(&why) != recording::SegmentReader::Header::kOk ||
      !decoder.open(reader.metadata("avro.schema"), cat::Unions::kBare, &why))
    return found;
  const cat::NumberTree tree(decoder.shape());
  for (const cat::Leaf& leaf : tree.leaves()) {
    recording::FieldPath path;
    if (!recording::find_field_path(decoder.shape(), leaf.name, &path, &why)) continue;
    found.push_back(leaf.name);
    if (found.size() == 4) break;
  }
  return found;
}

// --stats, as a table and as JSON, is of as many datums as are counted; pictures are fit for a
// terminal, and for XML as far as that is seen without a parser.
void check_digest(const MemoryFile& file, bool open_segment) {
  cat::Options options;
  options.mode = cat::Mode::kStats;
  check_lines(run(file, open_segment, options).text, 4096);
  options.json = true;
  const Outcome stats = run(file, open_segment, options);
  require(count_lines(stats.text) == 1);
  const Outcome counted = run(file, open_segment, cat::Mode::kCount, cat::Unions::kBare);
  const std::string datums = "\"datums\":" + std::to_string(std::stoll(counted.text)) + ",";
  require(stats.text.find(datums) != stats.text.npos && stats.exit_code == counted.exit_code);
  options.mode = cat::Mode::kPlot;
  options.json = false;
  options.plot_fields = numbers_of(file, open_segment);
  if (options.plot_fields.empty()) return;
  const Outcome drawn = run(file, open_segment, options);
  check_lines(drawn.text, 80);
  options.svg = "-";
  const Outcome svg = run(file, open_segment, options);
  require(svg.exit_code == drawn.exit_code && svg.text.empty() == drawn.text.empty());
  if (svg.text.empty()) return;
  check_lines(svg.text, SIZE_MAX);
  require(std::count(svg.text.begin(), svg.text.end(), '<') ==
          std::count(svg.text.begin(), svg.text.end(), '>'));
  for (const char* no_place : {"nan", "inf"})
    for (size_t at = 0; (at = svg.text.find(" d=\"", at + 1)) != svg.text.npos;)
      require(svg.text.substr(at, svg.text.find('>', at) - at).find(no_place) == svg.text.npos);
}

// Rows of CSV, of which each has as many cells as the head.
int64_t count_rows(std::string_view text) {
  int64_t rows = 0;
  size_t cells = 1, cells_of_head = 0;
  bool in_quotes = false;
  for (const char c : text) {
    if (c == '"') in_quotes = !in_quotes;
    if (in_quotes) continue;
    cells += c == ',';
    if (c != '\n') continue;
    if (rows == 0) cells_of_head = cells;
    require(cells == cells_of_head);
    cells = 1;
    ++rows;
  }
  require(!in_quotes && (text.empty() || text.ends_with('\n')));
  return rows;
}

// A table has as many rows as there are lines of JSON, and a head; returns how many in all.
int64_t check_table(const Outcome& table, const Outcome& printed, int64_t lines) {
  const int64_t rows = count_rows(table.text);
  require(table.exit_code == printed.exit_code && rows == (rows > 0 ? lines + 1 : 0));
  return rows;
}

// An Avro file that was printed has as many datums.
void check_copy(std::string_view avro, int64_t lines) {
  static MemoryFile copy;
  copy.write(avro);
  const Outcome again = run(copy, false, cat::Mode::kCount, cat::Unions::kBare);
  require(again.exit_code <= 1 && std::stoll(again.text) == lines);
}

// What is printed as CSV and as Avro is of as many datums as are printed as JSON; and of the Avro
// file again.
void check_forms(const MemoryFile& file, bool open_segment) {
  cat::Options options;
  const Outcome printed = run(file, open_segment, options);
  const int64_t lines = count_lines(printed.text);
  options.sink.format = cat::Format::kCsv;
  check_table(run(file, open_segment, options), printed, lines);
  options.sink.format = cat::Format::kAvro;
  for (const bool in_parts : {false, true}) {
    if (in_parts) {
      recording::SegmentReader reader(opened(file), open_segment);
      cat::Decoder decoder;
      std::string why;
      if (reader.read_header(&why) != recording::SegmentReader::Header::kOk ||
          !decoder.open(reader.metadata("avro.schema"), cat::Unions::kBare, &why))
        return;
      for (const cat::Column& column : cat::all_columns(decoder.shape())) {
        if (column.kind == cat::Column::Kind::kField && options.sink.fields.size() < 4)
          options.sink.fields.push_back(column.name);
      }
      if (options.sink.fields.empty()) return;
    }
    const Outcome avro = run(file, open_segment, options);
    require(avro.exit_code == printed.exit_code || (in_parts && avro.exit_code == 100));
    if (avro.text.empty() || avro.exit_code == 100) continue;
    check_copy(avro.text, lines);
  }
}

// Any list of fields: as they are named, once each, every form has as many datums as are counted,
// or each of them refuses it.
void check_fields(const MemoryFile& file, std::string_view list) {
  cat::Options options;
  options.sink.fields = recording::split_field_list(list);
  std::string joined;
  for (const std::string& field : options.sink.fields)
    joined += (&field == options.sink.fields.data() ? "" : ",") + field;
  require(joined == list);
  const Outcome printed = run(file, false, options);
  const int64_t lines = count_lines(printed.text);
  options.sink.format = cat::Format::kCsv;
  const int64_t rows = check_table(run(file, false, options), printed, lines);
  options.sink.format = cat::Format::kAvro;
  const Outcome avro = run(file, false, options);
  require(avro.exit_code == printed.exit_code || avro.exit_code == 100);
  if (printed.exit_code == 100) require(lines == 0 && rows == 0 && avro.text.empty());
  if (avro.text.empty()) return;
  check_copy(avro.text, lines);
}

}  // namespace

// Reading an open segment again waits a moment: not here.
extern "C" int nanosleep(const timespec*, timespec*) { return 0; }

// A byte: 1 an open segment, 2 typed unions, 8 the whole program, which is slow, 4 with --check
// rather than --count, 16 what came before and from a time on, too, 32 --stats and --plot, 64 other
// forms, 128 these with --fields, a list that ends with a line; the file.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool silent = (silence_stdio(), true);
  static MemoryFile file;
  require(silent);
  Input input(data, size);
  const uint64_t way = input.number(1);
  const bool open_segment = way & 1;
  const cat::Unions unions = way & 2 ? cat::Unions::kTyped : cat::Unions::kBare;
  std::string_view bytes = input.rest();
  if ((way & 128) && (way & 8)) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    file.write(bytes.substr(std::min(end + 1, bytes.size())));
    check_fields(file, bytes.substr(0, end));
    return 0;
  }
  file.write(bytes);
  if (!(way & 8)) {
    check_events(file, bytes, open_segment, unions);
    return 0;
  }
  if (way & 64) {
    check_forms(file, open_segment);
    return 0;
  }
  if (way & 32) {
    check_digest(file, open_segment);
    return 0;
  }
  const Outcome printed = run(file, open_segment, cat::Mode::kPrint, unions);
  const int64_t lines = count_lines(printed.text);
  if (way & 16) {
    const recording::TimeRange half = {INT64_MIN, 1795378500000000};
    const Outcome early = run(file, open_segment, cat::Mode::kPrint, unions, half);
    const Outcome late = run(file, open_segment, cat::Mode::kPrint, unions, {half.to_us});
    const int64_t in_both = count_lines(early.text) + count_lines(late.text);
    require(early.exit_code == 100 ? in_both == 0 : in_both <= lines);
  }
  if (way & 4) {
    const Outcome checked = run(file, open_segment, cat::Mode::kCheck, unions);
    require(printed.exit_code != 0 || checked.exit_code == 0);
    return 0;
  }
  const Outcome counted = run(file, open_segment, cat::Mode::kCount, unions);
  require(count_lines(counted.text) == 1);
  const int64_t count = std::stoll(counted.text);
  require(lines <= count && (printed.exit_code != 0 || lines == count));
  return 0;
}
