// A torn segment, made of sound blocks and any damage between them, through the relay's repair: it
// ends; what it seals is the header and sound blocks of the torn one, in order; none that was
// written whole is missing; and the next one finds nothing to do.
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "relay/format/header_check.h"
#include "relay/format/varint.h"
#include "relay/log.h"
#include "relay/repair.h"
#include "tests/fuzz/fuzz.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace sdr {

// In the place of relay/log.cc.
void log_line(const char*, const char*, ...) {}
void log_errno(const char*, int, const char*, ...) {}

}  // namespace sdr

namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

constexpr char kMarker[] = "0123456789abcdef";
constexpr char kStarted[] = "2026-11-22T20:15:00.000000Z";
constexpr char kLayout[] = "(ls)";
constexpr int kStepsMax = 10000;

std::string as_text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }
std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
const uint8_t* marker() { return reinterpret_cast<const uint8_t*>(kMarker); }

std::string header(bool whole) {
  char check[kHeaderCheckBytes];
  begin_header_check(marker(), check);
  const MetadataPair pairs[] = {
      {"avro.schema", R"({"type":"record","name":"r","fields":[{"name":"n","type":"long"},)"
                      R"({"name":"s","type":"string"}]})"},
      {"sdr.channel", "t"},
      {"sdr.started", kStarted},
      {kHeaderCheckKey, {check, sizeof check}}};
  std::vector<uint8_t> out(1024);
  out.resize(put_ocf_header({}, std::span(pairs).first(whole ? 4 : 2), marker(), out));
  if (whole) end_header_check(out);
  return as_text(out);
}

std::string varint(int64_t value) {
  uint8_t out[kVarintBytesMax];
  return as_text({out, put_varint(value, out)});
}

// A block of `count` datums, numbered on from *next. No sector of it is zero.
std::string block(size_t count, std::string_view tail, int64_t* next) {
  std::string data;
  for (size_t i = 0; i < count; ++i)
    data += varint((*next)++) + varint(static_cast<int64_t>(tail.size())) + std::string(tail);
  uint8_t head[kBlockHeadBytesMax];
  return as_text({head, put_block_head(count, data.size(), head)}) + data + kMarker;
}

// The bytes of the segment behind its header, and in *whole its blocks that nothing has touched.
std::string damaged(Input* input, std::vector<std::string>* whole) {
  std::string body;
  int64_t next = 0;
  bool marked = true;  // the marker in front is there
  while (!input->empty() && body.size() < 100000) {
    const uint64_t what = input->number(1);
    const size_t size = input->number(1);
    const std::string made = block(1 + size % 5, std::string(size % 97, 'x'), &next);
    switch (what % 8) {
      case 0:  // any bytes
        body += input->text(size);
        marked = false;
        break;
      case 1:  // lost sectors
        body += std::string(size * 16, '\0');
        marked = false;
        break;
      case 2:  // a block that ends early
        body += made.substr(0, size % made.size());
        marked = false;
        break;
      case 3: {  // one byte of a block is another
        std::string wrong = made;
        const size_t at = input->number(2) % wrong.size();
        const char other = static_cast<char>(input->number(1));
        if (wrong[at] == other)
          wrong[at] = static_cast<char>(other + 1);
        else
          wrong[at] = other;
        body += wrong;
        marked = at < wrong.size() - kSyncBytes;
        break;
      }
      case 4:
        body += kMarker;
        marked = true;
        break;
      default:
        body += made;
        if (marked) whole->push_back(made);
        marked = true;
    }
  }
  return body;
}

void collect(const fs::path& root, Files* files) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    (*files)[entry.path().lexically_relative(root)] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
}

// A relay starts, and repairs what there is.
Files repair(const ScratchDirectory& scratch, std::string_view base) {
  alignas(kPageBytes) static uint8_t buffer[256 << 10];
  static Repair repair;
  Flip<Recorded> state = {};
  Recording recording({{"t", 0640, true}}, buffer, sizeof buffer);
  UniqueFd directory(openat(scratch.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  require(static_cast<bool>(recording.attach(std::move(directory), &state, as_bytes(base), {})));
  repair.stop();
  const Repair::Job jobs[] = {{&recording, kLayout, false}};
  int steps = 0;
  while (repair.step(jobs)) require(++steps < kStepsMax);
  recording.drop();
  Files files;
  collect(scratch.path(), &files);
  return files;
}

// The blocks of a sealed file, each of which is a sound one.
std::vector<std::string> blocks_of(std::string_view content, std::string_view head) {
  static Layout layout;
  static size_t column;
  static const bool parsed = static_cast<bool>(layout.parse(kLayout, &column));
  require(parsed && content.starts_with(head));
  std::vector<std::string> blocks;
  for (content.remove_prefix(head.size()); !content.empty();) {
    OcfBlock found;
    require(parse_ocf_block(as_bytes(content), marker(), &found) == BlockStatus::kOk);
    require(layout.validate_all(found.data.data(), found.data.size(), found.datums) ==
            Reject::kNone);
    blocks.emplace_back(content.substr(0, found.size));
    content.remove_prefix(found.size);
  }
  return blocks;
}

// The index has a row for each block, none of which has a time, and one for the end.
void check_index(std::string_view index, const std::vector<std::string>& blocks, size_t offset) {
  Result<OcfHeader> header = parse_ocf_header(as_bytes(index));
  require(header && memcmp(header->sync, marker(), kSyncBytes) == 0);
  index.remove_prefix(header->size);
  for (size_t i = 0; i <= blocks.size(); ++i) {
    OcfBlock found;
    require(parse_ocf_block(as_bytes(index), marker(), &found) == BlockStatus::kOk);
    const uint8_t* at = found.data.data();
    IndexRow row;
    require(found.datums == 1 && take_index_row(&at, at + found.data.size(), &row));
    require(at == found.data.data() + found.data.size() && !row.has_times);
    BlockHead head;
    if (i < blocks.size())
      require(parse_block_head(as_bytes(blocks[i]), &head) == BlockStatus::kOk);
    require(row.offset == offset && row.datums == static_cast<uint64_t>(head.datums));
    offset += i < blocks.size() ? blocks[i].size() : 0;
    index.remove_prefix(found.size);
  }
  require(index.empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ScratchDirectory scratch;
  Input input(data, size);
  const bool good_header = input.number(1) % 16 != 0;
  const std::string head = header(good_header);
  std::vector<std::string> whole;
  const std::string body = damaged(&input, &whole);
  const std::string torn = head + body;
  scratch.write(".open", torn);

  const Files all = repair(scratch, header(true));
  Files files = all;
  std::string index;
  if (const auto found = files.find("date=2026-11-22/t_20261122T201500.000000Z.index");
      found != files.end()) {
    index = found->second;
    files.erase(found);
  }
  require(files.size() <= 1);
  const std::string name = files.empty() ? "" : files.begin()->first;
  if (!good_header) {
    require(name.starts_with(".broken-") && files.begin()->second == torn);
  } else if (name.empty()) {
    require(whole.empty() && std::all_of(body.begin(), body.end(), [](char c) { return !c; }));
  } else if (name.starts_with(".broken-")) {
    require(whole.empty() && files.begin()->second == torn);
  } else {
    require(name == "date=2026-11-22/t_20261122T201500.000000Z.avro");
    const std::vector<std::string> sealed = blocks_of(files.begin()->second, head);
    check_index(index, sealed, head.size());
    size_t at = head.size();
    for (const std::string& found : sealed) {
      at = torn.find(found, at);
      require(at != std::string::npos);
      at += found.size();
    }
    // One that was written whole is there, itself or as bytes of one that began before it.
    for (const std::string& found : whole)
      require(std::any_of(sealed.begin(), sealed.end(), [&](const std::string& other) {
        return other.find(found) != std::string::npos;
      }));
  }
  require(name.ends_with(".avro") || index.empty());
  require(repair(scratch, header(true)) == all);
  return 0;
}
