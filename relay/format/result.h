// How a function without exceptions says that it failed: a value or an Error, never both.
#pragma once

#include <optional>
#include <utility>

namespace sdr {

// `what` is a string literal that names the step ("unable to bind"); sys_errno is 0 where no system
// call failed.
struct Error {
  const char* what = nullptr;
  int sys_errno = 0;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(error) {}
  explicit operator bool() const { return value_.has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  Error error() const { return error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

// The result of a step that has no value: `if (Status s = step(); !s) return s.error();`
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(error) {}
  explicit operator bool() const { return error_.what == nullptr; }
  Error error() const { return error_; }

 private:
  Error error_;
};

}  // namespace sdr
