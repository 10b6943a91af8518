#include "tools/cat/digest.h"

#include "relay/clock.h"
#include "tools/config/diagnostic.h"
#include "tools/lib/counted.h"
#include "tools/lib/int128.h"
#include "tools/lib/number_types.h"
#include "tools/lib/time_ns.h"

namespace sdr::cat {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr size_t kNamesShown = 12;

int64_t ns_of(int64_t us) { return clamp_time_ns(Int128{us} * 1000); }

// Why the value at the end of a path cannot be drawn, or nothing.
std::string refusal(const Shape& shape, const FieldPath& path, const NumberTree& numbers) {
  const std::vector<Leaf>& leaves = numbers.leaves();
  if (leaves.size() == 1) return "";
  const avro_schema_t schema = shape.node(without_null(shape, path.node())).schema;
  std::string why = "field " + sdr::quoted(path.text) + " is of type " + type_name(schema) + ", ";
  if (leaves.empty()) return why + "which has no numbers";
  why += "and has several numbers:";
  for (size_t i = 0; i < std::min(leaves.size(), kNamesShown); ++i)
    why += (i == 0 ? " " : ", ") + printable(leaves[i].name, kNameBytesMax);
  return leaves.size() > kNamesShown ? why + " …" : why;
}

}  // namespace

Digest::Digest(Into into, std::vector<std::string> fields, const TimeRange& range, bool utc)
    : into_(into),
      fields_(std::move(fields)),
      range_(range),
      found_in_(fields_.size()),
      lacks_(fields_.size()) {
  chart_.utc = utc;
  if (into_ == Into::kStats) return;
  chart_.panels.resize(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i)
    chart_.panels[i].name = printable(fields_[i], kNameBytesMax);
}

void Digest::begin_segment(const std::string& path, const SegmentReader& segment, bool is_open,
                           const Shape& shape,
                           std::vector<std::pair<std::string, std::string>>* troubles) {
  std::string unused;
  form_ = std::make_unique<Form>(path, segment, is_open, shape,
                                 find_time_field(segment.metadata("avro.schema"), &unused));
  ++segments_;
  *troubles = form_->clock.troubles();
  if (into_ == Into::kStats) find_logical_types(segment.metadata("avro.schema"));
  find_fields(shape);
}

// Only of fields that every datum has: nothing more is needed to show times as such.
void Digest::find_logical_types(std::string_view schema_text) {
  logical_types_.clear();
  try {
    for (const SchemaField& field : compile_schema(schema_text).fields)
      if (!field.logical_type.empty()) logical_types_[field.path] = field.logical_type;
  } catch (const SchemaError&) {
    // A schema that no channel can have may be read all the same.
  }
}

void Digest::find_fields(const Shape& shape) {
  if (fields_.empty()) {
    add_tree(NumberTree(shape), 0);
    return;
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    FieldPath path;
    std::string why;
    if (find_field_path(shape, fields_[i], &path, &why)) {
      NumberTree numbers(shape, path);
      if (into_ == Into::kChart || numbers.leaves().empty()) why = refusal(shape, path, numbers);
      if (why.empty()) {
        ++found_in_[i];
        add_tree(std::move(numbers), i);
      }
    }
    if (lacks_[i].empty()) lacks_[i] = why;
  }
}

// Of a schema that is another segment's, too, or was another's before: the same rows.
size_t Digest::row_of(const Leaf& leaf) {
  const auto [found, is_new] = rows_.emplace(leaf.name, summary_.fields.size());
  if (is_new) {
    const auto logical = logical_types_.find(leaf.name);
    summary_.fields.push_back(
        {leaf.name, leaf.type, logical == logical_types_.end() ? "" : logical->second, {}});
  }
  return found->second;
}

void Digest::add_tree(NumberTree numbers, size_t field) {
  form_->trees.push_back(std::make_unique<Form::Tree>(Form::Tree{std::move(numbers), {}}));
  Form::Tree* const tree = form_->trees.back().get();
  summary_.fields_cut = summary_.fields_cut || tree->numbers.is_cut();
  if (into_ == Into::kChart) {
    tree->sink = [this, field](uint32_t, NumberTree::What what, const Number& number) {
      Panel& panel = chart_.panels[field];
      switch (what) {
        case NumberTree::What::kNumber:
          return panel.add(x_, number);
        case NumberTree::What::kNull:
          return panel.stats.add_null();
        case NumberTree::What::kOther:
          return panel.stats.add_other();
      }
    };
    return;
  }
  std::vector<size_t> rows;
  for (const Leaf& leaf : tree->numbers.leaves()) rows.push_back(row_of(leaf));
  tree->sink = [this, rows](uint32_t leaf, NumberTree::What what, const Number& number) {
    NumberStats& stats = summary_.fields[rows[leaf]].numbers;
    switch (what) {
      case NumberTree::What::kNumber:
        return stats.add(number);
      case NumberTree::What::kNull:
        return stats.add_null();
      case NumberTree::What::kOther:
        return stats.add_other();
    }
  };
}

void Digest::take(int64_t i, std::span<const uint8_t> datum) {
  const std::optional<int64_t> time_ns = form_->clock.time_ns(i, datum);
  summary_.bytes += static_cast<int64_t>(datum.size());
  if (time_ns) summary_.times.add(*time_ns);
  if (into_ == Into::kChart) {
    if (!knows_x_) chart_.is_over_time = time_ns.has_value();
    knows_x_ = true;
    if (chart_.is_over_time && !time_ns) {
      ++timeless_;
      return;
    }
    x_ = chart_.is_over_time ? *time_ns : x_ + 1;
  }
  for (const std::unique_ptr<Form::Tree>& tree : form_->trees)
    tree->numbers.read(datum, tree->sink);
}

void Digest::end_segment(const Tally& tally) {
  const DatumClock::By by = form_->clock.by();
  ++summary_.files;
  summary_.files_without_index += !form_->clock.has_index();
  summary_.blocks += tally.blocks;
  summary_.datums += tally.datums;
  summary_.unreadable += tally.lost_datums;
  summary_.losses = summary_.losses + form_->clock.losses(range_);
  if (tally.datums > 0) {
    summary_.files_without_times += by == DatumClock::By::kNothing;
    summary_.by_index = summary_.by_index || by == DatumClock::By::kIndex;
    summary_.by_other_time = summary_.by_other_time || by == DatumClock::By::kTimeField;
  }
  form_.reset();
}

// A field that is in some segments only is one that came with a new schema, or went with an old
// one.
bool Digest::check_fields(std::vector<std::string>* warnings, std::string* error) const {
  for (size_t i = 0; i < fields_.size() && segments_ > 0; ++i) {
    if (found_in_[i] == 0) {
      *error = lacks_[i];
      return false;
    }
    if (found_in_[i] < segments_)
      warnings->push_back("in " + counted(segments_ - found_in_[i], "file") + " of " +
                          std::to_string(segments_) + ": " + lacks_[i]);
  }
  return true;
}

std::optional<Summary> Digest::finish_stats(std::vector<std::string>* warnings,
                                            std::string* error) {
  if (!check_fields(warnings, error)) return {};
  return std::move(summary_);
}

std::optional<Chart> Digest::finish_chart(std::vector<std::string>* warnings, std::string* error,
                                          bool* is_usage) {
  *is_usage = !check_fields(warnings, error);
  if (*is_usage) return {};
  if (chart_.is_empty()) {
    *error = summary_.datums == 0 ? "there is nothing to draw: no datum" +
                                        std::string(range_.is_all() ? "" : " in the range of time")
                                  : "there is nothing to draw: no datum has a number there";
    return {};
  }
  if (timeless_ > 0)
    warnings->push_back(counted(timeless_, "datum") +
                        " left out: nothing says when they were received");
  // What was asked for is shown, also where nothing was received; but not what is to come.
  if (chart_.is_over_time && range_.from_us != INT64_MIN) chart_.x_from = ns_of(range_.from_us);
  if (chart_.is_over_time && range_.to_us != INT64_MAX)
    chart_.x_to = std::min(ns_of(range_.to_us), realtime_ns());
  return std::move(chart_);
}

}  // namespace sdr::cat
