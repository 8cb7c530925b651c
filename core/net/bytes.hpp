// SPDX-License-Identifier: Apache-2.0
// Integers as they stand on the wire. Be16 and Be32 hold network byte order, have alignment 1
// and may be overlaid on packet bytes; value() and the constructors convert. They are the only
// place in the program where byte order is visible: everything outside core/net works on
// host-order values.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace nat64 {

template <typename Integer>
constexpr Integer to_big_endian(Integer host) noexcept {
    if constexpr (std::endian::native == std::endian::little) return std::byteswap(host);
    return host;
}

/// An unsigned integer in network byte order, without alignment requirement.
template <typename Integer>
class BigEndian {
public:
    constexpr BigEndian() noexcept = default;

    constexpr explicit BigEndian(Integer host) noexcept { *this = host; }

    constexpr BigEndian& operator=(Integer host) noexcept {
        if (!std::is_constant_evaluated()) {
            const Integer raw = to_big_endian(host);
            std::memcpy(bytes_.data(), &raw, sizeof raw);
            return *this;
        }
        for (std::size_t i = sizeof(Integer); i-- > 0;) {
            bytes_[i] = static_cast<std::uint8_t>(host);
            host = static_cast<Integer>(host >> 8);
        }
        return *this;
    }

    /// The value in host byte order.
    [[nodiscard]] constexpr Integer value() const noexcept {
        if (std::is_constant_evaluated()) {
            Integer host = 0;
            for (auto byte : bytes_)
                host = static_cast<Integer>((host << 8) | byte);
            return host;
        }
        Integer raw = 0;
        std::memcpy(&raw, bytes_.data(), sizeof raw);
        return to_big_endian(raw);
    }

    friend constexpr bool operator==(const BigEndian&, const BigEndian&) noexcept = default;

private:
    std::array<std::uint8_t, sizeof(Integer)> bytes_{};
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(sizeof(Be64) == 8 && alignof(Be64) == 1);

/// Views packet bytes as a wire format (core/net/headers.hpp) without copying. The caller has
/// checked that `offset + sizeof(Wire)` lies inside. The one cast of its kind: Wire consists of
/// bytes, so neither alignment nor type is at stake.
template <typename Wire>
[[nodiscard]] const Wire& overlay(std::span<const std::byte> bytes,
                                  std::size_t offset = 0) noexcept {
    static_assert(alignof(Wire) == 1 && std::is_trivially_copyable_v<Wire>);
    assert(offset + sizeof(Wire) <= bytes.size());
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): see above
    return *reinterpret_cast<const Wire*>(bytes.data() + offset);
}

template <typename Wire>
[[nodiscard]] Wire& overlay(std::span<std::byte> bytes, std::size_t offset = 0) noexcept {
    static_assert(alignof(Wire) == 1 && std::is_trivially_copyable_v<Wire>);
    assert(offset + sizeof(Wire) <= bytes.size());
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): see above
    return *reinterpret_cast<Wire*>(bytes.data() + offset);
}

} // namespace nat64
