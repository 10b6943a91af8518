#include "tools/config/storage_keys.h"

#include <algorithm>

#include "tools/config/units.h"
#include "tools/lib/int128.h"

namespace sdr {
namespace {

void read_mode(const ConfigValue& value, KeyReader* reader, uint32_t* mode) {
  std::string text;
  if (value.kind == ConfigValue::Kind::kInteger) {
    reader->wrong_type("storage.mode", value, "the octal mode in quotes such as \"0640\"");
    return;
  }
  if (!reader->string("storage.mode", value, "\"0640\"", kNameBytesMax, &text)) return;
  uint32_t bits = 0;
  bool good = text.size() <= 4 && (text.size() < 4 || text[0] == '0');
  for (const char c : text) {
    good = good && c >= '0' && c <= '7';
    bits = bits * 8 + static_cast<uint32_t>(c - '0');
  }
  if (!good) {
    reader->error(value, "storage.mode: " + sdr::quoted(text) +
                             " is not an octal mode of files; write it like \"0640\"");
  } else if ((bits & 0600) != 0600) {
    reader->error(value, "storage.mode: " + sdr::quoted(text) +
                             " keeps the owner out, who writes the files; write it like \"0640\"");
  } else if ((bits & 0111) != 0) {
    reader->error(value, "storage.mode: " + sdr::quoted(text) +
                             " has an execute bit; it is the mode of files, and directories get "
                             "theirs from it");
  } else {
    *mode = bits;
  }
}

// A percentage or a size.
void read_min_free(const ConfigValue& value, KeyReader* reader, Storage* storage) {
  uint64_t number;
  if (value.kind == ConfigValue::Kind::kString && value.text.ends_with('%')) {
    if (reader->percent("storage.min_free", value, 9900, &number)) {
      storage->min_free_hundredths = number;
    }
  } else if (reader->size("storage.min_free", value, 0, 1ull << 60, &number)) {
    storage->min_free_bytes = number;
  }
}

}  // namespace

void read_storage_keys(const ConfigValue& table, KeyReader* reader, Findings* findings,
                       Storage* storage) {
  constexpr std::string_view kKnown[] = {"path", "mount", "min_free", "group", "mode"};
  for (const ConfigMember& member : table.members) {
    storage->keys[member.key] = reader->place(member);
    if (member.key == "path") {
      reader->absolute_path("storage.path", member.value, &storage->path);
    } else if (member.key == "mount") {
      reader->absolute_path("storage.mount", member.value, &storage->mount);
    } else if (member.key == "min_free") {
      read_min_free(member.value, reader, storage);
    } else if (member.key == "group") {
      reader->name("storage.group", member.value, "\"adm\"", kAccountNameMax, &storage->group);
    } else if (member.key == "mode") {
      read_mode(member.value, reader, &storage->mode);
    } else {
      reader->unknown_key(member, "[storage]", kKnown, "; its keys are " + one_of(kKnown));
    }
  }
  const std::string below = storage->mount == "/" ? "/" : storage->mount + "/";
  if (!storage->path.empty() && !storage->mount.empty() && storage->path != storage->mount &&
      !storage->path.starts_with(below)) {
    findings->warning(storage->keys["mount"], "storage.mount " + sdr::quoted(storage->mount) +
                                                  " does not hold storage.path " +
                                                  sdr::quoted(storage->path) +
                                                  "; name the mount point that recordings are on");
  }
}

uint64_t min_free_of(const Storage& storage, uint64_t size_bytes) {
  if (storage.min_free_bytes) return *storage.min_free_bytes;
  if (storage.min_free_hundredths.value_or(0) == 0) return 0;
  const Int128 product = static_cast<Int128>(size_bytes) * *storage.min_free_hundredths;
  // Of nothing at all it is still something, which cannot be had.
  return std::max<uint64_t>(static_cast<uint64_t>((product + 9999) / 10000), 1);
}

}  // namespace sdr
