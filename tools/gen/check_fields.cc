// The fields that sequence and hold name, held against the schema.
#include "tools/gen/check_rules.h"

namespace sdr {
namespace {

const SchemaField* find_field(const CompiledSchema& schema, std::string_view path) {
  for (const SchemaField& field : schema.fields) {
    if (field.path == path) return &field;
  }
  return nullptr;
}

std::string with_article(std::string_view type) {
  const bool vowel = type == "array" || type == "enum" || type == "int";
  return (vowel ? "an " : "a ") + std::string(type);
}

// Why `path` is no field that the schema lists: the part of it that is no record ends the way.
std::string not_a_field(const CompiledSchema& schema, std::string_view path) {
  const std::string no_field = "the schema has no field " + quoted(path);
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const SchemaField* on_the_way = find_field(schema, path.substr(0, dot));
    if (!on_the_way || on_the_way->type == "record") continue;
    return quoted(on_the_way->path) + " is " + with_article(on_the_way->type) +
           ", and a field is reached through records only; name another";
  }
  const std::string below = "." + std::string(path);
  std::vector<std::string_view> known;
  for (const SchemaField& field : schema.fields) {
    // A field of an inner record, written without the way to it.
    if (field.path.ends_with(below)) return no_field + "; did you mean " + quoted(field.path) + "?";
    known.push_back(field.path);
  }
  return no_field +
         did_you_mean(path, known, "; write its path from the root such as \"header.counter\"");
}

bool is_whole(std::string_view type) { return type == "int" || type == "long"; }

bool is_number(std::string_view type) {
  return is_whole(type) || type == "float" || type == "double";
}

// How many values an int has, and so at most a counter in it.
constexpr uint64_t kIntValues = 1ull << 32;

class FieldCheck {
 public:
  FieldCheck(const Channel& channel, Findings* findings) : channel_(channel), findings_(findings) {}

  void sequence() {
    const SequenceOptions& sequence = *channel_.sequence;
    const std::string key =
        channel_.keys.contains("sequence.field") ? "sequence.field" : "sequence";
    if (sequence.field.empty()) return;  // was not readable, and reported
    const SchemaField* field = find(key, sequence.field);
    if (!field) return;
    if (!is_whole(field->type)) {
      error(key, quoted(sequence.field) + " is " + with_article(field->type) +
                     "; datagrams are numbered by an int or a long");
    } else if (sequence.wrap && field->type == "int" && *sequence.wrap > kIntValues) {
      error("sequence.wrap", std::to_string(*sequence.wrap) + " is more than an int counts; " +
                                 quoted(sequence.field) + " wraps at " +
                                 std::to_string(kIntValues) + " by itself");
    } else {
      not_yet("sequence");
    }
  }

  void hold(const DecimatedStream& stream, const std::string& key) {
    bool good = true;
    for (size_t i = 0; i < stream.hold.size(); ++i) {
      const std::string item = key + "[" + std::to_string(i) + "]";
      const SchemaField* field = find(item, stream.hold[i]);
      if (field && !is_number(field->type)) {
        error(item, quoted(field->path) + " is " + with_article(field->type) +
                        ", which carries the last value anyway; name numbers only");
      }
      good = good && field && is_number(field->type);
    }
    if (good && !stream.hold.empty()) not_yet(key);
  }

 private:
  const SchemaField* find(const std::string& key, const std::string& path) {
    const SchemaField* field = find_field(channel_.schema, path);
    if (!field) error(key, not_a_field(channel_.schema, path));
    return field;
  }

  void error(const std::string& key, const std::string& message) {
    findings_->error(place_of(channel_, key), key + ": " + message);
  }

  void not_yet(const std::string& key) {
    findings_->error(place_of(channel_, key), key + " is not supported yet; leave it out");
  }

  const Channel& channel_;
  Findings* findings_;
};

}  // namespace

void check_fields(const Channel& channel, Findings* findings) {
  FieldCheck check(channel, findings);
  if (channel.sequence) check.sequence();
  for (size_t i = 0; i < channel.decimated.size(); ++i) {
    check.hold(channel.decimated[i], "decimated[" + std::to_string(i) + "].hold");
  }
}

}  // namespace sdr
