#include "relay/numbers.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "relay/format/varint.h"
#include "relay/wide.h"

namespace sdr {
namespace {

constexpr uint32_t kWholeCells = sizeof(Wide) / sizeof(uint64_t);

bool is_whole(char code) { return code == 'i' || code == 'l'; }

// Two doubles at any address.
typedef double Pair __attribute__((vector_size(16), aligned(1), may_alias));

void add_doubles(const uint8_t* from, uint32_t count, bool squares, double* sums) {
  uint32_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const Pair x = *reinterpret_cast<const Pair*>(from + 8 * i);
    *reinterpret_cast<Pair*>(sums + i) += squares ? x * x : x;
  }
  if (i == count) return;
  double x;
  memcpy(&x, from + 8 * i, sizeof x);
  sums[i] += squares ? x * x : x;
}

// A NaN gives way to anything, and replaces nothing.
void bound_doubles(const uint8_t* from, uint32_t count, double* least, double* most) {
  uint32_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const Pair x = *reinterpret_cast<const Pair*>(from + 8 * i);
    Pair& low = *reinterpret_cast<Pair*>(least + i);
    Pair& high = *reinterpret_cast<Pair*>(most + i);
    low = (x < low) | (low != low) ? x : low;
    high = (x > high) | (high != high) ? x : high;
  }
  if (i == count) return;
  double x;
  memcpy(&x, from + 8 * i, sizeof x);
  if (x < least[i] || least[i] != least[i]) least[i] = x;
  if (x > most[i] || most[i] != most[i]) most[i] = x;
}

bool is_nan(double x) { return x != x; }

}  // namespace

uint32_t Numbers::cells_of(const Step& step) const {
  if (is_whole(step.code)) return kWholeCells;
  return method_ == Method::kMinmax ? 2 * step.count : step.count;
}

// Writes the steps where there is room for them, and counts them in any case.
void Numbers::plan(std::span<const uint32_t> hold, Step* steps) {
  step_count_ = cell_count_ = last_number_ = 0;
  growth_ = 0;
  Step last = {};
  const auto end_step = [&] {
    if (last.code == '\0') return;
    if (last.code != 'c') {
      last.cell = cell_count_;
      cell_count_ += cells_of(last);
      last_number_ = step_count_ + 1;
    }
    if (steps) steps[step_count_] = last;
    ++step_count_;
    last.code = '\0';
  };
  const std::span<const Layout::Op> ops = layout_->ops();
  uint32_t ordinal = 0;
  for (uint32_t i = 0; i < ops.size(); i = ops[i].next) {
    const char code = ops[i].code;
    const uint32_t size = code == 'f' ? 4 : code == 'd' ? 8 : 0;
    const uint32_t count = size > 0 ? ops[i].arg / size : 1;
    for (uint32_t n = 0; n < count; ++n) {
      bool carried = size == 0 && !is_whole(code);
      if (!carried) {
        carried = ops[i].held;
        for (const uint32_t held : hold) carried = carried || held == ordinal;
        ++ordinal;
      }
      const char kind = !carried ? code : size > 0 ? 'x' : 'c';
      if (last.code != kind || is_whole(kind)) end_step(), last = {kind, i, 0, 0, 0};
      last.to = ops[i].next;
      last.count += kind == 'x' ? size : 1;
      if (is_whole(kind)) growth_ += kVarintBytesMax - 1;
    }
  }
  end_step();
}

Status Numbers::open(const Layout& layout, Method method, std::span<const uint32_t> hold) {
  layout_ = &layout;
  method_ = method;
  if (method == Method::kDownsample) return {};
  plan(hold, nullptr);
  const size_t bytes = cell_count_ * sizeof(Cell) + step_count_ * sizeof(Step);
  static_assert(alignof(Step) <= alignof(Cell));
  void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return Error{"no memory for decimation", errno};
  cells_ = static_cast<Cell*>(place);
  steps_ = reinterpret_cast<Step*>(cells_ + cell_count_);
  plan(hold, steps_);
  clear();
  return {};
}

void Numbers::clear() {
  for (uint32_t s = 0; s < last_number_; ++s) {
    const Step& step = steps_[s];
    if (step.code == 'c' || step.code == 'x') continue;
    Cell* const cells = cells_ + step.cell;
    for (uint32_t i = 0; i < cells_of(step); ++i) {
      cells[i].word = 0;
      if (method_ == Method::kMinmax && !is_whole(step.code)) cells[i].number = __builtin_nan("");
    }
    if (method_ == Method::kMinmax && is_whole(step.code)) {
      cells[0].whole = INT64_MAX;
      cells[1].whole = INT64_MIN;
    }
  }
}

void Numbers::add_whole(int64_t value, Cell* cells) const {
  if (method_ == Method::kMinmax) {
    if (value < cells[0].whole) cells[0].whole = value;
    if (value > cells[1].whole) cells[1].whole = value;
    return;
  }
  Wide sum = {{cells[0].word, cells[1].word, cells[2].word}};
  if (method_ == Method::kRms) {
    add_square(value, &sum);
  } else {
    sdr::add(value, &sum);
  }
  for (int i = 0; i < 3; ++i) cells[i].word = sum.word[i];
}

void Numbers::add_run(const Step& step, const uint8_t* from) {
  Cell* const cells = cells_ + step.cell;
  if (step.code == 'd' && method_ == Method::kMinmax) {
    bound_doubles(from, step.count, &cells->number, &cells[step.count].number);
    return;
  }
  if (step.code == 'd') {
    add_doubles(from, step.count, method_ == Method::kRms, &cells->number);
    return;
  }
  for (uint32_t i = 0; i < step.count; ++i) {
    float narrow;
    memcpy(&narrow, from + 4 * i, sizeof narrow);
    const double x = static_cast<double>(narrow);
    double& one = cells[i].number;
    if (method_ != Method::kMinmax) {
      one += method_ == Method::kRms ? x * x : x;
      continue;
    }
    double& most = cells[step.count + i].number;
    if (x < one || is_nan(one)) one = x;
    if (x > most || is_nan(most)) most = x;
  }
}

void Numbers::add(const uint8_t* datum, size_t size) {
  const uint8_t* at = datum;
  const uint8_t* const end = datum + size;
  for (uint32_t s = 0; s < last_number_; ++s) {
    const Step& step = steps_[s];
    int64_t value = 0;
    switch (step.code) {
      case 'c':
        (void)layout_->take_ops(step.from, step.to, &at, end);
        break;
      case 'i':
      case 'l':
        (void)get_varint(&at, end, &value);
        add_whole(value, cells_ + step.cell);
        break;
      case 'x':
        at += step.count;
        break;
      default:
        add_run(step, at);
        at += step.count * (step.code == 'd' ? 8 : 4);
        break;
    }
  }
}

int64_t Numbers::whole_of(const Step& step, uint64_t count, bool maxima) const {
  const Cell* const cells = cells_ + step.cell;
  if (method_ == Method::kMinmax) return cells[maxima ? 1 : 0].whole;
  const Wide sum = {{cells[0].word, cells[1].word, cells[2].word}};
  if (method_ == Method::kAverage) return mean(sum, count);
  const uint64_t most = step.code == 'i' ? INT32_MAX : INT64_MAX;
  const uint64_t found = root_mean(sum, count);
  return static_cast<int64_t>(found < most ? found : most);
}

double Numbers::number_of(const Step& step, uint32_t i, uint64_t count, bool maxima) const {
  const Cell* const cells = cells_ + step.cell;
  if (method_ == Method::kMinmax) return cells[maxima ? step.count + i : i].number;
  const double found = cells[i].number / static_cast<double>(count);
  return method_ == Method::kRms ? __builtin_sqrt(found) : found;
}

size_t Numbers::put(uint64_t count, bool maxima, const iovec& last, uint8_t* out) const {
  const uint8_t* at = static_cast<const uint8_t*>(last.iov_base);
  const uint8_t* const end = at + last.iov_len;
  uint8_t* to = out;
  for (uint32_t s = 0; s < last_number_; ++s) {
    const Step& step = steps_[s];
    const uint8_t* const from = at;
    int64_t value = 0;
    if (is_whole(step.code)) {
      (void)get_varint(&at, end, &value);
      to += put_varint(whole_of(step, count, maxima), to);
      continue;
    }
    if (step.code == 'c') {
      (void)layout_->take_ops(step.from, step.to, &at, end);
    } else {
      at += step.count * (step.code == 'd' ? 8 : step.code == 'f' ? 4 : 1);
    }
    const size_t bytes = static_cast<size_t>(at - from);
    memcpy(to, from, bytes);
    for (uint32_t i = 0; step.code == 'd' && i < step.count; ++i) {
      const double x = number_of(step, i, count, maxima);
      memcpy(to + 8 * i, &x, sizeof x);
    }
    for (uint32_t i = 0; step.code == 'f' && i < step.count; ++i) {
      const float x = static_cast<float>(number_of(step, i, count, maxima));
      memcpy(to + 4 * i, &x, sizeof x);
    }
    to += bytes;
  }
  const size_t rest = static_cast<size_t>(end - at);
  memcpy(to, at, rest);
  return static_cast<size_t>(to + rest - out);
}

}  // namespace sdr
