// Any bytes as the index of a segment: its rows are in order and say what they say when they are
// written again; what is read by them leaves nothing out that may be of the time asked for; and the
// books of a segment that has just their blocks have no word of doubt.
#include <string.h>

#include <algorithm>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tools/cat/index_mender.h"
#include "tools/config/diagnostic.h"
#include "tools/recording/completeness.h"
#include "tools/recording/selection.h"

using namespace sdr;
using namespace sdr::cat;
using namespace sdr::recording;
using namespace sdr::fuzz;

namespace {

const std::string kSync = "0123456789abcdef";
constexpr uint64_t kHeaderBytes = 100;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string header() {
  const MetadataPair pairs[] = {{"avro.schema", kIndexSchema}, {"avro.codec", "null"}};
  std::vector<uint8_t> out(2048);
  const size_t size = put_ocf_header({}, pairs, bytes_of(kSync).data(), out);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string block(std::string_view data, uint64_t rows) {
  uint8_t head[kBlockHeadBytesMax];
  const size_t size = put_block_head(rows, data.size(), head);
  return std::string(reinterpret_cast<const char*>(head), size) + std::string(data) + kSync;
}

// 1: the whole file; else its blocks, each of a size, a number of rows and their bytes.
std::string index_of(Input* input) {
  if (input->number(1) & 1) return std::string(input->rest());
  std::string text = header();
  while (!input->empty()) {
    const size_t size = input->number(1);
    const uint64_t rows = input->number(1);
    text += block(input->text(size), rows);
  }
  return text;
}

void check_again(const IndexRow& row) {
  uint8_t bytes[kIndexRowBytesMax];
  const size_t size = put_index_row(row, bytes);
  require(size <= sizeof bytes);
  IndexRow again;
  const uint8_t* at = bytes;
  require(take_index_row(&at, bytes + size, &again) && at == bytes + size);
  require(again.offset == row.offset && again.datums == row.datums);
  require(again.has_times == row.has_times);
  if (row.has_times)
    require(again.first_time_us == row.first_time_us && again.last_time_us == row.last_time_us);
  require(memcmp(&row.losses, &again.losses, sizeof row.losses) == 0);
}

std::vector<IndexRow> read_rows(const MemoryFile& file, bool growing, bool* is_whole) {
  IndexReader reader;
  std::vector<IndexRow> rows;
  *is_whole = false;
  if (reader.open(file.path(), bytes_of(kSync), growing) != IndexReader::Opened::kYes) return rows;
  for (IndexRow row; reader.next(&row);) {
    check_again(row);
    if (!rows.empty()) require(row.offset >= rows.back().offset + (rows.back().datums > 0));
    rows.push_back(row);
  }
  *is_whole = reader.trouble().empty();
  return rows;
}

void check_plan(const std::vector<IndexRow>& rows, const TimeRange& range, bool judges) {
  SpanPlan plan(range, judges, kHeaderBytes, -1);
  uint64_t end = kHeaderBytes;
  for (const IndexRow& row : rows) {
    if (row.offset < kHeaderBytes) return;
    plan.add(row);
    end = row.offset + (row.datums > 0);
  }
  const std::vector<Span> spans = plan.finish(end);
  uint64_t at = kHeaderBytes;
  for (const Span& span : spans) {
    require(span.begin >= at && span.end > span.begin);
    require((span.trust == Trust::kEach) == judges);
    at = span.end;
  }
  for (const IndexRow& row : rows) {
    if (row.datums == 0 || !row.has_times) continue;
    const Span* in = nullptr;
    for (const Span& span : spans) {
      if (row.offset >= span.begin && row.offset < span.end) in = &span;
    }
    const bool meets = range.meets(std::min(row.first_time_us, row.last_time_us),
                                   std::max(row.first_time_us, row.last_time_us));
    require(in || !meets);
    require(judges || !in || meets);
  }
}

Account check_books(const MemoryFile& file, const std::vector<IndexRow>& rows, bool growing,
                    bool is_whole) {
  Ledger ledger(file.path(), bytes_of(kSync), growing, nullptr);
  uint64_t end = kHeaderBytes;
  Losses losses = {};
  for (const IndexRow& row : rows) {
    losses = losses + row.losses;
    end = row.offset + 1;
    if (row.datums > 0) ledger.note_block(row.offset, static_cast<int64_t>(row.datums));
  }
  const Account account = ledger.finish(end);
  require(account.is_consistent() == is_whole || account.index != Account::Index::kRead);
  require(account.blocks_without_row == 0 && account.rows_without_block == 0);
  if (account.index == Account::Index::kRead)
    require(memcmp(&losses, &account.losses, sizeof losses) == 0);
  return account;
}

// What a repair makes of it, where one block in three is lost.
void check_mended(const MemoryFile& file, const std::vector<IndexRow>& rows) {
  IndexMender mender(file.path(), bytes_of(kSync));
  uint64_t to = kHeaderBytes;
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].datums == 0 || i % 3 == 2) continue;
    mender.keep(rows[i].offset, to++, rows[i].datums);
    ++kept;
  }
  if (mender.text().empty()) return;
  static MemoryFile made;
  made.write(mender.text());
  bool is_whole;
  require(read_rows(made, false, &is_whole).size() == kept && is_whole);
}

}  // namespace

// Reading what grows again waits a moment: not here.
extern "C" int nanosleep(const timespec*, timespec*) { return 0; }

// A byte: 1 both grow, 2 datums say by themselves when they were received; two times; the index.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static MemoryFile file;
  Input input(data, size);
  const uint64_t way = input.number(1);
  const int64_t from_us = static_cast<int64_t>(input.number(8));
  const int64_t to_us = static_cast<int64_t>(input.number(8));
  file.write(index_of(&input));
  bool is_whole;
  const std::vector<IndexRow> rows = read_rows(file, way & 1, &is_whole);
  check_plan(rows, {from_us, to_us}, way & 2);
  Tally tally;
  tally.account = check_books(file, rows, way & 1, is_whole);
  require(!has_control(account_text(tally.account)));
  require(losses_lines(tally.account, true).size() < 1 << 16);
  Completeness all;
  all.add(tally);
  require(all.verdict().starts_with(all.is_missing() ? "not complete: " : "") &&
          !has_control(all.verdict()));
  check_mended(file, rows);
  return 0;
}
