// The numbers of a window's datums, and the datum that stands for them: average, root mean square,
// minima and maxima.
//
// Numbers are the ints, longs, floats and doubles whose path from the root passes through records
// only, but for those that are held. In a result all else is as in the window's last datum, byte
// for byte.
//   average  floats and doubles are added up one after the other, as doubles; ints and longs
//            exactly, and rounded to the nearest, ties to the even one
//   rms      the same of the squares, and the root of their mean; of an int or a long at most the
//            largest that there is
//   minmax   a NaN is passed over, unless there is nothing else
// A NaN among them makes an average or an rms NaN; infinities, and sums that overflow, are as in
// IEEE 754.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <span>

#include "relay/format/layout.h"

namespace sdr {

enum class Method : uint8_t { kDownsample, kAverage, kMinmax, kRms };

class Numbers {
 public:
  // `hold` are ordinals of numbers, counted over all from 0. Takes memory, which stays.
  Status open(const Layout& layout, Method method, std::span<const uint32_t> hold);

  void clear();
  // Of a valid datum.
  void add(const uint8_t* datum, size_t size);
  // Writes the datum that stands for the `count` that have been added, the last of which is `last`;
  // of minmax the maxima or the minima. Returns its size, at most `last`'s and growth() more.
  size_t put(uint64_t count, bool maxima, const iovec& last, uint8_t* out) const;
  size_t growth() const { return growth_; }

 private:
  union Cell {
    uint64_t word;
    int64_t whole;
    double number;
  };
  // What is carried, or a run of numbers of one type.
  struct Step {
    char code;      // c: ops of the layout, x: bytes; i, l, f or d
    uint32_t from;  // c: ops [from, to)
    uint32_t to;
    uint32_t count;  // numbers; x: bytes
    uint32_t cell;   // the first of theirs
  };
  uint32_t cells_of(const Step& step) const;
  void plan(std::span<const uint32_t> hold, Step* steps);
  void add_whole(int64_t value, Cell* cells) const;
  void add_run(const Step& step, const uint8_t* from);
  int64_t whole_of(const Step& step, uint64_t count, bool maxima) const;
  double number_of(const Step& step, uint32_t i, uint64_t count, bool maxima) const;

  const Layout* layout_ = nullptr;
  Method method_ = Method::kDownsample;
  Step* steps_ = nullptr;
  Cell* cells_ = nullptr;
  uint32_t step_count_ = 0;
  uint32_t last_number_ = 0;  // all behind this step is carried
  uint32_t cell_count_ = 0;
  size_t growth_ = 0;
};

}  // namespace sdr
