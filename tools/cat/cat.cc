#include "tools/cat/cat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>

#include "relay/format/segment_name.h"

namespace sdr::cat {
namespace {

constexpr size_t kRangeWindowBytes = 128 << 10;  // what is read beyond what is wanted
constexpr size_t kWindowBytes = 2 << 20;
constexpr size_t kSaidMax = 1000;

Reject check_block(const OcfBlock& block, void* decoder) {
  return static_cast<const Decoder*>(decoder)->shape().check(block);
}

// Rejected datagrams have no index: nothing is lost of them that would be told of there.
bool is_of_rejects(const std::string& path) {
  return std::filesystem::absolute(path).parent_path().filename() == "rejected";
}

}  // namespace

int Cat::run(std::vector<Source> sources) {
  int64_t all = 0;
  if (options_.follow) prepare_to_follow(sources[0]);
  for (Source& source : sources) {
    if (done()) break;
    if (!source.error.empty()) {
      progress_->clear();
      fprintf(stderr, "sdr-cat: error: %s\n", source.error.c_str());
      raise(source.exit_code);
      continue;
    }
    const int64_t datums = read_source(&source);
    all += datums;
    if (options_.mode != Mode::kCount) continue;
    output_->text += std::to_string(datums);
    if (sources.size() > 1) output_->text += " " + source.name;
    output_->text += "\n";
  }
  if (options_.mode == Mode::kCount && sources.size() > 1)
    output_->text += std::to_string(all) + " total\n";
  if (options_.mode == Mode::kPrint) {
    if (options_.follow && exit_code_ < 100) follow(sources[0]);
    sink_->finish(&output_->text);
  }
  if (options_.mode == Mode::kCheck) finish_check();
  if (options_.mode == Mode::kStats) finish_stats();
  if (options_.mode == Mode::kPlot) finish_plot();
  output_->flush(true);
  if (output_->sys_errno() != 0 && output_->sys_errno() != EPIPE) {
    progress_->clear();
    fprintf(stderr, "sdr-cat: fatal: unable to write: %s\n", strerror(output_->sys_errno()));
    raise(111);
  }
  return exit_code_;
}

int64_t Cat::read_source(Source* source) {
  int64_t datums = 0;
  before_ = {};
  for (Segment& segment : source->segments) {
    if (done()) break;
    if (options_.mode == Mode::kRepair) {
      repair_segment(segment);
      continue;
    }
    // What is there by now is printed by its time or never.
    if (options_.follow && segment.open && segment.fd) pass_over(segment);
    if (options_.follow && options_.range.is_all()) continue;
    const std::string path = segment.path;
    Tally tally;
    read_segment(std::move(segment), &tally);
    datums += tally.datums;
    bytes_before_ += tally.bytes;
    finish_segment(path, tally, "");
  }
  return datums;
}

void Cat::read_segment(Segment segment, Tally* tally) {
  tally->open_segment = segment.open;
  if (!segment.fd) segment.fd.reset(open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!segment.fd) {
    tally->fatal = strerror(errno);
    raise(errno == ENOENT ? 100 : 111);
    return;
  }
  const bool in_range = !options_.range.is_all() && !is_following_;
  struct stat status = {};
  fstat(segment.fd.get(), &status);
  if (!in_range) posix_fadvise(segment.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  flush_each_block_ = !S_ISREG(status.st_mode) || options_.follow;
  SegmentReader reader(std::move(segment.fd), segment.open,
                       in_range || is_following_ ? kRangeWindowBytes : kWindowBytes);
  Decoder decoder;
  Reading reading = {.path = segment.path, .reader = &reader, .decoder = &decoder, .tally = tally};
  reading.status = status;
  switch (reader.read_header(&tally->fatal)) {
    case SegmentReader::Header::kOk:
      if (!open_decoder(segment.path, &reader, &decoder, tally)) break;
      if (options_.mode == Mode::kPrint && !begin_printing(&reading)) break;
      if (digest_) begin_digest(reading, in_range);
      if (options_.follow && (is_following_ || tally->open_segment)) begin_place(reading);
      if (is_following_) go_on(reading);
      in_range ? read_range(&reading) : read_all(&reading);
      if (digest_) digest_->end_segment(*tally);
      break;
    case SegmentReader::Header::kNotYet:
      tally->fatal.clear();
      tally->tail_bytes = reader.position();
      break;
    case SegmentReader::Header::kError:
      raise(111);
      break;
    case SegmentReader::Header::kBad:
      break;
  }
  tally->bytes = reader.position();
}

bool Cat::open_decoder(const std::string& path, SegmentReader* reader, Decoder* decoder,
                       Tally* tally) {
  tally->header_damaged = is_header_damaged(path, *reader);
  const std::string_view codec = reader->metadata("avro.codec");
  if (!codec.empty() && codec != "null") {
    tally->fatal = "codec " + printable(codec) + " is not supported, only null is";
    return false;
  }
  const std::string_view schema = reader->metadata("avro.schema");
  std::string why = "the header has none";
  if (schema.empty() || !decoder->open(schema, options_.unions, &why)) {
    tally->fatal = "unable to parse the schema: " + printable(why);
    return false;
  }
  if (verifies()) reader->set_check(check_block, decoder);
  tally->started_us = parse_iso_time(reader->metadata("sdr.started"));
  tally->recovered = !reader->metadata(kRecoveredKey).empty();
  return true;
}

bool Cat::begin_printing(Reading* reading) {
  Tally* const tally = reading->tally;
  const std::string_view schema = reading->reader->metadata("avro.schema");
  has_begun_ = true;
  if (!sink_->begin_segment(schema, reading->decoder, &tally->fatal)) {
    cannot_go_on_ = true;
    raise(100);
    return false;
  }
  if (!sink_->wants_times()) return true;
  std::string lacks;
  reading->clock_field = find_time_field(schema, &lacks);
  reading->clock.emplace(reading->path, *reading->reader, tally->open_segment,
                         reading->decoder->shape(), reading->clock_field);
  for (const auto& [path, trouble] : reading->clock->troubles()) {
    say(path, trouble);
    raise(1);
  }
  if (reading->clock->by() == DatumClock::By::kNothing)
    say(reading->path, "nothing says when its datums were received: " + reading->clock->lacks(),
        "warning");
  return true;
}

void Cat::read_all(Reading* reading) {
  Tally* const tally = reading->tally;
  const SegmentReader& reader = *reading->reader;
  if (options_.mode == Mode::kCheck && !is_of_rejects(reading->path))
    reading->ledger = std::make_unique<Ledger>(index_path(reading->path, reader), reader.sync(),
                                               tally->open_segment, &before_);
  read_blocks(reading, kFileEnd);
  if (!reading->ledger) return;
  tally->account = reading->ledger->finish(static_cast<uint64_t>(reader.position()));
  before_ = tally->account;
}

void Cat::finish_segment(const std::string& path, const Tally& tally, const std::string& repaired) {
  if (!tally.sound() || !tally.account.is_consistent()) raise(1);
  if (!tally.fatal.empty()) say(path, tally.fatal);
  if (tally.header_damaged) say(path, "the header is not as it was written: its check differs");
  if (tally.utf8_bad > 0)
    say(path, "datums with strings that are not UTF-8: " + std::to_string(tally.utf8_bad));
  if (tally.nul_in_key > 0)
    say(path, "datums with a map key that is cut at a NUL: " + std::to_string(tally.nul_in_key));
  if (tally.unsure_datums > 0)
    say(path,
        std::to_string(tally.unsure_datums) +
            " datums are there though nothing says when they were received",
        "warning");
  if (!verifies()) return;
  output_->text += path + ": " + check_text(tally, options_.utc) + account_text(tally.account) +
                   repaired + "\n" + losses_lines(tally.account, options_.utc);
  if (options_.mode == Mode::kCheck && !is_of_rejects(path)) completeness_.add(tally);
  output_->flush(true);
}

void Cat::finish_check() {
  if (options_.rejected) return;
  if (completeness_.is_missing()) raise(1);
  output_->text += completeness_.verdict() + "\n";
}

void Cat::say(const std::string& path, const std::string& what, const char* kind) {
  // What is looked at again and again is told of once.
  if (said_.size() >= kSaidMax) said_.clear();
  if (is_following_ && !said_.insert(path + ": " + what).second) return;
  progress_->clear();
  fprintf(stderr, "sdr-cat: %s: %s: %s\n", kind, path.c_str(), what.c_str());
}

}  // namespace sdr::cat
