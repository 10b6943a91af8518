#include "tools/config/units.h"

#include <span>
#include <vector>

#include "tools/config/diagnostic.h"

namespace sdr {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// What a family of units is called, an example for messages, and its members, the first of a size
// its usual name.
struct Family {
  std::string_view what;
  std::string_view example;
  std::span<const Unit> units;
  int decimals_max;
  uint64_t most;
  std::string_view most_text;
};

constexpr uint64_t kSecond = 1000000;
constexpr uint64_t kDay = 86400 * kSecond;
constexpr Unit kDurationUnits[] = {
    {"us", 1},   {"ms", 1000},       {"s", kSecond}, {"min", 60 * kSecond}, {"h", 3600 * kSecond},
    {"d", kDay}, {"m", 60 * kSecond}};
constexpr Unit kSizeUnits[] = {{"B", 1},
                               {"KiB", 1ull << 10},
                               {"MiB", 1ull << 20},
                               {"GiB", 1ull << 30},
                               {"TiB", 1ull << 40},
                               {"kB", 1000},
                               {"KB", 1000},
                               {"MB", 1000000},
                               {"GB", 1000000000},
                               {"TB", 1000000000000}};
constexpr Unit kRateUnits[] = {{"Hz", 1000}, {"kHz", 1000000}};
constexpr Unit kPercentUnits[] = {{"%", 100}};

constexpr Family kDuration = {"duration", "5s", kDurationUnits, 0, 36500 * kDay, "36500d"};
constexpr Family kSize = {"size", "4MiB", kSizeUnits, 0, 1ull << 60, "1048576TiB"};
constexpr Family kRate = {"rate", "100Hz", kRateUnits, 3, 1000000000, "1000kHz"};
constexpr Family kPercent = {"percentage", "5%", kPercentUnits, 2, 100000000, "1000000%"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number scaled by 10^decimals_max, as far as it goes.
struct Number {
  uint64_t scaled = 0;
  bool overflow = false;
  size_t bytes = 0;  // 0: no number stands there
};

Number parse_number(std::string_view text, int decimals_max) {
  Number out;
  const auto push = [&out](unsigned digit) {
    out.overflow = out.overflow || out.scaled > (UINT64_MAX - digit) / 10;
    if (!out.overflow) out.scaled = out.scaled * 10 + digit;
  };
  size_t at = 0;
  while (at < text.size() && is_digit(text[at])) push(static_cast<unsigned>(text[at++] - '0'));
  if (at == 0) return out;
  int decimals = 0;
  if (decimals_max > 0 && at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
    ++at;
    while (at < text.size() && is_digit(text[at]) && decimals < decimals_max) {
      push(static_cast<unsigned>(text[at++] - '0'));
      ++decimals;
    }
  }
  for (; decimals < decimals_max; ++decimals) push(0);
  out.bytes = at;
  return out;
}

std::string wrong(std::string_view text, const Family& family) {
  return quoted(text) + " is not a " + std::string(family.what) + "; write it like \"" +
         std::string(family.example) + "\"";
}

std::string unknown_unit(std::string_view number, std::string_view unit, const Family& family) {
  std::vector<std::string_view> names;
  for (const Unit& known : family.units) names.push_back(known.name);
  const std::string_view near = nearest(unit, names);
  // Second names of a unit ("m", "KB") are understood but not advertised.
  names.clear();
  for (const Unit& known : family.units) {
    const Unit* first = family.units.data();
    while (first->factor != known.factor) ++first;
    if (first == &known) names.push_back(known.name);
  }
  if (!near.empty()) {
    return "unknown unit " + quoted(unit) + "; did you mean \"" + printable(number, 24) +
           std::string(near) + "\"?";
  }
  return "unknown unit " + quoted(unit) + "; use " + one_of(names);
}

Quantity parse(std::string_view text, const Family& family) {
  Quantity out;
  const Number number = parse_number(text, family.decimals_max);
  const std::string_view digits = text.substr(0, number.bytes);
  const std::string_view unit = text.substr(number.bytes);
  if (number.bytes == 0) {
    out.error = wrong(text, family);
    return out;
  }
  if (unit.empty()) {
    out.error =
        quoted(text) + " has no unit; write it like \"" + std::string(family.example) + "\"";
    return out;
  }
  if (unit.front() == '.' || is_digit(unit.front())) {
    out.error = quoted(text) + " is finer than a " + std::string(family.what) +
                (family.decimals_max == 0 ? " can be; write a whole number of a smaller unit"
                                          : " can be; leave out some decimals");
    return out;
  }
  const Unit* found = nullptr;
  for (const Unit& known : family.units) {
    if (known.name == unit) found = &known;
  }
  if (!found) {
    out.error = unit.front() == ' '
                    ? quoted(text) + " has a space before its unit; write it like \"" +
                          std::string(family.example) + "\""
                    : unknown_unit(digits, unit, family);
    return out;
  }
  uint64_t scale = 1;
  for (int i = 0; i < family.decimals_max; ++i) scale *= 10;
  const uint64_t factor = found->factor;
  // Every factor is a multiple of its family's scale or the scale is 1, so the division is exact.
  const uint64_t step = factor >= scale ? factor / scale : 1;
  if (number.overflow || number.scaled > family.most / step) {
    out.error = quoted(text) + " is too large; at most \"" + std::string(family.most_text) + "\"";
    return out;
  }
  out.value = number.scaled * step;
  return out;
}

std::string shortest(uint64_t value, const Family& family) {
  const Unit* best = &family.units[0];
  for (const Unit& unit : family.units) {
    if (value != 0 && value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

Quantity parse_duration_us(std::string_view text) { return parse(text, kDuration); }
Quantity parse_size_bytes(std::string_view text) { return parse(text, kSize); }
Quantity parse_rate_millihertz(std::string_view text) { return parse(text, kRate); }
Quantity parse_percent_hundredths(std::string_view text) { return parse(text, kPercent); }

std::string duration_text(uint64_t duration_us) { return shortest(duration_us, kDuration); }
std::string size_text(uint64_t bytes) { return shortest(bytes, kSize); }

}  // namespace sdr
