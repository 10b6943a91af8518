// Atomic words in memory that processes share, on the compiler's own primitives.
//
// std::atomic would do, but libstdc++'s <atomic> pulls in mutexes and locales in C++20, which do
// not compile against musl and would be linked for nothing.
#pragma once

namespace sdr {

enum class Order : int {
  kRelaxed = __ATOMIC_RELAXED,
  kAcquire = __ATOMIC_ACQUIRE,
  kRelease = __ATOMIC_RELEASE,
};

template <typename T>
class Atomic {
 public:
  T load(Order order = Order::kAcquire) const {
    return __atomic_load_n(&value_, static_cast<int>(order));
  }
  void store(T value, Order order = Order::kRelease) {
    __atomic_store_n(&value_, value, static_cast<int>(order));
  }
  T fetch_add(T value) { return __atomic_fetch_add(&value_, value, __ATOMIC_ACQ_REL); }

 private:
  static_assert(__atomic_always_lock_free(sizeof(T), nullptr));
  T value_;
};

// Keeps loads before it before what follows it.
inline void acquire_fence() { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
// Keeps what stands before it before stores that follow it.
inline void release_fence() { __atomic_thread_fence(__ATOMIC_RELEASE); }
// Keeps this process's stores in order against its own system calls and its own death; costs no
// instruction.
inline void compiler_fence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

}  // namespace sdr
