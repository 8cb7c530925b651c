// SPDX-License-Identifier: Apache-2.0
// `napt: kernel`: the daemon translates each client to an inner IPv4 address of its own, ports
// untouched, and the kernel's conntrack shares this machine's addresses (nft_ruleset.hpp). So
// there are bindings of whole hosts here and no sessions: who may talk to whom, ports, limits
// and lifetimes of flows are conntrack's, and its mapping depends on the endpoint: RFC 4787
// §4.1 REQ-1 is not met.
//
// The one thing this class has to get right is when an inner address may go to somebody else:
// not while conntrack may remember a flow of it. Each packet extends its host's time by the
// longest timeout that the flow can have in conntrack after it: of TCP the transitory one
// until a server has answered by TCP, the established one from then on. Conntrack's timeouts
// run from the same packets, which pass it before or after us, and kMargin covers the
// difference.
//
// All memory is reserved by the constructor. One thread: the packet thread.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/pool/host_map.hpp"
#include "core/random.hpp"
#include "core/rfc6146/tuple.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace nat64::kernel {

class KernelBackend final : public NaptBackend {
public:
    /// By how much conntrack may see a packet later than we do, our tick and its second.
    static constexpr Clock::duration kMargin = std::chrono::seconds{5};

    /// Counters and Rng must outlive the backend. Throws std::invalid_argument without
    /// inner_pool or with statics that contradict each other, std::length_error,
    /// std::bad_alloc.
    KernelBackend(const NaptSettings& settings, Counters& counters, Rng& rng);

    [[nodiscard]] Capabilities capabilities() const noexcept override;
    void prepare(std::span<OutboundFlow> outbound,
                 std::span<InboundFlow> inbound) noexcept override;
    [[nodiscard]] Resolved resolve_outbound(const OutboundFlow& flow,
                                            Clock::time_point now) noexcept override;
    [[nodiscard]] Resolved resolve_inbound(const InboundFlow& flow,
                                           const PacketBuffer& packet,
                                           Clock::time_point now) noexcept override;
    /// Of flows nothing is known here, so all packets of a client that has an address are no
    /// more than a refresh, unless the policy refuses them.
    [[nodiscard]] std::size_t refresh_outbound(std::span<OutboundFlow> flows,
                                               Clock::time_point now) noexcept override;
    [[nodiscard]] std::size_t refresh_inbound(std::span<InboundFlow> flows,
                                              Clock::time_point now) noexcept override;
    [[nodiscard]] std::optional<Binding>
    find_by_client(L4Proto protocol, const Endpoint6& client6) const noexcept override;
    [[nodiscard]] std::optional<Binding>
    find_by_mapped(L4Proto protocol, const Endpoint4& mapped4) const noexcept override;
    [[nodiscard]] Outlook foresee(const OutboundFlow& flow,
                                  Clock::time_point now) const noexcept override;
    [[nodiscard]] Outlook foresee(const InboundFlow& flow,
                                  Clock::time_point now) const noexcept override;
    [[nodiscard]] Ruling inbound_ruling(const Ipv6Addr& client6,
                                        L4Proto protocol,
                                        const Endpoint4& server4) const noexcept override;
    [[nodiscard]] bool owns(Ipv4Addr address) const noexcept override;
    [[nodiscard]] bool owns(L4Proto protocol, const Endpoint4& mapped4) const noexcept override;
    Clock::time_point
    expire(Clock::time_point now, Budget budget, Originator& originator) noexcept override;
    void touch(BindingHandle handle,
               Clock::time_point last_seen,
               std::uint64_t packets,
               std::uint64_t bytes) noexcept override;
    void set_event_sink(EventSink* sink) noexcept override;
    std::optional<Cursor> snapshot(Cursor from,
                                   const Filter& filter,
                                   Budget budget,
                                   std::vector<BindingRow>& rows) const override;
    /// There are none here: conntrack_view.hpp reads the kernel's.
    std::optional<Cursor> snapshot(Cursor from,
                                   const Filter& filter,
                                   Budget budget,
                                   Clock::time_point now,
                                   std::vector<SessionRow>& rows) const override;
    void pool_usage(std::vector<PoolRow>& rows) const override;
    /// Puts the row's host back at its inner address for as long as the row says.
    std::expected<void, std::string_view> restore(const SessionRow& row,
                                                  Clock::time_point now) override;
    [[nodiscard]] std::vector<std::string_view> apply(NaptSettings& settings,
                                                      Clock::time_point now) override;

    /// Conntrack has flows of this inner address from before our time, which may last until
    /// `until`: it goes to its likely owner only (pool::HostMap::hold).
    void hold(Ipv4Addr inner4, Clock::time_point until) noexcept;

    [[nodiscard]] bool is_held(Ipv4Addr inner4) const noexcept {
        return hosts_.is_held(inner4);
    }

private:
    /// Ticks from a packet to when its flow is surely gone.
    struct Lasting {
        explicit Lasting(const Timeouts& timeouts) noexcept;

        /// The longer one of both, each.
        void extend(const Lasting& other) noexcept;

        std::array<std::uint32_t, kL4ProtoCount> ticks; ///< of TCP the transitory timeout
        std::uint32_t tcp_established;
    };

    /// What is sent to a host inside the prefix would come back.
    [[nodiscard]] bool may_be_client(const Ipv6Addr& client6) const noexcept {
        return rfc6146::may_be_client6(client6, {settings_.prefix});
    }

    [[nodiscard]] Ruling ruling_on(L4Proto protocol, const Endpoint4& server4) const noexcept;
    [[nodiscard]] std::optional<DropReason> forbids(const OutboundFlow& flow) const noexcept;
    [[nodiscard]] Binding binding(std::uint32_t slot, Port port) const noexcept;
    void has_sent(std::uint32_t slot, const OutboundFlow& flow, Tick now) noexcept;
    void has_got(std::uint32_t slot, const InboundFlow& flow, Tick now) noexcept;
    void busy(std::uint32_t slot, Tick now, std::uint32_t ticks) noexcept;
    [[nodiscard]] std::uint32_t lasting(L4Proto protocol,
                                        const pool::Host& host) const noexcept;
    [[nodiscard]] std::uint32_t longest(L4Proto protocol) const noexcept;
    void begin(std::uint32_t slot,
               L4Proto protocol,
               EventReason reason,
               Clock::time_point now) noexcept;
    void end(std::uint32_t slot, EventReason reason, Clock::time_point now) noexcept;
    void emit(EventKind kind,
              EventReason reason,
              std::uint32_t slot,
              Clock::time_point now) noexcept;
    void make_room(const Ipv6Addr& client6, Ipv4Addr inner4, Clock::time_point now) noexcept;
    void apply_statics(const std::vector<StaticItem>& statics, Clock::time_point now) noexcept;

    NaptSettings settings_;
    Counters& counters_;
    pool::HostMap hosts_;
    Lasting lasting_;
    /// Of refresh_inbound(): a host has no endpoints to point at.
    std::array<Endpoint6, 64> answers_;
    EventSink* sink_ = nullptr;
};

} // namespace nat64::kernel
