#include "tools/cat/cat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "relay/format/header_check.h"
#include "relay/format/segment_name.h"

namespace sdr::cat {
namespace {

bool may_be_whole(const OcfBlock& block, const Shape& shape) {
  const Reject reason = shape.check(block);
  return reason == Reject::kNone || reason == Reject::kUtf8;
}

Reject check_block(const OcfBlock& block, void* decoder) {
  return static_cast<const Decoder*>(decoder)->shape().check(block);
}

// A file that a relay has not sealed is by nobody else: it has a check. In other files one may be
// missing, or be another file's of which the metadata were copied.
bool is_header_damaged(const std::string& path, const SegmentReader& reader) {
  const std::string_view header = reader.header();
  const HeaderCheck found =
      check_header({reinterpret_cast<const uint8_t*>(header.data()), header.size()});
  const bool unsealed = path[path.rfind('/') + 1] == '.' && !reader.metadata("sdr.channel").empty();
  return found == HeaderCheck::kBad || (unsealed && found == HeaderCheck::kNone);
}

bool is_regular(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

int Cat::run(std::vector<Source> sources) {
  int64_t all = 0;
  for (Source& source : sources) {
    if (done()) break;
    if (!source.error.empty()) {
      progress_->clear();
      fprintf(stderr, "sdr-cat: error: %s\n", source.error.c_str());
      raise(source.exit_code);
      continue;
    }
    int64_t datums = 0;
    for (Segment& segment : source.segments) {
      if (done()) break;
      if (options_.mode == Mode::kRepair) {
        repair_segment(segment);
        continue;
      }
      const std::string path = segment.path;
      Tally tally;
      read_segment(std::move(segment), &tally);
      datums += tally.datums;
      bytes_before_ += tally.bytes;
      finish_segment(path, tally, "");
    }
    all += datums;
    if (options_.mode != Mode::kCount) continue;
    output_->text += std::to_string(datums);
    if (sources.size() > 1) output_->text += " " + source.name;
    output_->text += "\n";
  }
  if (options_.mode == Mode::kCount && sources.size() > 1)
    output_->text += std::to_string(all) + " total\n";
  output_->flush(true);
  if (output_->sys_errno() != 0 && output_->sys_errno() != EPIPE) {
    progress_->clear();
    fprintf(stderr, "sdr-cat: fatal: unable to write: %s\n", strerror(output_->sys_errno()));
    raise(111);
  }
  return exit_code_;
}

void Cat::read_segment(Segment segment, Tally* tally) {
  tally->open_segment = segment.open;
  if (!segment.fd) segment.fd.reset(open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!segment.fd) {
    tally->fatal = strerror(errno);
    raise(errno == ENOENT ? 100 : 111);
    return;
  }
  posix_fadvise(segment.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  flush_each_block_ = !is_regular(segment.fd.get());
  SegmentReader reader(std::move(segment.fd), segment.open);
  Decoder decoder;
  switch (reader.read_header(&tally->fatal)) {
    case SegmentReader::Header::kOk:
      if (open_decoder(segment.path, &reader, &decoder, tally))
        read_blocks(segment.path, &reader, &decoder, tally);
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
  return true;
}

void Cat::read_blocks(const std::string& path, SegmentReader* reader, Decoder* decoder,
                      Tally* tally) {
  while (!done()) {
    const Found found = reader->next();
    progress_->update(bytes_before_ + reader->position());
    switch (found.event) {
      case Event::kBlock:
        if (tally->open_segment && !verifies() && !may_be_whole(found.block, decoder->shape()) &&
            reader->reread())
          continue;
        read_block(path, found, decoder, tally);
        output_->flush(flush_each_block_);
        break;
      case Event::kDamage:
        note_damage(path, found, tally);
        break;
      case Event::kTail:
        tally->tail_bytes = found.size;
        return;
      case Event::kError:
        tally->fatal = std::string("unable to read: ") + strerror(found.sys_errno);
        raise(111);
        return;
      case Event::kEnd:
        return;
    }
  }
}

void Cat::read_block(const std::string& path, const Found& found, Decoder* decoder, Tally* tally) {
  const OcfBlock& block = found.block;
  ++tally->blocks;
  if (verifies()) {
    tally->datums += block.datums;
    return;
  }
  size_t at = 0;
  auto lose = [&](int64_t index, const char* reason) {
    say(path, datum_text(found, index, reason));
    tally->lost_datums += block.datums - index;
  };
  if (decoder->shape().has_too_many(block)) return lose(0, reject_name(Reject::kLength));
  for (int64_t i = 0; i < block.datums && !done(); ++i) {
    const Walk walk = decoder->shape().walk(block.data.subspan(at));
    if (walk.reject != Reject::kNone) return lose(i, reject_name(walk.reject));
    if (options_.mode == Mode::kPrint) {
      const size_t before = output_->text.size();
      std::string why;
      if (!decoder->print(block.data.subspan(at, walk.size), &json_, &why)) {
        output_->text.resize(before);
        return lose(i, printable(why).c_str());
      }
      json_.newline();
      output_->flush(false);
      ++printed_;
      tally->nul_in_key += walk.nul_in_key;
    }
    tally->utf8_bad += walk.utf8_bad;
    ++tally->datums;
    at += walk.size;
  }
  if (done() || at == block.data.size()) return;
  say(path, std::to_string(block.data.size() - at) +
                " bytes are left over in the block at offset " + std::to_string(found.offset));
  ++tally->damages;
  tally->lost_bytes += static_cast<int64_t>(block.data.size() - at);
}

void Cat::note_damage(const std::string& path, const Found& found, Tally* tally) {
  ++tally->damages;
  if (!found.lost.empty_block) tally->lost_bytes += found.size;
  say(path, damage_text(found));
}

void Cat::finish_segment(const std::string& path, const Tally& tally, const std::string& repaired) {
  if (!tally.sound()) raise(1);
  if (!tally.fatal.empty()) say(path, tally.fatal);
  if (tally.header_damaged) say(path, "the header is not as it was written: its check differs");
  if (tally.utf8_bad > 0)
    say(path, "datums with strings that are not UTF-8: " + std::to_string(tally.utf8_bad));
  if (tally.nul_in_key > 0)
    say(path, "datums with a map key that is cut at a NUL: " + std::to_string(tally.nul_in_key));
  if (!verifies()) return;
  output_->text += path + ": " + check_text(tally, options_.utc) + repaired + "\n";
  output_->flush(true);
}

void Cat::say(const std::string& path, const std::string& what) {
  progress_->clear();
  fprintf(stderr, "sdr-cat: error: %s: %s\n", path.c_str(), what.c_str());
}

}  // namespace sdr::cat
