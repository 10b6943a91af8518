#include "tools/recording/range_plan.h"

namespace sdr::recording {

RangePlan plan_range(const std::string& path, const SegmentReader& segment, bool is_open,
                     const TimeRange& range, bool judges, int64_t start_us) {
  RangePlan found;
  const std::string name = index_path(path, segment);
  IndexReader index;
  switch (index.open(name, segment.sync(), is_open)) {
    case IndexReader::Opened::kYes:
      break;
    case IndexReader::Opened::kMissing:
      found.lacks = name.empty() ? "it has no index" : "there is no " + name;
      return found;
    case IndexReader::Opened::kOther:
      found.lacks = name + " is another segment's";
      return found;
    case IndexReader::Opened::kBad:
      found.lacks = name + " cannot be read: " + index.trouble();
      return found;
  }
  SpanPlan plan(range, judges, segment.header().size(), start_us);
  for (IndexRow row; index.next(&row);) {
    plan.add(row);
    found.rows.push_back(row);
  }
  if (!index.trouble().empty())
    found.troubles.emplace_back(name, index.trouble() + ": what is behind is not used");
  found.lacks = name + " has no times";
  if (!plan.knows_times()) return found;
  found.spans = plan.finish(segment.end_of_block(plan.last_offset()));
  for (const Span& span : found.spans) {
    if (segment.may_begin_at(span.begin)) continue;
    found.lacks = name + " names places where no block begins";
    found.troubles.emplace_back(path, found.lacks);
    return found;
  }
  found.is_known = true;
  return found;
}

}  // namespace sdr::recording
