// SPDX-License-Identifier: Apache-2.0
// Bug classes of other translators (docs/security.md) that have to do with fragments.
#include "tests/security/gateway.hpp"
#include "tests/support/reassemble.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

/// CPU time of this thread, so that a busy machine does not count.
double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// What 10 000 first pieces of packets that never complete cost.
double flood(Gateway& gateway, unsigned first) {
    const auto start = cpu_seconds();
    for (unsigned id = first; id < first + 10'000; ++id)
        gateway.send(ipv6(kClient, kServer6).udp(4000, 53).payload(100).piece(64, 40, id));
    return cpu_seconds() - start;
}

} // namespace

TEST_CASE("bug class 5: a second Fragment header, or other headers in a later fragment") {
    Gateway gateway;
    gateway.send(
        ipv6(kClient, kServer6).fragment(0, true, 7).extension(44).udp(4000, 53).payload(40));
    CHECK(gateway.take().empty());
    // RFC 8200 §4.5: headers in front of the Fragment header may differ; what counts is the
    // first fragment's.
    const auto whole = ipv6(kClient, kServer6).udp(4000, 53).payload(200);
    auto pieces = whole.in_pieces(64, 9);
    pieces[1] = ipv6(kClient, kServer6)
                    .extension(60, 16)
                    .piece(64, 64, 9)
                    .udp(4000, 53)
                    .payload(200)
                    .bytes();
    std::ranges::reverse(pieces);
    for (const auto& piece : pieces)
        gateway.send(View{piece});
    std::vector<Bytes> sent;
    for (auto& one : gateway.take())
        sent.push_back(std::move(one.bytes));
    CHECK(sent.size() == pieces.size());
    CHECK(reassemble(sent).has_value());
    gateway.finish();
}

TEST_CASE("bug class 6: of 100 000 fragments without siblings each costs what the first cost") {
    Gateway gateway;
    const auto at_first = flood(gateway, 0);
    for (unsigned i = 1; i < 9; ++i)
        (void)flood(gateway, i * 10'000);
    const auto at_last = flood(gateway, 90'000);
    // A cost that grew with their number would be a hundred times as high.
    CHECK(at_last < 5 * at_first + 0.05);
    CHECK(gateway.counters().held.value() > 0);
    CHECK(gateway.drops(DropReason::FragmentLimit) > 90'000);
    gateway.finish();
}

TEST_CASE("bug class 7: fragments of any size, place and order, overlapping and twice") {
    Random random{7};
    Gateway gateway;
    gateway.send(ipv6(kClient, kServer6).udp(4000, 53));
    const auto mapped4 = gateway.mapped(L4Proto::Udp, 4000);
    for (unsigned i = 0; i < 5'000; ++i) {
        const auto id = static_cast<std::uint32_t>(random.between(1, 20));
        const auto offset = 8 * random.between(0, 30);
        const auto size = 8 * random.between(1, 12);
        if (random.one_in(2))
            gateway.send(ipv6(kClient, kServer6)
                             .udp(4000, 53)
                             .payload(400)
                             .piece(std::min<std::size_t>(offset, 400), size, id));
        else
            gateway.send(ipv4(kServer4, mapped4.address)
                             .udp(53, mapped4.port.value())
                             .payload(400)
                             .piece(std::min<std::size_t>(offset, 400), size, id));
        if (random.one_in(50)) gateway.pass(1s);
    }
    gateway.finish();
}

} // namespace nat64::test
