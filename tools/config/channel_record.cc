// record, retain and sequence; cpus and scheduler: the keys with values of more than one part.
#include <charconv>

#include "tools/config/channel_keys.h"
#include "tools/config/cpu_list.h"

namespace sdr {
namespace {

constexpr uint64_t kSecondUs = 1000000;
constexpr uint64_t kDayUs = 86400 * kSecondUs;

void read_sync(KeyContext& c, const std::string& key, const ConfigMember& m) {
  uint64_t us;
  if (c.reader.duration(key, m.value, 0, 3600 * kSecondUs, 1000, &us)) {
    c.channel().record->sync_ms = us / 1000;
  }
}

void read_rotate(KeyContext& c, const std::string& key, const ConfigMember& m) {
  uint64_t us;
  if (c.reader.duration(key, m.value, kSecondUs, 366 * kDayUs, kSecondUs, &us)) {
    c.channel().record->rotate_s = us / kSecondUs;
  }
}

void read_segment_size(KeyContext& c, const std::string& key, const ConfigMember& m) {
  c.reader.size(key, m.value, 128 << 10, 1ull << 40, &c.channel().record->segment_bytes);
}

void read_buffer(KeyContext& c, const std::string& key, const ConfigMember& m) {
  c.reader.size(key, m.value, 64 << 10, 1ull << 30, &c.channel().record->buffer_bytes);
}

void read_receive_time(KeyContext& c, const std::string& key, const ConfigMember& m) {
  c.reader.boolean(key, m.value, &c.channel().record->receive_time);
}

constexpr InnerKey kRecordKeys[] = {
    {"sync", read_sync},
    {"rotate", read_rotate},
    {"size", read_segment_size},
    {"buffer", read_buffer},
    {"receive_time", read_receive_time},
};

void read_retain_age(KeyContext& c, const std::string& key, const ConfigMember& m) {
  uint64_t us;
  if (c.reader.duration(key, m.value, kSecondUs, 36500 * kDayUs, kSecondUs, &us)) {
    c.channel().retain->age_s = us / kSecondUs;
  }
}

void read_retain_size(KeyContext& c, const std::string& key, const ConfigMember& m) {
  uint64_t bytes;
  if (c.reader.size(key, m.value, 1 << 20, 1ull << 50, &bytes)) {
    c.channel().retain->size_bytes = bytes;
  }
}

constexpr InnerKey kRetainKeys[] = {{"age", read_retain_age}, {"size", read_retain_size}};

void read_sequence_field(KeyContext& c, const std::string& key, const ConfigMember& m) {
  std::string field;
  if (c.reader.string(key, m.value, "\"counter\"", kNameBytesMax, &field)) {
    c.channel().sequence->field = field;
  }
}

void read_sequence_wrap(KeyContext& c, const std::string& key, const ConfigMember& m) {
  int64_t wrap;
  if (c.reader.integer(key, m.value, 2, INT64_MAX, &wrap)) {
    c.channel().sequence->wrap = static_cast<uint64_t>(wrap);
  }
}

constexpr InnerKey kSequenceKeys[] = {{"field", read_sequence_field}, {"wrap", read_sequence_wrap}};

bool read_cpu_list(KeyContext& c, std::string_view key, const ConfigValue& value,
                   std::string* out) {
  std::string text;
  std::string error;
  std::vector<uint32_t> cpus;
  if (value.kind == ConfigValue::Kind::kInteger) {
    c.reader.wrong_type(key, value, "a string such as \"" + std::to_string(value.integer) + "\"");
    return false;
  }
  if (!c.reader.string(key, value, "\"2-3\"", 4096, &text)) return false;
  if (!parse_cpu_list(text, &cpus, &error)) {
    c.reader.error(value, std::string(key) + ": " + error);
    return false;
  }
  *out = cpu_list_text(cpus);
  return true;
}

void read_receive_cpus(KeyContext& c, const std::string& key, const ConfigMember& m) {
  read_cpu_list(c, key, m.value, &c.channel().receive_cpus);
}

void read_write_cpus(KeyContext& c, const std::string& key, const ConfigMember& m) {
  read_cpu_list(c, key, m.value, &c.channel().write_cpus);
}

constexpr InnerKey kCpusKeys[] = {{"receive", read_receive_cpus}, {"write", read_write_cpus}};

// The number behind "other:" or "fifo:"; false where it is none or out of range.
bool parse_priority(std::string_view text, int least, int most, int* out) {
  const std::from_chars_result read = std::from_chars(text.data(), text.data() + text.size(), *out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && *out >= least &&
         *out <= most;
}

}  // namespace

void read_record(KeyContext& c, const ConfigMember& m) {
  std::optional<RecordOptions>& record = c.channel().record;
  if (m.value.kind == ConfigValue::Kind::kBoolean) {
    if (!m.value.boolean) {
      record.reset();
    } else if (!record) {
      record = RecordOptions();
    }
    return;
  }
  if (!c.reader.table("record", m.value, "{ sync = \"5s\" }, or false")) return;
  if (!record) record = RecordOptions();
  read_inner_keys(c, "record", m.value, kRecordKeys);
}

void read_retain(KeyContext& c, const ConfigMember& m) {
  if (!c.reader.table("retain", m.value, "{ age = \"7d\", size = \"20GiB\" }")) return;
  if (!c.channel().retain) c.channel().retain = RetainOptions();
  read_inner_keys(c, "retain", m.value, kRetainKeys);
}

void read_sequence(KeyContext& c, const ConfigMember& m) {
  const size_t errors = c.findings.error_count();
  c.channel().sequence = SequenceOptions();
  c.forget("sequence.");
  if (m.value.kind == ConfigValue::Kind::kString) {
    read_sequence_field(c, "sequence", m);
    return;
  }
  if (!c.reader.table("sequence", m.value, "{ field = \"counter\", wrap = 65536 }")) return;
  read_inner_keys(c, "sequence", m.value, kSequenceKeys);
  if (!c.channel().keys.contains("sequence.field")) {
    c.reader.error(m.value, "sequence has no field; add field = \"counter\"");
  }
  // What was not readable and is reported is not held against the schema.
  if (c.findings.error_count() != errors) c.channel().sequence.reset();
}

void read_cpus(KeyContext& c, const ConfigMember& m) {
  if (m.value.kind == ConfigValue::Kind::kTable) {
    read_inner_keys(c, "cpus", m.value, kCpusKeys);
    return;
  }
  std::string list;
  if (!read_cpu_list(c, "cpus", m.value, &list)) return;
  c.channel().receive_cpus = list;
  c.channel().write_cpus = list;
}

void read_scheduler(KeyContext& c, const ConfigMember& m) {
  std::string text;
  if (!c.reader.string("scheduler", m.value, "\"other\", \"other:-5\" or \"fifo:10\"", 32, &text)) {
    return;
  }
  const std::string_view view = text;
  const size_t colon = view.find(':');
  const std::string_view policy = view.substr(0, colon);
  const bool has_number = colon != std::string_view::npos;
  const std::string_view number = has_number ? view.substr(colon + 1) : std::string_view();
  int value = 0;
  if (policy == "other") {
    if (has_number && !parse_priority(number, -20, 19, &value)) {
      c.reader.error(m.value, "scheduler: " + quoted(text) +
                                  " has no nice value from -20 to 19; write it like \"other:-5\"");
    } else {
      c.channel().scheduler = value == 0 ? "other" : "other:" + std::to_string(value);
    }
  } else if (policy == "fifo") {
    if (!parse_priority(number, 1, 99, &value)) {
      c.reader.error(m.value, "scheduler: " + quoted(text) +
                                  " has no priority from 1 to 99; write it like \"fifo:10\"");
    } else {
      c.channel().scheduler = "fifo:" + std::to_string(value);
    }
  } else {
    constexpr std::string_view kPolicies[] = {"other", "fifo"};
    c.reader.error(m.value, "scheduler: unknown policy " + quoted(policy) +
                                did_you_mean(policy, kPolicies,
                                             "; write \"other\", \"other:-5\" or \"fifo:10\""));
  }
}

}  // namespace sdr
