// What sequence, decimated and record.receive_time want of the schema.
#include <algorithm>

#include "relay/format/layout.h"
#include "tools/config/check_rules.h"
#include "tools/lib/receive_time.h"

namespace sdr {
namespace {

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

// How many values an int has, and so at most a counter in it.
constexpr uint64_t kIntValues = 1ull << 32;

constexpr size_t kNamesShown = 4;  // of nullable numbers

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
    }
  }

  void hold(const DecimatedStream& stream, const std::string& key) {
    for (size_t i = 0; i < stream.hold.size(); ++i) {
      const std::string item = key + "[" + std::to_string(i) + "]";
      const SchemaField* field = find(item, stream.hold[i]);
      if (field && !field->ordinal) {
        error(item, quoted(field->path) + " is " + with_article(field->type) +
                        ", which carries the last value anyway; name numbers only");
      }
    }
    if (!stream.hold.empty() && stream.method == "downsample") {
      warning(key, key + " has no effect with downsample, which sends datums as they came; leave " +
                       "it out, or write method = \"average\"");
    }
  }

  // What a method that reckons with numbers leaves as it is.
  void method(const DecimatedStream& stream, const std::string& key) {
    if (stream.method == "downsample") return;
    if (acted_on(stream) == 0) {
      warning(key, key + ": " + stream.method +
                       " finds no number to act on, but only what is held or stands in a union, "
                       "an array or a map; write \"downsample\"");
      return;
    }
    const std::string names = nullable_numbers();
    if (names.empty() || nullable_told_) return;
    nullable_told_ = true;
    warning(key, key + ": " + stream.method + " does not act on " + names +
                     ", which may be null, and carries the last value; give the schema a number "
                     "that is always there, such as NaN for none");
  }

  void receive_time() {
    try {
      const std::string recorded = with_receive_time(channel_.schema.text);
      // Who reads the recording lays it out; only a long layout can have become too long.
      if (channel_.schema.layout.size() + 1 >= kLayoutOpsMax) compile_schema(recorded);
    } catch (const SchemaError& e) {
      error("record.receive_time",
            std::string(e.what()) + "; change the schema, or write receive_time = false");
    }
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

  void warning(const std::string& key, const std::string& message) {
    findings_->warning(place_of(channel_, key), message);
  }

  size_t acted_on(const DecimatedStream& stream) const {
    const CompiledSchema& schema = channel_.schema;
    size_t count = schema.fields.empty() && !schema.root_is_time ? schema.number_count : 0;
    for (const SchemaField& field : schema.fields) {
      const bool named =
          std::find(stream.hold.begin(), stream.hold.end(), field.path) != stream.hold.end() ||
          (is_whole(field.type) && channel_.sequence && channel_.sequence->field == field.path);
      count += field.ordinal && !field.held && !named;
    }
    return count;
  }

  // "'a', 'b.c' and 2 more", or "" where there are none.
  std::string nullable_numbers() const {
    std::string out;
    size_t count = 0;
    for (const SchemaField& field : channel_.schema.fields) {
      if (!field.nullable_number) continue;
      if (++count <= kNamesShown) out += (out.empty() ? "" : ", ") + quoted(field.path);
    }
    if (count > kNamesShown) out += " and " + std::to_string(count - kNamesShown) + " more";
    return out;
  }

  const Channel& channel_;
  Findings* findings_;
  bool nullable_told_ = false;
};

}  // namespace

void check_fields(const Channel& channel, Findings* findings) {
  FieldCheck check(channel, findings);
  if (channel.sequence) check.sequence();
  if (channel.record && channel.record->receive_time) check.receive_time();
  for (size_t i = 0; i < channel.decimated.size(); ++i) {
    const std::string prefix = "decimated[" + std::to_string(i) + "]";
    check.hold(channel.decimated[i], prefix + ".hold");
    check.method(channel.decimated[i], prefix + ".method");
  }
}

}  // namespace sdr
