#include "tools/recording/field_path.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "tools/config/diagnostic.h"
#include "tools/lib/number_types.h"

namespace sdr::recording {
namespace {

constexpr size_t kNamesSearched = 5000;
constexpr size_t kNamesShown = 24;

std::string with_article(avro_schema_t schema) {
  const std::string name = type_name(schema);
  return (std::string_view("aeiou").find(name[0]) == std::string_view::npos ? "a " : "an ") + name;
}

// What a path is made of, from left to right.
class PathText {
 public:
  explicit PathText(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  // The next step, of which only kind, index and name are set. Empty: it is not written as one is.
  std::optional<FieldStep> next(bool first) {
    FieldStep step;
    if (rest_.starts_with('[')) {
      rest_.remove_prefix(1);
      if (!(rest_.starts_with('"') ? take_key(&step) : take_index(&step))) return {};
      if (!rest_.starts_with(']')) return {};
      rest_.remove_prefix(1);
      return step;
    }
    if (!first) {
      if (!rest_.starts_with('.')) return {};
      rest_.remove_prefix(1);
    }
    const size_t size = std::min(rest_.find_first_of(".["), rest_.size());
    if (size == 0) return {};
    step.name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return step;
  }

 private:
  bool take_index(FieldStep* step) {
    const char* const end = rest_.data() + rest_.size();
    const std::from_chars_result result = std::from_chars(rest_.data(), end, step->index);
    if (result.ec != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(result.ptr - rest_.data()));
    step->kind = FieldStep::Kind::kItem;
    step->name = "[" + std::to_string(step->index) + "]";
    return true;
  }

  bool take_key(FieldStep* step) {
    step->kind = FieldStep::Kind::kKey;
    for (size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return true;
      }
      if (rest_[at] == '\\') ++at;
      if (at < rest_.size()) step->name += rest_[at];
    }
    return false;
  }

  std::string_view rest_;
};

// Makes `step` lead on from `node`, which is no union.
bool lead(const Shape& shape, uint32_t node, FieldStep* step) {
  const Shape::Node& from = shape.node(node);
  const bool is_name = step->kind != FieldStep::Kind::kItem;
  if (from.type == AVRO_RECORD && step->kind == FieldStep::Kind::kField) {
    const int index = avro_schema_record_field_get_index(from.schema, step->name.c_str());
    if (index < 0 || step->name.find('\0') != std::string::npos) return false;
    step->index = static_cast<uint64_t>(index);
    step->node = from.children[step->index];
    return true;
  }
  if (is_name ? from.type != AVRO_MAP : from.type != AVRO_ARRAY) return false;
  if (is_name) step->kind = FieldStep::Kind::kKey;
  step->node = from.children[0];
  return true;
}

// The same where it may be a union. Returns how many branches have such a step.
size_t lead_through(const Shape& shape, uint32_t node, FieldStep* step) {
  const Shape::Node& from = shape.node(node);
  if (from.type != AVRO_UNION) return lead(shape, node, step);
  const FieldStep asked = *step;
  size_t count = 0;
  for (uint32_t branch = 0; branch < from.children.size(); ++branch) {
    FieldStep found = asked;
    if (!lead(shape, from.children[branch], &found)) continue;
    found.branch = branch;
    *step = found;
    ++count;
  }
  return count;
}

void list_below(const Shape& shape, uint32_t node, const FieldPath& above, size_t count_max,
                std::vector<uint32_t>* open, std::vector<FieldPath>* found) {
  const uint32_t record = without_null(shape, node);
  const Shape::Node& from = shape.node(record);
  if (from.type != AVRO_RECORD || above.steps.size() >= kFieldDepthMax) return;
  // A record within itself would never end.
  if (std::find(open->begin(), open->end(), record) != open->end()) return;
  open->push_back(record);
  for (size_t i = 0; i < from.children.size() && found->size() < count_max; ++i) {
    FieldPath path = above;
    FieldStep step;
    step.index = i;
    step.name = avro_schema_record_field_name(from.schema, static_cast<int>(i));
    step.node = from.children[i];
    if (record != node) {
      const std::vector<uint32_t>& branches = shape.node(node).children;
      step.branch = branches[0] == record ? 0 : 1;
    }
    path.text += path.text.empty() ? step.name : "." + step.name;
    path.steps.push_back(std::move(step));
    found->push_back(path);
    list_below(shape, found->back().node(), path, count_max, open, found);
  }
  open->pop_back();
}

// What is near the path that leads nowhere, or what there is.
std::string suggestion(const Shape& shape, std::string_view text) {
  const std::vector<FieldPath> fields = list_fields(shape, kNamesSearched);
  std::vector<std::string_view> names;
  const std::string below = "." + std::string(text);
  for (const FieldPath& field : fields) {
    // A field of an inner record, written without the way to it.
    if (field.text.ends_with(below)) return "; did you mean " + quoted(field.text) + "?";
    names.push_back(field.text);
  }
  std::string said = did_you_mean(text, names, ";");
  if (names.empty()) return "";
  said += " there ";
  said += names.size() == 1 ? "is " : "are ";
  const size_t shown = std::min(names.size(), kNamesShown);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) said += ", ";
    said += printable(names[i], 64);
  }
  return names.size() == shown ? said : said + " …";
}

std::string no_way(const Shape& shape, uint32_t node, const std::string& done,
                   const FieldStep& step, std::string_view text) {
  const Shape::Node& from = shape.node(without_null(shape, node));
  const std::string place = done.empty() ? "a datum" : quoted(done);
  const std::string shown = printable(done, 64);
  const std::string a_type = with_article(from.schema);
  if (from.type == AVRO_ARRAY)
    return place + " is " + a_type + ": its items are " + shown + "[0], " + shown + "[1] …";
  if (step.kind == FieldStep::Kind::kItem)
    return place + " is " + a_type + ", and only an array has items";
  if (from.type != AVRO_RECORD && from.type != AVRO_UNION)
    return place + " is " + a_type + ", which has no fields";
  return "no field " + quoted(text) + suggestion(shape, text);
}

}  // namespace

bool FieldPath::is_always_there() const {
  return std::all_of(steps.begin(), steps.end(), [](const FieldStep& step) {
    return step.kind == FieldStep::Kind::kField && step.branch == FieldStep::kNoUnion;
  });
}

bool FieldPath::is_within(const FieldPath& other) const {
  return steps.size() >= other.steps.size() &&
         std::equal(other.steps.begin(), other.steps.end(), steps.begin());
}

std::vector<std::string> split_field_list(std::string_view list) {
  std::vector<std::string> found(1);
  bool in_quotes = false;
  for (size_t at = 0; at < list.size(); ++at) {
    if (list[at] == ',' && !in_quotes) {
      found.emplace_back();
      continue;
    }
    if (list[at] == '"') in_quotes = !in_quotes;
    found.back() += list[at];
    if (in_quotes && list[at] == '\\' && at + 1 < list.size()) found.back() += list[++at];
  }
  return found;
}

bool find_field_path(const Shape& shape, std::string_view text, FieldPath* path, std::string* why) {
  PathText rest(text);
  uint32_t node = shape.root();
  *path = {.text = std::string(text), .steps = {}};
  std::string done;
  do {
    std::optional<FieldStep> step = rest.next(path->steps.empty());
    if (!step || path->steps.size() == kFieldDepthMax) {
      *why = quoted(text) + " is no path to a field, such as speed, pose.x, samples[3] or " +
             "tags[\"a key\"]";
      return false;
    }
    const std::string name = step->name;
    const size_t ways = lead_through(shape, node, &*step);
    if (ways != 1) {
      *why = ways == 0 ? no_way(shape, node, done, *step, text)
                       : quoted(done) + " is a union, and several of its types have " +
                             quoted(name) + ": take it as a whole";
      return false;
    }
    node = step->node;
    done += done.empty() || step->kind == FieldStep::Kind::kItem ? name : "." + name;
    path->steps.push_back(std::move(*step));
  } while (!rest.at_end());
  return true;
}

std::vector<FieldPath> list_fields(const Shape& shape, size_t count_max) {
  std::vector<FieldPath> found;
  std::vector<uint32_t> open;
  list_below(shape, shape.root(), {}, count_max, &open, &found);
  return found;
}

uint32_t without_null(const Shape& shape, uint32_t node) {
  const Shape::Node& from = shape.node(node);
  if (from.type != AVRO_UNION || from.children.size() != 2) return node;
  for (size_t i = 0; i < 2; ++i) {
    if (shape.node(from.children[i]).type == AVRO_NULL) return from.children[1 - i];
  }
  return node;
}

}  // namespace sdr::recording
