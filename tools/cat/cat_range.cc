// --from and --to: the parts of a segment that may hold datums of that time, and of those the
// datums that are.
#include "tools/cat/cat.h"

namespace sdr::cat {

// False: it does not say when anything was received; *lacks says why not.
bool Cat::plan_by_index(Reading* reading, std::vector<Span>* spans, std::string* lacks) {
  const SegmentReader& segment = *reading->reader;
  const Tally& tally = *reading->tally;
  const std::string path = index_path(reading->path, segment);
  IndexReader index;
  switch (index.open(path, segment.sync(), tally.open_segment)) {
    case IndexReader::Opened::kYes:
      break;
    case IndexReader::Opened::kMissing:
      *lacks = path.empty() ? "it has no index" : "there is no " + path;
      return false;
    case IndexReader::Opened::kOther:
      *lacks = path + " is another segment's";
      return false;
    case IndexReader::Opened::kBad:
      *lacks = path + " cannot be read: " + index.trouble();
      return false;
  }
  const bool judges = reading->time_field.has_value();
  SpanPlan plan(options_.range, judges, segment.header().size(), tally.started_us);
  for (IndexRow row; index.next(&row);) plan.add(row);
  if (!index.trouble().empty()) {
    say(path, index.trouble() + ": what is behind is not used");
    raise(1);
  }
  *lacks = path + " has no times";
  if (!plan.knows_times()) return false;
  *spans = plan.finish(segment.end_of_block(plan.last_offset()));
  for (const Span& span : *spans) {
    if (segment.may_begin_at(span.begin)) continue;
    *lacks = path + " names places where no block begins";
    say(reading->path, *lacks);
    raise(1);
    return false;
  }
  return true;
}

// Receive times are asked for. A field of another time is believed only where nothing knows them.
void Cat::read_range(Reading* reading) {
  std::string lacks;
  std::string lacks_field;
  std::vector<Span> spans;
  const std::optional<TimeField> field =
      find_time_field(reading->reader->metadata("avro.schema"), &lacks_field);
  if (field && field->is_receive_time) reading->time_field = field;
  if (!plan_by_index(reading, &spans, &lacks)) {
    if (!field) {
      reading->tally->fatal =
          "nothing says when its datums were received: " + lacks + ", and " + lacks_field;
      raise(100);
      return;
    }
    reading->time_field = field;
    reading->trust = Trust::kEach;
    read_blocks(reading, kFileEnd);
    return;
  }
  for (const Span& span : spans) {
    if (done() || !reading->tally->fatal.empty() || !reading->reader->seek(span.begin)) return;
    reading->trust = span.trust == Trust::kUnsure && field ? Trust::kEach : span.trust;
    reading->time_field = field;
    read_blocks(reading, span.end);
  }
}

}  // namespace sdr::cat
