// SPDX-License-Identifier: Apache-2.0
// The fast sums against the naive ones of tests/support, over all lengths, alignments and the
// corners where a ones' complement sum has two zeros.
#include "core/net/address.hpp"
#include "core/net/checksum.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

using test::Bytes;
using test::naive_checksum;
using test::naive_sum;
using test::View;

std::uint16_t sum_of(View bytes) {
    return ChecksumSum{}.add(bytes).folded();
}

TEST_CASE("RFC 1071 §3: the worked example") {
    const auto data = test::unhex("00 01 f2 03 f4 f5 f6 f7");
    CHECK(sum_of(data) == 0xddf2);
    CHECK(ChecksumSum{}.add(data).checksum() == 0x220d);
}

TEST_CASE("RFC 1071 §1: the sum is right for every length at every alignment") {
    test::Random random{1};
    const auto data = random.bytes(400);
    for (std::size_t start = 0; start < 16; ++start)
        for (std::size_t size = 0; size <= 300; ++size) {
            const auto part = View{data}.subspan(start, size);
            REQUIRE(sum_of(part) == naive_sum(part));
        }
}

TEST_CASE("RFC 1071 §1: carries are not lost in the largest packets") {
    for (const unsigned fill : {0x00U, 0x01U, 0x7fU, 0x80U, 0xfeU, 0xffU})
        for (const std::size_t size : {65535U, 65534U, 65532U, 1500U, 31U, 2U, 1U}) {
            const Bytes data(size, static_cast<std::byte>(fill));
            REQUIRE(sum_of(data) == naive_sum(data));
        }
    test::Random random{2};
    for (int i = 0; i < 50; ++i) {
        const auto data = random.bytes(random.between(1000, 65535));
        REQUIRE(sum_of(data) == naive_sum(data));
    }
}

TEST_CASE("RFC 1071 §2 (A): parts that start at even offsets may be summed in any order") {
    test::Random random{3};
    for (int i = 0; i < 1000; ++i) {
        const auto data = random.bytes(random.between(2, 200));
        const auto cut = random.between(0, data.size() / 2) * 2;
        const auto front = View{data}.first(cut);
        const auto back = View{data}.subspan(cut);
        REQUIRE(ChecksumSum{}.add(back).add(front).folded() == naive_sum(data));
    }
}

TEST_CASE("RFC 1071 §1: integers and addresses count as the bytes they stand for") {
    test::Random random{4};
    for (int i = 0; i < 2000; ++i) {
        const auto v4 = random.ipv4();
        const auto v6 = random.ipv6();
        const auto word = random.word();
        const auto wide = static_cast<std::uint32_t>(random.bits());
        Bytes data;
        test::append(data, test::AnyAddress{v4}.bytes);
        test::append(data, test::AnyAddress{v6}.bytes);
        test::append16(data, word);
        test::append32(data, wide);
        REQUIRE(ChecksumSum{}.add(v4).add(v6).add(word).add32(wide).folded() ==
                naive_sum(data));
    }
}

TEST_CASE("RFC 8200 §8.1 and RFC 9293 §3.1: pseudo-headers") {
    test::Random random{5};
    for (int i = 0; i < 500; ++i) {
        const auto size = random.between(0, 65535 - 20);
        const auto six = test::ipv6(random.ipv6(), random.ipv6()).udp(1, 2).bytes();
        const auto four = test::ipv4(random.ipv4(), random.ipv4()).udp(1, 2).bytes();
        const auto length = static_cast<std::uint32_t>(size);
        const Ipv4Addr source4{test::get32(four, 12)};
        const Ipv4Addr destination4{test::get32(four, 16)};
        REQUIRE(pseudo_header(source4, destination4, 17, length).folded() ==
                test::naive_pseudo_sum(four, 17, size));
        Ipv6Addr::Bytes source6{};
        Ipv6Addr::Bytes destination6{};
        for (std::size_t b = 0; b < 16; ++b) {
            source6[b] = test::get8(six, 8 + b);
            destination6[b] = test::get8(six, 24 + b);
        }
        REQUIRE(pseudo_header(Ipv6Addr{source6}, Ipv6Addr{destination6}, 58, length).folded() ==
                test::naive_pseudo_sum(six, 58, size));
    }
}

TEST_CASE("RFC 1624 §4: the worked example, where eqn. 2 goes wrong") {
    const auto delta = checksum_delta(ChecksumSum{}.add(std::uint16_t{0x5555}),
                                      ChecksumSum{}.add(std::uint16_t{0x3285}));
    CHECK(update_full(0xdd2f, delta) == 0x0000);
}

/// Data with many 0x0000 and 0xffff words, where the two zeros meet.
Bytes extreme_words(test::Random& random, std::size_t words) {
    Bytes data;
    for (std::size_t i = 0; i < words; ++i) {
        const auto kind = random.between(0, 3);
        test::append16(data,
                       kind == 0   ? 0
                       : kind == 1 ? 0xffff
                       : kind == 2 ? 1
                                   : random.word());
    }
    return data;
}

TEST_CASE("RFC 1624 §3: an incremental update equals recomputation") {
    test::Random random{6};
    for (int i = 0; i < 20000; ++i) {
        auto data = extreme_words(random, random.between(2, 20));
        if (naive_sum(data) == 0) continue; // no packet is all zeros
        const auto before = naive_checksum(data);
        const auto at = random.between(0, data.size() / 2 - 1) * 2;
        const auto size = random.between(1, (data.size() - at) / 2) * 2;
        const auto part = std::span{data}.subspan(at, size);
        const auto old_sum = ChecksumSum{}.add(part);
        const auto fresh = extreme_words(random, size / 2);
        std::ranges::copy(fresh, part.begin());
        if (naive_sum(data) == 0) continue;
        const auto delta = checksum_delta(old_sum, ChecksumSum{}.add(fresh));
        REQUIRE(update_full(before, delta) == naive_checksum(data));
    }
}

TEST_CASE("RFC 1624 §3: a partial sum is updated the same way, not complemented") {
    test::Random random{7};
    for (int i = 0; i < 5000; ++i) {
        const auto old_source = random.ipv6();
        const auto old_destination = random.ipv6();
        const auto new_source = random.ipv4();
        const auto new_destination = random.ipv4();
        const auto length = static_cast<std::uint32_t>(random.between(8, 65000));
        const auto delta = checksum_delta(ChecksumSum{}.add(old_source).add(old_destination),
                                          ChecksumSum{}.add(new_source).add(new_destination));
        const auto before = pseudo_header(old_source, old_destination, 6, length).folded();
        const auto after = pseudo_header(new_source, new_destination, 6, length).folded();
        REQUIRE(update_partial(before, delta) == after);
    }
}

TEST_CASE("RFC 1624 §3: a checksum of zero and one of 0xffff are updated alike") {
    test::Random random{8};
    for (int i = 0; i < 1000; ++i) {
        const auto delta = random.word();
        if (delta == 0) continue;
        REQUIRE(update_full(0x0000, delta) == update_full(0xffff, delta));
        REQUIRE(update_partial(0x0000, delta) == update_partial(0xffff, delta));
    }
}

TEST_CASE("RFC 791 §3.1: the header checksum of twenty bytes") {
    // A header known from many textbooks: 192.168.0.1 > 192.168.0.199, UDP.
    auto header = test::unhex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
    CHECK(ipv4_header_sum(std::span<const std::byte, 20>{header}) == 0xffff);
    test::put16(header, 10, 0);
    CHECK(ipv4_header_checksum(std::span<const std::byte, 20>{header}) == 0xb861);
    test::Random random{9};
    for (int i = 0; i < 5000; ++i) {
        const auto bytes = i % 2 == 0 ? random.bytes(20) : extreme_words(random, 10);
        if (naive_sum(bytes) == 0) continue;
        REQUIRE(ipv4_header_checksum(std::span<const std::byte, 20>{bytes}) ==
                naive_checksum(bytes));
    }
}

} // namespace
} // namespace nat64
