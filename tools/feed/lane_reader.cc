#include "tools/feed/lane_reader.h"

#include <avro.h>
#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "relay/format/segment_name.h"
#include "tools/lib/counted.h"

namespace sdr {

using namespace recording;

namespace {

constexpr size_t kWindowBytes = 256 << 10;

// libavro-c keeps what went wrong last in one place.
std::mutex libavro;

}  // namespace

void LaneReader::fail(const std::string& path, const std::string& what, int exit_code) {
  sink_.say("error", path, what);
  raise(exit_code);
}

int LaneReader::read(std::vector<Segment> segments) {
  for (Segment& segment : segments) {
    if (is_done_) break;
    read_segment(&segment);
    segment.fd.reset();
  }
  return exit_code_;
}

void LaneReader::read_segment(Segment* segment) {
  const std::string& path = segment->path;
  if (!segment->fd) segment->fd.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!segment->fd) {
    // A file that was pruned meanwhile is missing to whoever asked for it.
    fail(path, std::string("unable to read: ") + std::strerror(errno), errno == ENOENT ? 100 : 111);
    return;
  }
  posix_fadvise(segment->fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  SegmentReader reader(std::move(segment->fd), segment->open, kWindowBytes);
  std::string why;
  switch (reader.read_header(&why)) {
    case SegmentReader::Header::kOk:
      break;
    case SegmentReader::Header::kNotYet:
      return;
    case SegmentReader::Header::kError:
      fail(path, why, 111);
      return;
    case SegmentReader::Header::kBad:
      fail(path, why, 1);
      return;
  }
  if (!open_form(path, reader)) return;
  Reading reading = {.path = path, .is_open = segment->open, .reader = &reader};
  read_parts(&reading);
  if (reading.unsure_datums > 0)
    sink_.say("warning", path,
              counted(reading.unsure_datums, "datum") +
                  " sent though nothing says when they were received");
  if (reading.large_datums > 0)
    fail(path, counted(reading.large_datums, "datum") + " too large for a datagram", 1);
}

bool LaneReader::open_form(const std::string& path, const SegmentReader& reader) {
  const std::string_view codec = reader.metadata("avro.codec");
  if (!codec.empty() && codec != "null") {
    fail(path, "codec " + printable(codec) + " is not supported, only null is", 1);
    return false;
  }
  if (is_header_damaged(path, reader))
    fail(path, "the header is not as it was written: its check differs", 1);
  const std::string_view text = reader.metadata("avro.schema");
  if (form_ && form_->text == text) return true;
  std::string why;
  if (!parse_form(text, &why)) {
    fail(path, "unable to parse the schema: " + printable(why), 1);
    return false;
  }
  if (options_.pace_field.empty()) return true;
  form_->pace_field = find_pace_field(text, options_.pace_field, &why);
  if (form_->pace_field) return true;
  fail(path, why, 100);
  form_.reset();
  return false;
}

bool LaneReader::parse_form(std::string_view text, std::string* why) {
  const std::lock_guard lock(libavro);
  avro_schema_t schema = nullptr;
  form_.reset();
  if (text.empty() || avro_schema_from_json_length(text.data(), text.size(), &schema) != 0) {
    *why = text.empty() ? "the header has none" : avro_strerror();
    return false;
  }
  std::unique_ptr<Form> form = std::make_unique<Form>();
  const bool is_good = form->shape.build(schema, why);
  avro_schema_decref(schema);
  if (!is_good) return false;
  form->text = text;
  form->time_field = find_time_field(text, &form->lacks_time_field);
  form_ = std::move(form);
  return true;
}

// As sdr-cat has it: receive times are asked for, and a field of another time is believed only
// where nothing knows them. The pace goes by what the user has named, or by receive times.
void LaneReader::read_parts(Reading* reading) {
  const bool in_range = !options_.range.is_all();
  const bool by_index = !has_receive_time() && !form_->pace_field && options_.needs_times;
  if (!in_range && !by_index) {
    read_blocks(reading, kFileEnd);
    return;
  }
  const int64_t start_us = parse_iso_time(reading->reader->metadata("sdr.started"));
  const RangePlan plan = plan_range(reading->path, *reading->reader, reading->is_open,
                                    options_.range, has_receive_time(), start_us);
  for (const auto& [path, trouble] : plan.troubles) fail(path, trouble, 1);
  if (by_index && !plan.is_known) {
    const std::optional<TimeField>& field = form_->time_field;
    fail(reading->path,
         "nothing says when its datums were received: " + plan.lacks + ", and " +
             (field ? "it has no receive_time; --time-field " + field->name +
                          " would go by another time"
                    : form_->lacks_time_field),
         100);
    return;
  }
  if (by_index) reading->block_times.emplace(plan.rows, start_us);
  if (by_index && !told_of_index_) {
    sink_.say("warning", reading->path,
              "its datums have no receive_time: they are spread evenly over the time in which each "
              "block was received");
    told_of_index_ = true;
  }
  if (!in_range) {
    read_blocks(reading, kFileEnd);
    return;
  }
  if (!plan.is_known && !form_->time_field) {
    fail(reading->path,
         "nothing says when its datums were received: " + plan.lacks + ", and " +
             form_->lacks_time_field,
         100);
    return;
  }
  if (!plan.is_known) {
    reading->trust = Trust::kEach;
    read_blocks(reading, kFileEnd);
    return;
  }
  for (const Span& span : plan.spans) {
    if (is_done_ || !reading->reader->seek(span.begin)) return;
    reading->trust = span.trust == Trust::kUnsure && form_->time_field ? Trust::kEach : span.trust;
    read_blocks(reading, span.end);
  }
}

}  // namespace sdr
