// SPDX-License-Identifier: Apache-2.0
// What the tests of this directory share: one flow (client6 port 4000 to server port 53, mapped
// to port 61000), and Translate, which takes a packet through check and rewrite as
// core/translator does, and checks that what comes out is right in itself. Not here: what
// should come out.
#pragma once

#include "core/rfc7915/rfc7915.hpp"
#include "tests/support/memory_queue.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nat64::test {

inline constexpr const char* kClient6 = "2001:db8::1";
inline constexpr const char* kServer6 = "64:ff9b::192.0.2.1";
inline constexpr const char* kMapped4 = "198.51.100.7";
inline constexpr const char* kServer4 = "192.0.2.1";
inline constexpr unsigned kClientPort = 4000;
inline constexpr unsigned kMappedPort = 61000;
inline constexpr unsigned kServerPort = 53;

/// Of the flow, from the client to the server and back.
[[nodiscard]] PacketBuilder outbound6();
[[nodiscard]] PacketBuilder outbound4();
[[nodiscard]] PacketBuilder inbound4();
[[nodiscard]] PacketBuilder inbound6();

/// For both ports the same if it is an ICMP query.
[[nodiscard]] rfc7915::Outgoing4 outgoing4(unsigned server_port = kServerPort);
[[nodiscard]] rfc7915::Outgoing6 outgoing6(unsigned server_port = kServerPort);

class Translate {
public:
    rfc7915::Settings settings;

    /// "accepted", or the label of the drop reason and the answer as "type/code/rest".
    [[nodiscard]] std::string verdict(const PacketBuilder& packet) const;

    /// What becomes of a packet of the flow, of either family. Fails the test if it is refused
    /// or if something comes out that is not right in itself.
    [[nodiscard]] std::vector<Sent> all(const PacketBuilder& packet);
    [[nodiscard]] std::vector<Sent> all(View packet, const Offload& offload = {});

    /// The same for what must be one packet in the end.
    [[nodiscard]] Sent one(const PacketBuilder& packet);
    [[nodiscard]] Sent one(View packet, const Offload& offload = {});

    /// Of the whole packet that fragments come from.
    std::uint32_t transport_length = 0;
    rfc7915::CountHop count_hop = rfc7915::CountHop::Yes;

private:
    void outbound(PacketBuffer& packet, const PacketView& view);
    void inbound(PacketBuffer& packet, const PacketView& view);

    Rng rng_ = seeded_rng(1);
    rfc7915::Identification identification_{rng_};
    std::unique_ptr<rfc7915::Scratch> scratch_ = std::make_unique<rfc7915::Scratch>();
    MemoryQueue queue_;
};

/// Says that two packets are the same, or shows both.
[[nodiscard]] std::string compare(View actual, View expected);

/// compare() but for the IPv4 identification, which is fresh, and what follows from it.
[[nodiscard]] std::string compare_fresh(View actual, const PacketBuilder& expected);

} // namespace nat64::test
