#include "tools/cat/number_tree.h"

#include <algorithm>
#include <cstring>

#include "relay/format/varint.h"
#include "tools/lib/number_types.h"

namespace sdr::cat {
namespace {

// Types that are looked at: references double them with every line of a schema.
constexpr size_t kVisitsMax = 200000;

bool is_scalar(avro_type_t type) {
  return type == AVRO_BOOLEAN || type == AVRO_INT32 || type == AVRO_INT64 || type == AVRO_FLOAT ||
         type == AVRO_DOUBLE;
}

int64_t take_varint(const uint8_t** at, const uint8_t* end) {
  int64_t value = 0;
  return get_varint(at, end, &value) == VarintStatus::kOk ? value : 0;
}

void skip(const uint8_t** at, const uint8_t* end, int64_t size) {
  *at += std::clamp<int64_t>(size, 0, end - *at);
}

std::string_view take_text(const uint8_t** at, const uint8_t* end) {
  const int64_t size = take_varint(at, end);
  const uint8_t* const begin = *at;
  skip(at, end, size);
  return {reinterpret_cast<const char*>(begin), static_cast<size_t>(*at - begin)};
}

template <typename Real>
Real take_real(const uint8_t** at, const uint8_t* end) {
  Real value = 0;
  if (static_cast<size_t>(end - *at) < sizeof value) return value;
  std::memcpy(&value, *at, sizeof value);
  *at += sizeof value;
  return value;
}

Number take_number(avro_type_t type, const uint8_t** at, const uint8_t* end) {
  switch (type) {
    case AVRO_BOOLEAN:
      return Number::of(*at == end ? int64_t{0} : int64_t{*(*at)++});
    case AVRO_FLOAT:
      return Number::of(static_cast<double>(take_real<float>(at, end)));
    case AVRO_DOUBLE:
      return Number::of(take_real<double>(at, end));
    default:
      return Number::of(take_varint(at, end));
  }
}

}  // namespace

NumberTree::NumberTree(const Shape& shape) : shape_(shape) { top_ = add(shape.root(), ""); }

NumberTree::NumberTree(const Shape& shape, const FieldPath& path) : shape_(shape) {
  top_ = add_way(shape.root(), path.steps, path.text);
}

uint32_t NumberTree::add_leaf(const std::string& name, const std::string& type) {
  leaves_.push_back({name.empty() ? "(datum)" : name, type});
  return static_cast<uint32_t>(leaves_.size() - 1);
}

uint32_t NumberTree::add(uint32_t node, const std::string& name) {
  is_cut_ = is_cut_ || leaves_.size() >= kLeavesMax || ++visits_ > kVisitsMax;
  if (is_cut_) return kNone;
  const Shape::Node& from = shape_.node(node);
  Twig twig;
  twig.leaves_begin = static_cast<uint32_t>(leaves_.size());
  if (is_scalar(from.type)) {
    twig.leaf = add_leaf(name, type_name(from.schema));
  } else {
    add_parts(node, name, &twig);
  }
  return add_twig(std::move(twig));
}

uint32_t NumberTree::add_twig(Twig twig) {
  twig.leaves_end = static_cast<uint32_t>(leaves_.size());
  if (twig.leaves_begin == twig.leaves_end) return kNone;
  twigs_.push_back(std::move(twig));
  return static_cast<uint32_t>(twigs_.size() - 1);
}

uint32_t NumberTree::add_way(uint32_t node, std::span<const FieldStep> steps,
                             const std::string& name) {
  if (steps.empty()) return add(node, name);
  const FieldStep& step = steps[0];
  Twig twig;
  const Shape::Node& from = shape_.node(node);
  if (from.type == AVRO_UNION) {
    std::vector<FieldStep> within(steps.begin(), steps.end());
    within[0].branch = FieldStep::kNoUnion;
    twig.children.resize(from.children.size(), kNone);
    twig.children[step.branch] = add_way(from.children[step.branch], within, name);
    return add_twig(std::move(twig));
  }
  const uint32_t child = add_way(step.node, steps.subspan(1), name);
  if (step.kind == FieldStep::Kind::kField) {
    twig.children.resize(from.children.size(), kNone);
    twig.children[step.index] = child;
  } else {
    twig.children.push_back(child);
    twig.only = step;
  }
  return add_twig(std::move(twig));
}

void NumberTree::add_parts(uint32_t node, const std::string& name, Twig* twig) {
  const Shape::Node& from = shape_.node(node);
  if (from.type == AVRO_UNION) return add_branches(node, name, twig);
  if (from.type == AVRO_ARRAY || from.type == AVRO_MAP) {
    const std::string item = from.type == AVRO_ARRAY ? name + "[*]" : name + ".*";
    twig->children.push_back(add(from.children[0], item));
    return;
  }
  if (from.type != AVRO_RECORD) return;
  if (std::find(open_.begin(), open_.end(), node) != open_.end()) return;
  open_.push_back(node);
  for (size_t i = 0; i < from.children.size(); ++i) {
    const char* const field = avro_schema_record_field_name(from.schema, static_cast<int>(i));
    twig->children.push_back(add(from.children[i], name.empty() ? field : name + "." + field));
  }
  open_.pop_back();
}

// Where several branches have fields, or items, their types tell them apart.
void NumberTree::add_branches(uint32_t node, const std::string& name, Twig* twig) {
  const std::vector<uint32_t>& branches = shape_.node(node).children;
  std::string numbers;
  size_t with_parts = 0;
  for (const uint32_t branch : branches) {
    const Shape::Node& to = shape_.node(branch);
    if (is_scalar(to.type))
      numbers += (numbers.empty() ? "" : "|") + std::string(type_name(to.schema));
    with_parts += to.type == AVRO_RECORD || to.type == AVRO_ARRAY || to.type == AVRO_MAP;
  }
  if (!numbers.empty()) twig->leaf = add_leaf(name, numbers);
  for (const uint32_t branch : branches) {
    const Shape::Node& to = shape_.node(branch);
    if (is_scalar(to.type)) {
      twig->children.push_back(kNone);
      continue;
    }
    const char* const type = avro_schema_type_name(to.schema);
    twig->children.push_back(add(branch, with_parts < 2 ? name
                                         : name.empty() ? type
                                                        : name + "." + type));
  }
}

void NumberTree::read(std::span<const uint8_t> datum, const Sink& sink) const {
  if (leaves_.empty()) return;
  Cursor cursor = {datum.data(), datum.data() + datum.size(), sink};
  step(shape_.root(), top_, &cursor);
}

void NumberTree::step(uint32_t node, uint32_t twig, Cursor* cursor) const {
  const Shape::Node& from = shape_.node(node);
  switch (from.type) {
    case AVRO_NULL:
      return;
    case AVRO_BOOLEAN:
    case AVRO_INT32:
    case AVRO_INT64:
    case AVRO_FLOAT:
    case AVRO_DOUBLE: {
      const Number number = take_number(from.type, &cursor->at, cursor->end);
      if (twig != kNone) cursor->sink(twigs_[twig].leaf, What::kNumber, number);
      return;
    }
    case AVRO_ENUM:
      take_varint(&cursor->at, cursor->end);
      return;
    case AVRO_FIXED:
      return skip(&cursor->at, cursor->end, static_cast<int64_t>(from.size_min));
    case AVRO_BYTES:
    case AVRO_STRING:
      return skip(&cursor->at, cursor->end, take_varint(&cursor->at, cursor->end));
    case AVRO_RECORD:
      for (size_t i = 0; i < from.children.size(); ++i)
        step(from.children[i], child_of(twig, i), cursor);
      return;
    case AVRO_UNION:
      return step_union(node, twig, cursor);
    default:
      return step_blocks(node, twig, cursor);
  }
}

void NumberTree::step_union(uint32_t node, uint32_t twig, Cursor* cursor) const {
  const Shape::Node& from = shape_.node(node);
  const size_t branch = static_cast<size_t>(take_varint(&cursor->at, cursor->end));
  if (branch >= from.children.size()) return;
  const uint32_t to = from.children[branch];
  const avro_type_t type = shape_.node(to).type;
  const uint32_t child = child_of(twig, branch);
  if (twig != kNone) {
    const Twig& all = twigs_[twig];
    const What what = type == AVRO_NULL ? What::kNull : What::kOther;
    for (uint32_t leaf = all.leaves_begin; leaf < all.leaves_end; ++leaf) {
      const bool is_chosen = leaf == all.leaf
                                 ? is_scalar(type)
                                 : child != kNone && leaf >= twigs_[child].leaves_begin &&
                                       leaf < twigs_[child].leaves_end;
      if (!is_chosen) cursor->sink(leaf, what, {});
    }
    if (is_scalar(type)) {
      cursor->sink(all.leaf, What::kNumber, take_number(type, &cursor->at, cursor->end));
      return;
    }
  }
  step(to, child, cursor);
}

void NumberTree::step_blocks(uint32_t node, uint32_t twig, Cursor* cursor) const {
  const Shape::Node& from = shape_.node(node);
  const uint32_t child = child_of(twig, 0);
  const FieldStep* const only = twig != kNone && twigs_[twig].only ? &*twigs_[twig].only : nullptr;
  for (uint64_t i = 0;;) {
    int64_t count = take_varint(&cursor->at, cursor->end);
    if (count == 0) return;
    if (count < 0) {
      const int64_t size = take_varint(&cursor->at, cursor->end);
      count = -count;
      if (child == kNone) {
        skip(&cursor->at, cursor->end, size);
        continue;
      }
    }
    for (; count > 0; --count, ++i) {
      bool is_wanted = !only || only->index == i;
      if (from.type == AVRO_MAP) {
        const std::string_view key = take_text(&cursor->at, cursor->end);
        is_wanted = !only || key == only->name;
      }
      step(from.children[0], is_wanted ? child : kNone, cursor);
    }
  }
}

}  // namespace sdr::cat
