// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4 against its authors' vectors, and the generator's promises.
#include "core/random.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/rng.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

/// Key 00 01 .. 0f, as in the paper's appendix A and the reference implementation's vectors.h.
constexpr Secret kPaperKey{0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908};

TEST_CASE("SipHash-2-4, appendix A: the worked example of fifteen bytes") {
    CHECK(siphash24(kPaperKey, test::pattern(15)) == 0xa129'ca61'49be'45e5);
}

TEST_CASE("SipHash-2-4, vectors.h: messages 00 01 02 .. of every length from 0 to 63") {
    constexpr std::uint64_t kVectors[] = {
        0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
        0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
        0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
        0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
        0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
        0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8,
        0xb8ad50c6f649af94, 0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad,
        0xde4daaaca71dc9a5, 0xa6a2506687956571, 0xad87a3535c49ef28, 0x32d892fad841c342,
        0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238, 0x15e034d40fa197ae,
        0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
        0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95,
        0xf935451de4f21df2, 0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb,
        0xe612a3cb9ecba951, 0xc766e62cfcadaf96, 0xee64435a9752fe72, 0xa192d576b245165a,
        0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea, 0x245731c13ca42499,
        0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
        0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572,
    };
    for (std::size_t size = 0; size < std::size(kVectors); ++size) {
        CAPTURE(size);
        CHECK(siphash24(kPaperKey, test::pattern(size)) == kVectors[size]);
    }
}

TEST_CASE("Rng is the hash of a counter: same secret, same numbers; other secret, others") {
    Rng a{kPaperKey};
    Rng b{kPaperKey};
    Rng c{Secret{kPaperKey[0], kPaperKey[1] ^ 1}};
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        test::Bytes counter;
        for (unsigned byte = 0; byte < 8; ++byte)
            test::append8(counter, static_cast<unsigned>(i >> 8 * byte));
        const auto value = a.next();
        REQUIRE(value == siphash24(kPaperKey, counter));
        REQUIRE(value == b.next());
        seen.insert(value);
        seen.insert(c.next());
    }
    CHECK(seen.size() == 2000);
}

TEST_CASE("RFC 6056 §3.3: numbers below a bound stay below it and reach every value") {
    auto rng = test::seeded_rng(1);
    for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 7ULL, 64512ULL, 1ULL << 31, 1ULL << 32})
        for (int i = 0; i < 1000; ++i)
            REQUIRE(rng.below(bound) < bound);
    std::vector<int> hits(10);
    for (int i = 0; i < 100000; ++i)
        ++hits[rng.below(10)];
    for (const auto n : hits) {
        // 10000 +- 6 standard deviations of a fair generator.
        CHECK(n > 9430);
        CHECK(n < 10570);
    }
}

TEST_CASE("Rng::secret() gives secrets that differ") {
    auto rng = test::seeded_rng(2);
    const auto first = rng.secret();
    CHECK(first != rng.secret());
    CHECK(first[0] != first[1]);
}

} // namespace
} // namespace nat64
