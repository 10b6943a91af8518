// Whole numbers of 128 bits, also where the compiler has none: on machines of 32 bits.
#pragma once

#ifdef __SIZEOF_INT128__
namespace sdr {
using Int128 = __int128;
}
#else
#include <boost/multiprecision/cpp_int.hpp>
namespace sdr {
using Int128 = boost::multiprecision::int128_t;
}
#endif
