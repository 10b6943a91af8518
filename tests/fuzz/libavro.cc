#include "tests/fuzz/libavro.h"

#include <algorithm>
#include <unordered_map>

namespace sdr::fuzz {
namespace {

constexpr size_t kAllocationMax = 65 << 20;  // a fixed of 64 MiB is one that the tools take

// What libavro-c has allocated, and since which read.
struct Memory {
  std::unordered_map<void*, uint64_t> pieces;
  uint64_t read_number = 0;
};
Memory& memory() {
  static Memory& all = *new Memory;
  return all;
}

// libavro-c asks for as many bytes as a length says before it looks whether they are there.
void* allocate(void*, void* place, size_t, size_t size) {
  if (size > kAllocationMax) return nullptr;
  memory().pieces.erase(place);
  if (size == 0) {
    free(place);
    return nullptr;
  }
  void* const piece = realloc(place, size);
  if (piece) memory().pieces[piece] = memory().read_number;
  return piece;
}

// A read that fails leaves a text's or map key's bytes behind.
void free_left_over() {
  std::erase_if(memory().pieces, [](const auto& piece) {
    if (piece.second < memory().read_number) return false;
    free(piece.first);
    return true;
  });
}

// libavro-c's macros for these mix signs.
avro_type_t type_of(const avro_value_t& value) {
  return value.iface->get_type(value.iface, value.self);
}

std::string random_text(Random* random) {
  static constexpr const char* kParts[] = {"", "a", "\u00e9", "\u6e29", "\U0001f680", "telemetry"};
  std::string out;
  for (size_t i = random->below(4); i > 0; --i) out += kParts[random->below(std::size(kParts))];
  return out;
}

// Near zero and the ends of the range more often than elsewhere.
int64_t random_number(Random* random, unsigned bits) {
  const uint64_t value = random->next() >> (64 - bits + random->below(bits));
  return static_cast<int64_t>(random->below(2) ? value : ~value) >> (random->below(2) ? 0 : 1);
}

void fill(avro_value_t* value, Random* random, int depth);

void fill_items(avro_value_t* value, Random* random, int depth) {
  const bool map = type_of(*value) == AVRO_MAP;
  for (size_t i = depth > 4 ? 0 : random->below(4); i > 0; --i) {
    avro_value_t item;
    require((map ? avro_value_add(value, random_text(random).c_str(), &item, nullptr, nullptr)
                 : avro_value_append(value, &item, nullptr)) == 0);
    fill(&item, random, depth + 1);
  }
}

void fill_parts(avro_value_t* value, Random* random, int depth) {
  avro_value_t part;
  size_t count = 0;
  if (type_of(*value) == AVRO_UNION) {
    const size_t branches = avro_schema_union_size(avro_value_get_schema(value));
    require(avro_value_set_branch(value, static_cast<int>(random->below(branches)), &part) == 0);
    fill(&part, random, depth + 1);
    return;
  }
  require(avro_value_get_size(value, &count) == 0);
  for (size_t i = 0; i < count; ++i) {
    require(avro_value_get_by_index(value, i, &part, nullptr) == 0);
    fill(&part, random, depth + 1);
  }
}

void fill(avro_value_t* value, Random* random, int depth) {
  const std::string text = random_text(random);
  const uint64_t bits = random->next();
  switch (type_of(*value)) {
    case AVRO_NULL:
      return;
    case AVRO_BOOLEAN:
      avro_value_set_boolean(value, static_cast<int>(bits & 1));
      return;
    case AVRO_INT32:
      avro_value_set_int(value, static_cast<int32_t>(random_number(random, 32)));
      return;
    case AVRO_INT64:
      avro_value_set_long(value, random_number(random, 64));
      return;
    case AVRO_FLOAT:
      avro_value_set_float(value, static_cast<float>(static_cast<int64_t>(bits)) / 3);
      return;
    case AVRO_DOUBLE:
      avro_value_set_double(value, static_cast<double>(static_cast<int64_t>(bits)) / 3);
      return;
    case AVRO_STRING:
      avro_value_set_string_len(value, text.c_str(), text.size() + 1);
      return;
    case AVRO_BYTES:
      avro_value_set_bytes(value, const_cast<char*>(text.data()), text.size());
      return;
    case AVRO_FIXED: {
      const auto size = static_cast<size_t>(avro_schema_fixed_size(avro_value_get_schema(value)));
      std::string bytes(size, static_cast<char>(bits));
      avro_value_set_fixed(value, bytes.data(), bytes.size());
      return;
    }
    case AVRO_ENUM: {
      const auto symbols =
          static_cast<size_t>(avro_schema_enum_number_of_symbols(avro_value_get_schema(value)));
      avro_value_set_enum(value, static_cast<int>(random->below(symbols)));
      return;
    }
    case AVRO_ARRAY:
    case AVRO_MAP:
      fill_items(value, random, depth);
      return;
    default:
      fill_parts(value, random, depth);
  }
}

}  // namespace

LibavroValue::LibavroValue(const char* schema) {
  avro_set_allocator(allocate, nullptr);
  require(avro_schema_from_json_length(schema, std::string_view(schema).size(), &schema_) == 0);
  class_ = avro_generic_class_from_schema(schema_);
  require(class_ && avro_generic_value_new(class_, &value_) == 0);
}

LibavroValue::~LibavroValue() {
  avro_value_decref(&value_);
  avro_value_iface_decref(class_);
  avro_schema_decref(schema_);
}

bool LibavroValue::read(std::string_view bytes) {
  ++memory().read_number;
  const avro_reader_t reader = avro_reader_memory(bytes.data(), static_cast<int64_t>(bytes.size()));
  require(reader && avro_value_reset(&value_) == 0);
  const bool taken = avro_value_read(reader, &value_) == 0;
  char unused;
  read_size_ = bytes.size();
  while (taken && avro_read(reader, &unused, 1) == 0) --read_size_;
  avro_reader_free(reader);
  if (taken) return true;
  avro_value_decref(&value_);
  free_left_over();
  require(avro_generic_value_new(class_, &value_) == 0);
  return false;
}

std::string LibavroValue::write() {
  size_t size = 0;
  require(avro_value_sizeof(&value_, &size) == 0);
  std::string out(size, '\0');
  const avro_writer_t writer = avro_writer_memory(out.data(), static_cast<int64_t>(size));
  require(writer && avro_value_write(writer, &value_) == 0);
  require(avro_writer_tell(writer) == static_cast<int64_t>(size));
  avro_writer_free(writer);
  return out;
}

std::string LibavroValue::make(Random* random) {
  require(avro_value_reset(&value_) == 0);
  fill(&value_, random, 0);
  return write();
}

bool may_differ(Reject reject) {
  const std::span<const Difference> all = libavro_differences();
  return std::any_of(all.begin(), all.end(),
                     [reject](const Difference& one) { return one.reject == reject; });
}

}  // namespace sdr::fuzz
