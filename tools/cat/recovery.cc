#include "tools/cat/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "relay/clock.h"
#include "relay/format/segment_name.h"
#include "tools/cat/report.h"
#include "tools/lib/schema.h"
#include "tools/recording/index_reader.h"
#include "tools/recording/selection.h"

namespace sdr::cat {
namespace {

namespace fs = std::filesystem;

bool comes_before(const RejectPlace& a, const RejectPlace& b) { return a.time_us < b.time_us; }

std::string now_text() {
  char text[kIsoTimeBytes + 1];
  return {text, put_iso_time(realtime_us(), text)};
}

// Up to when a recovered segment reaches, or INT64_MAX where nothing says so.
int64_t end_of(const std::string& path, const SegmentReader& segment) {
  IndexReader index;
  int64_t last_us = INT64_MAX;
  if (index.open(index_path(path, segment), segment.sync(), false) != IndexReader::Opened::kYes)
    return last_us;
  for (IndexRow row; index.next(&row);) last_us = row.has_times ? row.last_time_us : INT64_MAX;
  return last_us;
}

}  // namespace

int Recovery::run(std::vector<Source> sources) {
  try {
    read_schema();
    RejectsReader reader(take_files(&sources), progress_);
    find(&reader);
    if (!places_.empty()) {
      find_neighbours();
      write(&reader);
    }
    tell();
  } catch (const WriteError& error) {
    complain(error.what(), error.exit_code);
  }
  output_->flush(true);
  return exit_code_;
}

void Recovery::complain(const std::string& what, int exit_code) {
  progress_->clear();
  fprintf(stderr, "sdr-cat: error: %s\n", what.c_str());
  exit_code_ = std::max(exit_code_, exit_code);
}

void Recovery::read_schema() {
  std::ifstream stream(options_.schema, std::ios::binary);
  if (stream)
    origin_.schema.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  if (!stream) throw WriteError(options_.schema + ": " + strerror(errno), 100);
  layout_ = std::make_unique<Layout>();
  size_t column;
  try {
    const CompiledSchema schema = compile_schema(origin_.schema);
    if (Status parsed = layout_->parse(schema.layout, &column); !parsed)
      throw SchemaError(parsed.error().what, 0, 0);
  } catch (const SchemaError& bad) {
    std::string place = options_.schema;
    if (bad.line > 0) place += ":" + std::to_string(bad.line) + ":" + std::to_string(bad.column);
    throw WriteError(place + ": " + bad.what(), 100);
  }
}

std::vector<Segment> Recovery::take_files(std::vector<Source>* sources) {
  std::vector<Segment> files;
  for (Source& source : *sources) {
    if (!source.error.empty()) throw WriteError(source.error, source.exit_code);
    for (Segment& segment : source.segments) files.push_back(std::move(segment));
  }
  if (files.size() > RejectPlace::kFilesMax) throw WriteError("too many files", 100);
  if (!options_.output.empty()) {
    if (!options_.output.ends_with(".avro"))
      throw WriteError("--output takes a name that ends in .avro, not " + options_.output, 100);
    return files;
  }
  if (sources->size() != 1 || sources->front().channel.empty())
    throw WriteError("--recover takes one channel, or --output FILE says where to", 100);
  directory_ = sources->front().directory;
  channel_ = sources->front().channel;
  return files;
}

void Recovery::look_at(const KeptDatagram& kept, const RejectPlace& place) {
  if (!options_.range.meets(kept.time_us, kept.time_us)) return;
  // What of these is whole was never meant for this channel, or is not whole.
  if (kept.reason == reject_name(Reject::kSender) ||
      kept.reason == reject_name(Reject::kTruncated)) {
    ++refused_[std::string(kept.reason)];
    return;
  }
  const Reject reason = layout_->validate(kept.datagram.data(), kept.datagram.size());
  if (reason == Reject::kNone)
    places_.push_back(place);
  else
    ++refused_[reject_name(reason)];
}

void Recovery::find(RejectsReader* reader) {
  reader->scan([this](const KeptDatagram& kept, const RejectPlace& place) { look_at(kept, place); },
               [this](const std::string& what, int exit_code) { complain(what, exit_code); });
  std::stable_sort(places_.begin(), places_.end(), comes_before);
}

// The starts of the channel's segments in the time of those that fit; one of them that has been
// recovered with the same schema is an error.
void Recovery::find_neighbours() {
  if (directory_.empty()) return;
  const TimeRange range = {places_.front().time_us, places_.back().time_us + 1};
  std::string error;
  std::vector<Segment> segments = list_segments(directory_, channel_, &error);
  if (!error.empty()) throw WriteError("unable to read " + directory_ + ": " + error, 111);
  choose_by_name(channel_, range, &segments);
  for (Segment& segment : segments) {
    if (!segment.fd) segment.fd.reset(open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!segment.fd) throw WriteError::system("unable to open " + segment.path);
    SegmentReader reader(std::move(segment.fd), segment.open, 64 << 10);
    std::string why;
    const bool is_read = reader.read_header(&why) == SegmentReader::Header::kOk;
    const int64_t start_us =
        segment.open ? parse_iso_time(reader.metadata("sdr.started"))
                     : parse_segment_name(channel_, fs::path(segment.path).filename().string());
    if (!is_read) continue;
    if (reader.metadata(kRecoveredKey).empty()) {
      starts_us_.push_back(start_us);
    } else if (reader.metadata("avro.schema") == origin_.schema &&
               range.meets(start_us, end_of(segment.path, reader))) {
      throw WriteError(segment.path +
                           " is of that time and schema: these datagrams have come back "
                           "before (--from and --to leave them out)",
                       1);
    }
  }
  std::sort(starts_us_.begin(), starts_us_.end());
}

// Where a segment that begins then goes, in a directory that is there.
std::string Recovery::path_of(int64_t start_us) {
  if (directory_.empty()) return options_.output;
  char day[kDateDirBytes + 1];
  char name[kSegmentNameBytesMax];
  put_date_dir(start_us, day);
  put_segment_name(channel_, start_us, name);
  const fs::path directory = fs::path(directory_) / day;
  struct stat above;
  if (::stat(directory_.c_str(), &above) < 0)
    throw WriteError::system("unable to read " + directory_);
  if (mkdir(directory.c_str(), above.st_mode & 07777) == 0) {
    if (chmod(directory.c_str(), above.st_mode & 07777) < 0 ||
        (chown(directory.c_str(), above.st_uid, above.st_gid) < 0 && geteuid() == 0))
      throw WriteError::system("unable to give " + directory.string() + " its owner");
  } else if (errno != EEXIST) {
    throw WriteError::system("unable to make " + directory.string());
  }
  return directory / name;
}

void Recovery::write(RejectsReader* reader) {
  reader->read_origin(places_.front(), &origin_);
  if (!channel_.empty()) origin_.channel = channel_;
  origin_.recovered = now_text();
  int64_t end_us = INT64_MIN;
  for (const RejectPlace& place : places_) {
    KeptDatagram kept;
    if (!reader->read(place, &kept))
      throw WriteError("the rejected datagrams changed while they were read: try again", 111);
    if (place.time_us >= end_us) {
      // Another segment may have begun in the same microsecond.
      int64_t start_us = place.time_us;
      while (std::binary_search(starts_us_.begin(), starts_us_.end(), start_us)) ++start_us;
      written_.push_back(std::make_unique<SegmentWriter>(path_of(start_us), origin_, start_us));
      const auto next = std::upper_bound(starts_us_.begin(), starts_us_.end(), place.time_us);
      end_us = next == starts_us_.end() ? INT64_MAX : *next;
    }
    written_.back()->add(kept.datagram, kept.time_us);
  }
  for (const std::unique_ptr<SegmentWriter>& segment : written_) segment->finish();
  for (const std::unique_ptr<SegmentWriter>& segment : written_) segment->publish();
}

void Recovery::tell() {
  for (const std::unique_ptr<SegmentWriter>& segment : written_)
    output_->text += segment->path() + ": " + std::to_string(segment->datums()) +
                     (segment->datums() == 1 ? " datum" : " datums") + ", received from " +
                     time_text(segment->first_time_us(), options_.utc) + " to " +
                     time_text(segment->last_time_us(), options_.utc) + "\n";
  int64_t refused = 0;
  std::string reasons;
  for (const auto& [reason, count] : refused_) {
    refused += count;
    reasons += (reasons.empty() ? "" : ", ") + std::to_string(count) + " " + reason;
  }
  const int64_t back = static_cast<int64_t>(places_.size());
  if (back + refused == 0) {
    output_->text += "there are no rejected datagrams\n";
    return;
  }
  output_->text += std::to_string(back) + " of " + std::to_string(back + refused) +
                   " rejected datagrams came back";
  output_->text += refused > 0 ? "; not: " + reasons + "\n" : "\n";
  if (back == 0 && refused > 0) exit_code_ = std::max(exit_code_, 1);
}

}  // namespace sdr::cat
