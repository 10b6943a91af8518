#include "tools/recording/shape.h"

#include <algorithm>

#include "relay/format/ocf.h"

namespace sdr::recording {
namespace {

constexpr uint64_t kEndless = UINT64_MAX;

uint64_t saturating_sum(uint64_t a, uint64_t b) { return a > kEndless - b ? kEndless : a + b; }

}  // namespace

bool Shape::build(avro_schema_t schema, std::string* why) {
  nodes_.clear();
  records_.clear();
  if (!add(schema, 0, &root_, why)) return false;
  settle_sizes();
  const uint64_t size = nodes_[root_].size_min;
  if (size == kEndless) {
    *why = "a datum of this schema would never end: a record always holds itself";
  } else if (size > kBlockBytesMax) {
    *why = "a datum of this schema is larger than a block may be";
  } else if (count_parts() > kDatumPartsMax) {
    *why = "a datum of this schema has more than " + std::to_string(kDatumPartsMax) + " parts";
  } else {
    return true;
  }
  return false;
}

bool Shape::add(avro_schema_t schema, int depth, uint32_t* index, std::string* why) {
  if (depth > kDatumDepthMax) {
    *why = "types are nested too deeply";
    return false;
  }
  if (is_avro_link(schema)) schema = avro_schema_link_target(schema);
  const auto known = records_.find(schema);
  if (known != records_.end()) {
    *index = known->second;
    return true;
  }
  *index = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({.type = avro_typeof(schema), .schema = schema, .children = {}});
  if (is_avro_record(schema)) records_[schema] = *index;
  return add_children(schema, depth, *index, why);
}

bool Shape::add_children(avro_schema_t schema, int depth, uint32_t index, std::string* why) {
  std::vector<avro_schema_t> parts;
  switch (nodes_[index].type) {
    case AVRO_RECORD:
      for (size_t i = 0; i < avro_schema_record_size(schema); ++i)
        parts.push_back(avro_schema_record_field_get_by_index(schema, static_cast<int>(i)));
      break;
    case AVRO_UNION:
      for (size_t i = 0; i < avro_schema_union_size(schema); ++i)
        parts.push_back(avro_schema_union_branch(schema, static_cast<int>(i)));
      break;
    case AVRO_ARRAY:
      parts.push_back(avro_schema_array_items(schema));
      break;
    case AVRO_MAP:
      parts.push_back(avro_schema_map_values(schema));
      break;
    case AVRO_FIXED:
      // A negative size, which libavro-c takes, becomes one that no block can hold.
      nodes_[index].arg = static_cast<uint64_t>(avro_schema_fixed_size(schema));
      break;
    case AVRO_ENUM:
      nodes_[index].arg = static_cast<uint64_t>(avro_schema_enum_number_of_symbols(schema));
      break;
    default:
      break;
  }
  for (avro_schema_t part : parts) {
    uint32_t child;
    if (!add(part, depth + 1, &child, why)) return false;
    nodes_[index].children.push_back(child);
  }
  return true;
}

uint64_t Shape::size_min_of(const Node& node) const {
  uint64_t size = 0;
  switch (node.type) {
    case AVRO_NULL:
      return 0;
    case AVRO_FLOAT:
      return sizeof(float);
    case AVRO_DOUBLE:
      return sizeof(double);
    case AVRO_FIXED:
      return node.arg;
    case AVRO_RECORD:
      for (uint32_t child : node.children) size = saturating_sum(size, nodes_[child].size_min);
      return size;
    case AVRO_UNION:
      size = kEndless;
      for (uint32_t child : node.children) size = std::min(size, nodes_[child].size_min);
      return saturating_sum(size, 1);
    default:
      return 1;
  }
}

// Every size starts as endless and only falls; what is still endless when nothing changes any more
// can never be complete.
void Shape::settle_sizes() {
  for (Node& node : nodes_) node.size_min = kEndless;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = nodes_.size(); i-- > 0;) {
      const uint64_t size = size_min_of(nodes_[i]);
      changed = changed || size != nodes_[i].size_min;
      nodes_[i].size_min = size;
    }
  }
}

// Of the value that has most. Items and branches are made when there are some.
uint64_t Shape::count_parts() const {
  std::vector<uint64_t> parts(nodes_.size(), 1);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = nodes_.size(); i-- > 0;) {
      if (nodes_[i].type != AVRO_RECORD) continue;
      uint64_t count = 1;
      for (const uint32_t child : nodes_[i].children) count += parts[child];
      count = std::min(count, kDatumPartsMax + 1);
      changed = changed || count != parts[i];
      parts[i] = count;
    }
  }
  return *std::max_element(parts.begin(), parts.end());
}

}  // namespace sdr::recording
