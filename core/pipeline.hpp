// SPDX-License-Identifier: Apache-2.0
// The inside of Translator: its state and its steps, spread over three files by topic.
//
//   translator.cpp        batches, RFC 6146 §3.4-§3.8 for whole packets, hairpinning, timers
//   translate_errors.cpp  ICMP errors and the packets they quote
//   translate_fragments.cpp  fragments: when to hold, when to let go
//
// Not for use outside core/translator. Single-threaded.
#pragma once

#include "core/address_rules.hpp"
#include "core/icmp_reply.hpp"
#include "core/rfc6146/fragments.hpp"
#include "core/rfc6146/tuple.hpp"
#include "core/translator.hpp"

namespace nat64 {

/// Is this the first pass of a packet, or the second one of a hairpin (RFC 6146 §3.8)?
enum class Pass : std::uint8_t { First, Hairpin };

/// The source of ICMPv6 errors that cannot have their own.
[[nodiscard]] std::optional<Ipv6Addr>
gateway_source6(const TranslatorSettings& settings) noexcept;

struct Translator::Impl final : Originator {
    Impl(const TranslatorSettings& settings,
         NaptBackend& backend,
         Counters& counters,
         Rng& rng);

    /// What a packet turned out to be.
    enum class Kind : std::uint8_t {
        Finished, ///< refused already
        PlainOutbound,
        PlainInbound,
        Outbound,
        Inbound,
        OutboundError,
        InboundError,
        OutboundFragment,
        InboundFragment,
    };

    /// A packet between the two halves of a batch.
    struct Item {
        PacketView view;
        Ipv4Addr server4; ///< Outbound*: the destination
        Kind kind = Kind::Finished;
        std::uint8_t flow = 0; ///< (Plain)Outbound, -Inbound: index into the batch's flows
    };

    // translator.cpp
    void handle(std::span<PacketBuffer> batch, Clock::time_point now, Emit& emit) noexcept;
    Clock::time_point expire(Clock::time_point now, Budget budget, Emit& emit) noexcept;
    bool recognise(const PacketBuffer& packet, Item& item) noexcept;
    static std::size_t run_of(std::span<const Item> items) noexcept;
    std::size_t plain_outbound(std::span<PacketBuffer> packets,
                               std::span<OutboundFlow> flows) noexcept;
    std::size_t plain_inbound(std::span<PacketBuffer> packets,
                              std::span<InboundFlow> flows) noexcept;
    std::size_t forward(std::span<PacketBuffer> packets, std::span<const Item> items) noexcept;
    Kind classify(PacketBuffer& packet, Item& item) noexcept;
    Kind classify6(PacketBuffer& packet, Item& item) noexcept;
    Kind classify4(PacketBuffer& packet, Item& item) noexcept;
    Verdict
    outbound(PacketBuffer& packet, const PacketView& view, const OutboundFlow& flow) noexcept;
    Verdict inbound(PacketBuffer& packet,
                    const PacketView& view,
                    const InboundFlow& flow,
                    Pass pass) noexcept;
    Verdict send4(PacketBuffer& packet, Ipv4Addr destination) noexcept;
    Verdict hairpin(PacketBuffer& packet) noexcept;
    Verdict
    refuse(const PacketBuffer& packet, const PacketView& view, const Refusal& refusal) noexcept;
    Verdict
    not_now(const PacketBuffer& packet, const PacketView& view, const NotNow& why) noexcept;

    // translate_errors.cpp
    Verdict outbound_error(PacketBuffer& packet, const Item& item) noexcept;
    Verdict inbound_error(PacketBuffer& packet, const Item& item, Pass pass) noexcept;
    [[nodiscard]] Ipv6Addr error_source6(Ipv4Addr router4, Ipv4Addr server4) const noexcept;

    // translate_fragments.cpp
    using Context = rfc6146::FragmentTable::Context;
    Verdict outbound_fragment(PacketBuffer& packet, const Item& item) noexcept;
    Verdict inbound_fragment(PacketBuffer& packet, const PacketView& view, Pass pass) noexcept;
    Verdict outbound_piece(PacketBuffer& packet,
                           const PacketView& view,
                           const rfc7915::Outgoing4& outgoing,
                           std::uint32_t transport_length) noexcept;
    Verdict inbound_piece(PacketBuffer& packet,
                          const PacketView& view,
                          const rfc7915::Outgoing6& outgoing,
                          std::uint32_t transport_length,
                          Pass pass) noexcept;
    Verdict hold(Context& context, const PacketBuffer& packet, const PacketView& view) noexcept;
    void refuse_siblings(Context& context) noexcept;
    Verdict first_outbound(PacketBuffer& packet, const Item& item, Context& context) noexcept;
    Verdict first_inbound(PacketBuffer& packet,
                          const PacketView& view,
                          Context& context,
                          Pass pass) noexcept;
    void collected_outbound(Context& context, Ipv4Addr server4) noexcept;
    void collected_inbound(Context& context, Pass pass) noexcept;
    [[nodiscard]] bool fill_udp_checksum(Context& context) noexcept;
    [[nodiscard]] rfc6146::FragmentTable& table_of(const Context& context) noexcept;
    [[nodiscard]] Context& context_of(const PacketView& view) noexcept;
    void count_evicted(rfc6146::FragmentTable& table) noexcept;
    void expire_fragments(rfc6146::FragmentTable& table, Clock::time_point now) noexcept;

    // Originator
    void tcp_probe(const Endpoint6& client6, const Endpoint4& server4) noexcept override;
    void syn_expired(PacketBuffer& syn) noexcept override;
    void syn_superseded() noexcept override;

    TranslatorSettings settings;
    rfc6146::AddressRules rules; ///< of these settings
    NaptBackend& backend;
    Counters& counters;
    rfc7915::Identification identification;
    IcmpReplier replier;
    rfc6146::FragmentTable fragments6;
    rfc6146::FragmentTable fragments4;
    std::unique_ptr<rfc7915::Scratch> scratch;

    // Of the call under way.
    Clock::time_point now_;
    Emit* emit_ = nullptr;
    std::array<Item, kMaxBatch> items_;
    std::array<OutboundFlow, kMaxBatch> outbound_;
    std::array<InboundFlow, kMaxBatch> inbound_;
    std::uint8_t outbound_count_ = 0;
    std::uint8_t inbound_count_ = 0;
};

/// For an ICMP query the identifier stands in both ports (RFC 6146 §3.5.3).
[[nodiscard]] inline rfc7915::Outgoing4
outgoing4(const Binding& binding, const Endpoint4& server4, L4Proto protocol) noexcept {
    const auto port = protocol == L4Proto::Icmp ? binding.mapped4.port : server4.port;
    return {binding.mapped4, {server4.address, port}};
}

[[nodiscard]] inline rfc7915::Outgoing6 outgoing6(const Binding& binding,
                                                  const Ipv6Addr& server6,
                                                  Port server_port,
                                                  L4Proto protocol) noexcept {
    const auto port = protocol == L4Proto::Icmp ? binding.client6.port : server_port;
    return {{server6, port}, binding.client6};
}

} // namespace nat64
