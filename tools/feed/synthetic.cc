#include "tools/feed/synthetic.h"

#include <time.h>

#include <cmath>
#include <limits>
#include <string>

namespace sdr {
namespace {

constexpr double kAmplitude = 1000;
constexpr const char* kWords[] = {"nominal", "idle",  "ramp up", "hold", "überdruck",
                                  "",        "valve", "温度",    "🚀 go"};

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to vary test data.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  unsigned below(size_t n) { return static_cast<unsigned>(next() % n); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

class Filler {
 public:
  Filler(const FeedOptions& options, uint64_t number, double time_s)
      : options_(options),
        number_(number),
        time_s_(time_s),
        random_(options.seed * 0x10001 + number) {}

  void fill(const SchemaNode& node, avro_value_t* value, unsigned depth) {
    avro_value_t child;
    switch (node.type) {
      case AVRO_NULL:
        expect(avro_value_set_null(value));
        break;
      case AVRO_BOOLEAN:
        expect(avro_value_set_boolean(value, random_.below(2)));
        break;
      case AVRO_INT32:
        expect(avro_value_set_int(value, integer<int32_t>(node)));
        break;
      case AVRO_INT64:
        expect(avro_value_set_long(value, integer<int64_t>(node)));
        break;
      case AVRO_FLOAT:
        expect(avro_value_set_float(value, static_cast<float>(real(node))));
        break;
      case AVRO_DOUBLE:
        expect(avro_value_set_double(value, real(node)));
        break;
      case AVRO_STRING:
        expect(avro_value_set_string(value, words().c_str()));
        break;
      case AVRO_BYTES:
        set_bytes(value, random_.below(33), false);
        break;
      case AVRO_FIXED:
        set_bytes(value, node.fixed_size, true);
        break;
      case AVRO_ENUM:
        expect(avro_value_set_enum(value, static_cast<int>(random_.below(node.symbols.size()))));
        break;
      case AVRO_RECORD:
        for (size_t i = 0; i < node.children.size(); ++i) {
          expect(avro_value_get_by_index(value, i, &child, nullptr));
          fill(node.children[i], &child, depth);
        }
        break;
      case AVRO_UNION: {
        const unsigned branch = random_.below(node.children.size());
        expect(avro_value_set_branch(value, static_cast<int>(branch), &child));
        fill(node.children[branch], &child, depth);
        break;
      }
      case AVRO_ARRAY:
        for (unsigned n = items(depth); n > 0; --n) {
          expect(avro_value_append(value, &child, nullptr));
          fill(node.children[0], &child, depth + 1);
        }
        break;
      case AVRO_MAP:
        for (unsigned n = items(depth); n > 0; --n) {
          expect(
              avro_value_add(value, ("key" + std::to_string(n)).c_str(), &child, nullptr, nullptr));
          fill(node.children[0], &child, depth + 1);
        }
        break;
      default:
        break;
    }
  }

 private:
  // Fewer the deeper, or a deep schema would outgrow a datagram.
  unsigned items(unsigned depth) {
    return depth >= kLessMax ? 0 : random_.below((kItemsMax >> depth) + 1);
  }

  std::string words() {
    std::string text = kWords[random_.below(std::size(kWords))];
    if (random_.below(2)) text += " " + std::to_string(number_);
    return text;
  }

  void set_bytes(avro_value_t* value, size_t size, bool fixed) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_.next());
    expect(fixed ? avro_value_set_fixed(value, bytes.data(), size)
                 : avro_value_set_bytes(value, bytes.data(), size));
  }

  // Each place of the schema has a frequency of its own, 1 Hz and up.
  double real(const SchemaNode& node) {
    if (node.is_counter) return static_cast<double>(number_);
    if (is_time(node)) return static_cast<double>(time_value(node.logical_type));
    const double cycles = time_s_ * (1 + node.number % 10);
    switch (options_.signal) {
      case Signal::kSine:
        return kAmplitude * std::sin(2 * M_PI * cycles);
      case Signal::kRamp:
        return kAmplitude * (cycles - std::floor(cycles));
      case Signal::kSquare:
        return cycles - std::floor(cycles) < 0.5 ? kAmplitude : -kAmplitude;
      case Signal::kNoise:
        return kAmplitude * (2 * random_.unit() - 1);
    }
    return 0;
  }

  template <typename T>
  T integer(const SchemaNode& node) {
    if (node.is_counter) return static_cast<T>(number_);  // wraps at the field's width
    if (is_time(node)) return static_cast<T>(time_value(node.logical_type));
    return static_cast<T>(std::llround(real(node)));
  }

  static bool is_time(const SchemaNode& node) {
    const std::string& type = node.logical_type;
    return type == "date" || type.starts_with("time-") || type.starts_with("timestamp-") ||
           type.starts_with("local-timestamp-");
  }

  static int64_t time_value(const std::string& logical_type) {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t seconds = now.tv_sec;
    const bool of_day = logical_type.starts_with("time-");
    const int64_t whole = of_day ? seconds % 86400 : seconds;
    if (logical_type == "date") return seconds / 86400;
    if (logical_type.ends_with("-millis")) return whole * 1000 + now.tv_nsec / 1000000;
    if (logical_type.ends_with("-micros")) return whole * 1000000 + now.tv_nsec / 1000;
    if (logical_type.ends_with("-nanos")) return whole * 1000000000 + now.tv_nsec;
    return seconds;
  }

  const FeedOptions& options_;
  uint64_t number_;
  double time_s_;
  Random random_;
};

}  // namespace

void fill_synthetic(const SchemaNode& root, const FeedOptions& options, uint64_t number,
                    double time_s, unsigned less, avro_value_t* value) {
  Filler(options, number, time_s).fill(root, value, less);
}

}  // namespace sdr
