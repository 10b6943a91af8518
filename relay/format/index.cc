#include "relay/format/index.h"

#include <string.h>

#include "relay/format/varint.h"

namespace sdr {

// Sums stop at the largest number: files may say anything.
Losses operator+(const Losses& a, const Losses& b) {
  uint64_t sums[kLossCount];
  uint64_t more[kLossCount];
  memcpy(sums, &a, sizeof sums);
  memcpy(more, &b, sizeof more);
  for (size_t i = 0; i < kLossCount; ++i)
    sums[i] = more[i] > UINT64_MAX - sums[i] ? UINT64_MAX : sums[i] + more[i];
  Losses sum;
  memcpy(&sum, sums, sizeof sum);
  return sum;
}

bool is_none(const Losses& losses) {
  constexpr Losses kNone = {};
  return memcmp(&losses, &kNone, sizeof losses) == 0;
}

Losses losses_since(const Losses& before, const Losses& now) {
  uint64_t from[kLossCount];
  uint64_t to[kLossCount];
  memcpy(from, &before, sizeof from);
  memcpy(to, &now, sizeof to);
  for (size_t i = 0; i < kLossCount; ++i) {
    if (to[i] >= from[i]) to[i] -= from[i];
  }
  Losses since;
  memcpy(&since, to, sizeof since);
  return since;
}

size_t put_index_row(const IndexRow& row, uint8_t* out) {
  uint8_t* at = out;
  const auto put = [&at](uint64_t value) { at += put_varint(static_cast<int64_t>(value), at); };
  put(row.offset);
  put(row.datums);
  for (const int64_t time_us : {row.first_time_us, row.last_time_us}) {
    put(row.has_times ? 1 : 0);
    if (row.has_times) put(static_cast<uint64_t>(time_us));
  }
  uint64_t losses[kLossCount];
  memcpy(losses, &row.losses, sizeof losses);
  for (const uint64_t count : losses) put(count);
  return static_cast<size_t>(at - out);
}

size_t put_index_block(const IndexRow& row, const uint8_t sync[kSyncBytes], uint8_t* out) {
  uint8_t body[kIndexRowBytesMax];
  const size_t body_bytes = put_index_row(row, body);
  const size_t head_bytes = put_block_head(1, body_bytes, out);
  memcpy(out + head_bytes, body, body_bytes);
  memcpy(out + head_bytes + body_bytes, sync, kSyncBytes);
  return head_bytes + body_bytes + kSyncBytes;
}

bool take_index_row(const uint8_t** at, const uint8_t* end, IndexRow* row) {
  const auto take = [at, end](uint64_t* value) {
    int64_t number;
    if (get_varint(at, end, &number) != VarintStatus::kOk || number < 0) return false;
    *value = static_cast<uint64_t>(number);
    return true;
  };
  if (!take(&row->offset) || !take(&row->datums)) return false;
  row->has_times = true;
  for (int64_t* time_us : {&row->first_time_us, &row->last_time_us}) {
    uint64_t branch;
    *time_us = 0;
    if (!take(&branch) || branch > 1) return false;
    row->has_times = row->has_times && branch == 1;
    if (branch == 1 && get_varint(at, end, time_us) != VarintStatus::kOk) return false;
  }
  uint64_t losses[kLossCount];
  for (uint64_t& count : losses) {
    if (!take(&count)) return false;
  }
  memcpy(&row->losses, losses, sizeof losses);
  return true;
}

}  // namespace sdr
