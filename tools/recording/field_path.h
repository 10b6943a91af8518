// Paths to the fields of a datum, as people write them.
//
//   speed            a field of the root record
//   pose.x           a field of the record that the field pose is
//   tags.front       the value of the key "front", where tags is a map …
//   tags["a key"]    … and of one that is no plain word; \" and \\ within it
//   samples[3]       the fourth item of an array
// A union is passed where exactly one of its branches has what comes next. A datum whose value is
// of another branch has no such field, nor has one with fewer items or without the key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/recording/shape.h"

namespace sdr::recording {

constexpr size_t kFieldDepthMax = 100;  // steps of a path

struct FieldStep {
  static constexpr uint32_t kNoUnion = UINT32_MAX;
  enum class Kind : uint8_t { kField, kItem, kKey };

  Kind kind = Kind::kField;
  uint64_t index = 0;          // of the field in its record, of the item in its array
  std::string name;            // of the field; the map's key; "[3]"
  uint32_t branch = kNoUnion;  // of the union that is passed before
  uint32_t node = 0;           // of the shape: what it leads to, a union maybe

  bool operator==(const FieldStep&) const = default;
};

struct FieldPath {
  std::string text;  // as it was asked for
  std::vector<FieldStep> steps;

  uint32_t node() const { return steps.back().node; }  // of the shape: its type
  bool is_always_there() const;                        // in every datum
  // Whether this is `other` or something within it.
  bool is_within(const FieldPath& other) const;
};

// The paths of a list with commas between them; those within quotes are part of a key.
std::vector<std::string> split_field_list(std::string_view list);

// Follows `text` through the schema that `shape` was built of. False: *why says what is wrong, what
// is near, and what there is.
bool find_field_path(const Shape& shape, std::string_view text, FieldPath* path, std::string* why);

// The fields that a path through records, and nullable records, leads to, in the order of the
// bytes; those in records are behind them: "pose", "pose.x". At most `count_max`.
std::vector<FieldPath> list_fields(const Shape& shape, size_t count_max);

// The node's branch that is no null, where it is a union of null and that; else the node itself.
uint32_t without_null(const Shape& shape, uint32_t node);

}  // namespace sdr::recording
