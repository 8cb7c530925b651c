// SPDX-License-Identifier: Apache-2.0
// Large zeroed memory for the fuzz targets, which make tables of megabytes anew for each input
// and touch a few pages of them: the address sanitizer would mark all of it each time, and have
// it from the kernel and back. Here a block is kept between inputs, and only what was touched
// is zeroed. The linker lets the program's calloc() and free() come here (--wrap).
//
// Errors are still seen: around a block nothing may be read or written, down to the byte behind
// it, nor in it while nobody has it. That none is forgotten, libfuzzer.cpp asks.
#pragma once

#include <cstddef>

namespace nat64::fuzz {

[[nodiscard]] std::size_t blocks_in_use() noexcept;

} // namespace nat64::fuzz
