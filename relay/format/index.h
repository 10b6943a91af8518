// The index beside a segment: NAME.index for NAME.avro, an Avro file with a row per block.
//
// It has its segment's sync marker, which is how the two are known to belong together, and grows
// with it from the segment's begin on. Rows come in the order of the blocks. What was lost is what
// has been lost since the row before (in an earlier segment, for the first): so the sum over all
// rows of a channel is what its recording lacks. A row without datums stands for no block: the
// last one may be such, at the end of the segment, and says what was lost behind its last block.
// Where a relay was killed just then, others may stand before it.
//
// Times are receive times of the block's first and last datum; where blocks follow each other
// closely, first_time may be that of the datum before its first. They are null in rows that a
// repair has made from the segment alone: what was lost before such a block is not known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "relay/format/ocf.h"

namespace sdr {

constexpr std::string_view kIndexSuffix = ".index";  // in place of ".avro"
constexpr std::string_view kIndexSchema =
    R"({"type":"record","name":"IndexRow","namespace":"speeddata","fields":[)"
    R"({"name":"offset","type":"long"},{"name":"datums","type":"long"},)"
    R"({"name":"first_time","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},)"
    R"({"name":"last_time","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},)"
    R"({"name":"kernel_drops","type":"long"},{"name":"gaps","type":"long"},)"
    R"({"name":"lost","type":"long"},{"name":"duplicates","type":"long"},)"
    R"({"name":"reordered","type":"long"},{"name":"resets","type":"long"},)"
    R"({"name":"unrecorded","type":"long"},{"name":"rejected","type":"long"},)"
    R"({"name":"restarts","type":"long"},{"name":"clock_steps","type":"long"},)"
    R"({"name":"damaged_bytes","type":"long"}]})";

// What a recording lacks, as counts.
struct Losses {
  uint64_t kernel_drops;  // datagrams that the kernel had no room for
  uint64_t gaps;          // of the sequence (relay/format/counters.h) …
  uint64_t lost;          // … datums that never came
  uint64_t duplicates;    // recorded twice, as they came
  uint64_t reordered;     // recorded late, as they came
  uint64_t resets;
  uint64_t unrecorded;     // datums that were received and relayed, but not recorded
  uint64_t rejected;       // datagrams that were no datum
  uint64_t restarts;       // the relay began
  uint64_t clock_steps;    // the wall clock was set: times before and behind it do not compare
  uint64_t damaged_bytes;  // of the segment, found and left out by a repair
};
constexpr size_t kLossCount = sizeof(Losses) / sizeof(uint64_t);  // in the order of the schema

Losses operator+(const Losses& a, const Losses& b);
bool is_none(const Losses& losses);
// What came to be lost between two such sums, the later one of which may have begun anew.
Losses losses_since(const Losses& before, const Losses& now);

struct IndexRow {
  uint64_t offset;  // of the block in the segment: where its count of datums stands
  uint64_t datums;
  bool has_times;
  int64_t first_time_us;
  int64_t last_time_us;
  Losses losses;
};

constexpr size_t kIndexRowBytesMax = 6 * 10 + kLossCount * 10;
// Writes a row as an Avro datum at `out`, kIndexRowBytesMax bytes at most; returns its size.
size_t put_index_row(const IndexRow& row, uint8_t* out);
// Writes it as a block of its own, with what frames it.
constexpr size_t kIndexBlockBytesMax = kBlockHeadBytesMax + kIndexRowBytesMax + kSyncBytes;
size_t put_index_block(const IndexRow& row, const uint8_t sync[kSyncBytes], uint8_t* out);
// Reads the row at *at, before `end`, and moves *at behind it; false: it is none.
bool take_index_row(const uint8_t** at, const uint8_t* end, IndexRow* row);

}  // namespace sdr
