// What --stats says: a table for people, or one JSON object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relay/format/index.h"
#include "tools/cat/stats.h"

namespace sdr::cat {

struct FieldStats {
  std::string name;
  std::string type;
  std::string logical_type;  // "timestamp-micros" …, or empty
  NumberStats numbers;
};

// All that was read.
struct Summary {
  int64_t files = 0;
  int64_t files_without_index = 0;  // of which it is not known what was lost
  int64_t files_without_times = 0;
  int64_t blocks = 0;
  int64_t datums = 0;
  int64_t bytes = 0;       // of the datums
  int64_t unreadable = 0;  // datums
  TimeStats times;
  bool by_index = false;       // some times are those of blocks, spread evenly
  bool by_other_time = false;  // some are of a field that is no receive time
  Losses losses = {};
  std::vector<FieldStats> fields;
  bool fields_cut = false;  // there are more
};

// At most 80 columns, but for names.
std::string summary_table(const Summary& summary, bool utc);
std::string summary_json(const Summary& summary, bool utc);

// Whole numbers to the last digit, others in six.
std::string number_text(const Number& number);
// The mean in few digits; what is left of numbers that cancel each other out is 0.
std::string mean_text(const NumberStats& numbers);
// "3 null, 1 NaN, 2 infinite, 4 of other types"; empty where nothing was left out.
std::string left_out_text(const NumberStats& numbers);

}  // namespace sdr::cat
