// --from and --to: the parts of a segment that may hold datums of that time, and of those the
// datums that are.
#include "tools/cat/cat.h"
#include "tools/recording/range_plan.h"

namespace sdr::cat {

// Receive times are asked for. A field of another time is believed only where nothing knows them.
void Cat::read_range(Reading* reading) {
  std::string lacks_field;
  const std::optional<TimeField> field =
      find_time_field(reading->reader->metadata("avro.schema"), &lacks_field);
  if (field && field->is_receive_time) reading->time_field = field;
  const RangePlan plan =
      plan_range(reading->path, *reading->reader, reading->tally->open_segment, options_.range,
                 reading->time_field.has_value(), reading->tally->started_us);
  for (const auto& [path, trouble] : plan.troubles) {
    say(path, trouble);
    raise(1);
  }
  if (!plan.is_known) {
    if (!field) {
      reading->tally->fatal =
          "nothing says when its datums were received: " + plan.lacks + ", and " + lacks_field;
      raise(100);
      return;
    }
    reading->time_field = field;
    reading->trust = Trust::kEach;
    read_blocks(reading, kFileEnd);
    return;
  }
  for (const Span& span : plan.spans) {
    if (done() || !reading->tally->fatal.empty() || !reading->reader->seek(span.begin)) return;
    reading->trust = span.trust == Trust::kUnsure && field ? Trust::kEach : span.trust;
    reading->time_field = field;
    read_blocks(reading, span.end);
  }
}

}  // namespace sdr::cat
