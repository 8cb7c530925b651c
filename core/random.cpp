// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), checked
// against the vectors of its authors' reference implementation, and the generator made of it:
// the hash of a counter.
#include "core/random.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nat64 {

namespace {

class SipState {
public:
    explicit SipState(const Secret& key) noexcept
        : v0_{key[0] ^ 0x736f6d6570736575},
          v1_{key[1] ^ 0x646f72616e646f6d},
          v2_{key[0] ^ 0x6c7967656e657261},
          v3_{key[1] ^ 0x7465646279746573} {}

    void absorb(std::uint64_t word) noexcept {
        v3_ ^= word;
        round();
        round();
        v0_ ^= word;
    }

    std::uint64_t finish() noexcept {
        v2_ ^= 0xff;
        for (int i = 0; i < 4; ++i)
            round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    void round() noexcept {
        v0_ += v1_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v3_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
};

/// Up to eight bytes as a little-endian integer.
std::uint64_t load_little_endian(std::span<const std::byte> bytes) noexcept {
    std::array<std::byte, 8> raw{};
    std::memcpy(raw.data(), bytes.data(), bytes.size());
    const auto word = std::bit_cast<std::uint64_t>(raw);
    return std::endian::native == std::endian::little ? word : std::byteswap(word);
}

} // namespace

std::uint64_t siphash24(const Secret& key, std::span<const std::byte> data) noexcept {
    SipState state{key};
    const auto length = std::uint64_t{data.size()} << 56;
    for (; data.size() >= 8; data = data.subspan(8))
        state.absorb(load_little_endian(data.first(8)));
    state.absorb(length | (data.empty() ? 0 : load_little_endian(data)));
    return state.finish();
}

std::uint64_t Rng::next() noexcept {
    SipState state{key_};
    state.absorb(counter_++);
    state.absorb(std::uint64_t{8} << 56);
    return state.finish();
}

} // namespace nat64
