#include "relay/format/layout.h"

#include <string.h>

#include "relay/format/varint.h"

namespace sdr {

const char* reject_name(Reject reason) {
  switch (reason) {
    case Reject::kNone:
      return "none";
    case Reject::kShort:
      return "short";
    case Reject::kLong:
      return "long";
    case Reject::kBoolean:
      return "boolean";
    case Reject::kEnum:
      return "enum";
    case Reject::kUnion:
      return "union";
    case Reject::kVarint:
      return "varint";
    case Reject::kLength:
      return "length";
    case Reject::kUtf8:
      return "utf8";
    case Reject::kTruncated:
      return "truncated";
    case Reject::kSender:
      return "sender";
    case Reject::kCount:
      break;
  }
  return "unknown";
}

namespace {

Reject reason_of(VarintStatus status) {
  return status == VarintStatus::kShort ? Reject::kShort : Reject::kVarint;
}

// A string or bytes: a length and as many bytes; *body is where they begin.
Reject take_sized(const uint8_t** at, const uint8_t* end, const uint8_t** body) {
  int64_t size;
  if (VarintStatus s = get_varint(at, end, &size); s != VarintStatus::kOk) return reason_of(s);
  if (size < 0 || size > end - *at) return Reject::kLength;
  *body = *at;
  *at += size;
  return Reject::kNone;
}

Reject take_string(const uint8_t** at, const uint8_t* end) {
  const uint8_t* body;
  if (Reject r = take_sized(at, end, &body); r != Reject::kNone) return r;
  return is_utf8(body, static_cast<size_t>(*at - body)) ? Reject::kNone : Reject::kUtf8;
}

}  // namespace

bool is_utf8(const uint8_t* data, size_t size) {
  const uint8_t* p = data;
  const uint8_t* const end = data + size;
  while (p < end) {
    if (end - p >= 8) {
      uint64_t word;
      memcpy(&word, p, 8);
      if (!(word & 0x8080808080808080u)) {
        p += 8;
        continue;
      }
    }
    const uint8_t lead = *p++;
    if (lead < 0x80) continue;
    int more;
    uint8_t least = 0x80;
    uint8_t most = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) least = 0xa0;  // shorter forms exist
      if (lead == 0xed) most = 0x9f;   // surrogates
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) least = 0x90;
      if (lead == 0xf4) most = 0x8f;  // above U+10FFFF
    } else {
      return false;
    }
    for (; more > 0; --more, least = 0x80, most = 0xbf) {
      if (p == end || *p < least || *p > most) return false;
      ++p;
    }
  }
  return true;
}

Reject Layout::validate(const uint8_t* data, size_t size) const {
  const uint8_t* at = data;
  if (Reject r = take(&at, data + size); r != Reject::kNone) return r;
  return at == data + size ? Reject::kNone : Reject::kLong;
}

Reject Layout::validate_all(const uint8_t* data, size_t size, int64_t count) const {
  const uint8_t* at = data;
  const uint8_t* const end = data + size;
  // Only datums without any byte can outnumber the bytes; those are bounded.
  const int64_t most =
      static_cast<int64_t>(size) > kEmptyItemsMax ? static_cast<int64_t>(size) : kEmptyItemsMax;
  if (count < 0 || count > most) return Reject::kLength;
  for (; count > 0; --count) {
    if (Reject r = take(&at, end); r != Reject::kNone) return r;
  }
  return at == end ? Reject::kNone : Reject::kLong;
}

char Layout::number_type(uint32_t ordinal, uint32_t* op) const {
  for (uint32_t i = 0; i < count_; i = ops_[i].next) {
    const char code = ops_[i].code;
    const bool whole = code == 'i' || code == 'l';
    const uint32_t size = whole ? 1 : code == 'f' ? 4 : code == 'd' ? 8 : 0;
    const uint32_t count = whole ? 1 : size > 0 ? ops_[i].arg / size : 0;
    if (op) *op = i;
    if (ordinal < count) return code;
    ordinal -= count;
  }
  return '\0';
}

bool Layout::append_long() {
  if (count_ == kLayoutOpsMax) return false;
  ops_[count_] = {'l', true, 0, count_ + 1};
  ++count_;
  fixed_size_ = 0;
  return true;
}

Reject Layout::walk(uint32_t from, uint32_t to, const uint8_t** at, const uint8_t* end) const {
  Cursor cursor = {*at, end, 0};
  const Reject r = walk_body(from, to, &cursor);
  *at = cursor.at;
  return r;
}

Reject Layout::walk_body(uint32_t from, uint32_t to, Cursor* cursor) const {
  const uint8_t** const at = &cursor->at;
  const uint8_t* const end = cursor->end;
  for (uint32_t i = from; i < to; i = ops_[i].next) {
    Reject r = Reject::kNone;
    int32_t n;
    int64_t wide;
    const uint8_t* body;
    switch (ops_[i].code) {
      case 'f':
      case 'd':
      case 'x':
        if (static_cast<size_t>(end - *at) < ops_[i].arg) return Reject::kShort;
        *at += ops_[i].arg;
        break;
      case 'b':
        if (*at == end) return Reject::kShort;
        if (*(*at)++ > 1) return Reject::kBoolean;
        break;
      case 'i':
        if (VarintStatus s = get_varint32(at, end, &n); s != VarintStatus::kOk) return reason_of(s);
        break;
      case 'l':
        if (VarintStatus s = get_varint(at, end, &wide); s != VarintStatus::kOk)
          return reason_of(s);
        break;
      case 'e':
        if (VarintStatus s = get_varint32(at, end, &n); s != VarintStatus::kOk) return reason_of(s);
        if (n < 0 || static_cast<uint32_t>(n) >= ops_[i].arg) return Reject::kEnum;
        break;
      case 's':
        r = take_string(at, end);
        break;
      case 'y':
        r = take_sized(at, end, &body);
        break;
      case '<':
        r = walk_union(i, cursor);
        break;
      default:
        r = walk_blocks(i, cursor);
        break;
    }
    if (r != Reject::kNone) return r;
  }
  return Reject::kNone;
}

Reject Layout::walk_union(uint32_t index, Cursor* cursor) const {
  int32_t chosen;
  if (VarintStatus s = get_varint32(&cursor->at, cursor->end, &chosen); s != VarintStatus::kOk)
    return reason_of(s);
  if (chosen < 0 || static_cast<uint32_t>(chosen) >= ops_[index].arg) return Reject::kUnion;
  uint32_t branch = index + 1;
  for (; chosen > 0; --chosen) branch = ops_[branch].next;
  return walk_body(branch + 1, ops_[branch].next, cursor);
}

// Arrays and maps: blocks of items until a count of zero. A negative count is followed by the
// block's size.
Reject Layout::walk_blocks(uint32_t index, Cursor* cursor) const {
  const Op& op = ops_[index];
  const bool is_map = op.code == '{';
  const uint8_t** const at = &cursor->at;
  const uint8_t* const end = cursor->end;
  for (;;) {
    int64_t count;
    if (VarintStatus s = get_varint(at, end, &count); s != VarintStatus::kOk) return reason_of(s);
    if (count == 0) return Reject::kNone;
    const uint8_t* stated_end = nullptr;
    if (count < 0) {
      if (count == INT64_MIN) return Reject::kLength;
      count = -count;
      int64_t size;
      if (VarintStatus s = get_varint(at, end, &size); s != VarintStatus::kOk) return reason_of(s);
      if (size < 0 || size > end - *at) return Reject::kLength;
      stated_end = *at + size;
    }
    if (op.arg) {  // items take no byte: nothing to walk, only to bound
      if (count > kEmptyItemsMax - cursor->empty_items) return Reject::kLength;
      cursor->empty_items += count;
    } else {
      for (; count > 0; --count) {
        if (is_map) {
          if (Reject r = take_string(at, end); r != Reject::kNone) return r;
        }
        if (Reject r = walk_body(index + 1, op.next, cursor); r != Reject::kNone) return r;
      }
    }
    if (stated_end && *at != stated_end) return Reject::kLength;
  }
}

}  // namespace sdr
