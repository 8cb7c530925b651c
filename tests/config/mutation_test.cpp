// SPDX-License-Identifier: Apache-2.0
// Any bytes at all either load or are refused with a reason: seeded random changes to a good
// configuration. What loads also prints and reads back.
#include "config/print.hpp"
#include "tests/config/support.hpp"
#include "tests/support/rng.hpp"

#include <array>

using namespace nat64;

namespace {

constexpr std::string_view kGood = R"(version: 1
prefix: {within: 2001:db8:5::/64, suffix: 0:6464}
pool:
  - 192.0.2.0/28
  - {address: 198.51.100.7, ports: 20000-39999}
static:
  - {protocol: tcp, ipv6: "[2001:db8::5]:8080", ipv4: "192.0.2.2:80"}
  - {ipv6: 2001:db8::6, ipv4: 192.0.2.3}
gateway: {ipv4: 192.0.2.1}
tun: {name: nat64, offload: auto}
mtu: {ipv6: 1500, ipv4: 1500, lowest_ipv6: 1280, clamp_mss: false}
timeouts: {udp: 5m, tcp_established: 2h4m, icmp: 60s, unsafe: true}
limits: {sessions: 1000000, client_prefix: 128}
control: {socket: /run/nat64/nat64.sock, group: nat64}
log: {level: info, bindings: false}
)";

constexpr std::array<std::string_view, 24> kPieces{
    "{",  "}", "[", "]",  ":",     ": ", "\n",  "- ",  "&a ", "*a",        "<<: ", "!!int ",
    "\"", "'", "#", "? ", "| \n ", "> ", "---", "...", "%",   "0.0.0.0/0", "~",    "\\x00"};

std::string mutate(std::string text, test::Random& random) {
    const auto changes = random.one_in(2) ? 1 : random.between(2, 4);
    for (std::size_t i = 0; i < changes; ++i) {
        const auto at = random.between(0, text.size() - 1);
        switch (random.between(0, 4)) {
        case 0:
            text[at] = static_cast<char>(random.bits() & 0xff);
            break;
        case 1:
            text.erase(at, random.between(1, 8));
            break;
        case 2:
            text.insert(at, kPieces[random.between(0, kPieces.size() - 1)]);
            break;
        case 3:
            text.insert(at,
                        text.substr(random.between(0, text.size() - 1), random.between(1, 60)));
            break;
        default:
            text[at] = static_cast<char>('0' + random.between(0, 9));
        }
        if (text.empty()) text = " ";
    }
    return text;
}

} // namespace

TEST_CASE("config: no change to a file does more than load or be refused with a reason") {
    constexpr std::uint64_t kSeed = 4242;
    test::Random random{kSeed};
    std::size_t loaded = 0;
    std::size_t refused = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto text = mutate(std::string{kGood}, random);
        CAPTURE(kSeed);
        CAPTURE(text);
        try {
            const auto config = test::load_text(text);
            ++loaded;
            CHECK(config::parse(config::print(config), config.file) == config);
        } catch (const config::ConfigError& error) {
            ++refused;
            CHECK_FALSE(error.problems().empty());
            CHECK_FALSE(error.problems()[0].what.empty());
        }
    }
    // Both happen, or the test tests nothing.
    CHECK(loaded > 500);
    CHECK(refused > 1000);
}
