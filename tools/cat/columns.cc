#include "tools/cat/columns.h"

#include <algorithm>

#include "tools/config/diagnostic.h"

namespace sdr::cat {
namespace {

constexpr size_t kColumnsMax = 10000;

}  // namespace

bool find_columns(const Shape& shape, const std::vector<std::string>& names,
                  std::vector<Column>* columns, std::string* why) {
  columns->clear();
  for (const std::string& name : names) {
    const auto is_same = [&](const Column& column) { return column.name == name; };
    if (std::any_of(columns->begin(), columns->end(), is_same)) {
      *why = "the field " + quoted(name) + " is named twice";
      return false;
    }
    Column column = {.name = name, .path = {}};
    if (name == kTimeColumn) {
      column.kind = Column::Kind::kTime;
    } else if (!find_field_path(shape, name, &column.path, why)) {
      return false;
    }
    columns->push_back(std::move(column));
  }
  return true;
}

std::vector<Column> all_columns(const Shape& shape) {
  std::vector<Column> columns;
  std::vector<FieldPath> fields = list_fields(shape, kColumnsMax);
  for (size_t i = 0; i < fields.size(); ++i) {
    // A record is there by its fields, which follow it; one without any is not.
    const bool is_opened = i + 1 < fields.size() && fields[i + 1].is_within(fields[i]);
    if (!is_opened) columns.push_back({.name = fields[i].text, .path = fields[i]});
  }
  if (columns.empty())
    columns.push_back({.kind = Column::Kind::kDatum, .name = "datum", .path = {}});
  return columns;
}

bool find_value(const FieldPath& path, const avro_value_t& datum, avro_value_t* value) {
  *value = datum;
  for (const FieldStep& step : path.steps) {
    avro_value_t next = {};
    if (step.branch != FieldStep::kNoUnion) {
      int branch = 0;
      if (avro_value_get_discriminant(value, &branch) != 0 ||
          static_cast<uint32_t>(branch) != step.branch ||
          avro_value_get_current_branch(value, &next) != 0)
        return false;
      *value = next;
    }
    size_t size = 0;
    if (step.kind == FieldStep::Kind::kKey) {
      if (avro_value_get_by_name(value, step.name.c_str(), &next, nullptr) != 0) return false;
    } else if (avro_value_get_size(value, &size) != 0 || step.index >= size ||
               avro_value_get_by_index(value, step.index, &next, nullptr) != 0) {
      return false;
    }
    *value = next;
  }
  return true;
}

}  // namespace sdr::cat
