// SPDX-License-Identifier: Apache-2.0
// `napt: daemon`: RFC 6146 with bindings, sessions and ports of our own. This class holds the
// rules of §3.5: which packet finds, makes or is refused a binding and a session. What is
// remembered, and how it is kept consistent, is state.hpp; the TCP state machine is
// core/rfc6146/tcp_state.hpp.
//
// All memory is reserved by the constructor and first touched when it is used. No packet
// causes an allocation, a system call, a rehash or a search that a sender could lengthen. One
// thread: the packet thread.
#pragma once

#include "backends/userspace/state.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/random.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace nat64::userspace {

class UserspaceBackend final : public NaptBackend {
public:
    /// Counters and Rng must outlive the backend. Throws std::invalid_argument,
    /// std::length_error or std::bad_alloc for settings that cannot be.
    UserspaceBackend(const NaptSettings& settings, Counters& counters, Rng& rng);

    [[nodiscard]] Capabilities capabilities() const noexcept override;
    void prepare(std::span<OutboundFlow> outbound,
                 std::span<InboundFlow> inbound) noexcept override;
    [[nodiscard]] Resolved resolve_outbound(const OutboundFlow& flow,
                                            Clock::time_point now) noexcept override;
    [[nodiscard]] Resolved resolve_inbound(const InboundFlow& flow,
                                           const PacketBuffer& packet,
                                           Clock::time_point now) noexcept override;
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
    std::optional<Cursor> snapshot(Cursor from,
                                   const Filter& filter,
                                   Budget budget,
                                   Clock::time_point now,
                                   std::vector<SessionRow>& rows) const override;
    void pool_usage(std::vector<PoolRow>& rows) const override;
    std::optional<Cursor>
    pool_snapshot(Cursor from, Budget budget, std::vector<PoolRow>& rows) const override;
    std::optional<Cursor> client_snapshot(Cursor from,
                                          const Filter& filter,
                                          Budget budget,
                                          std::vector<ClientRow>& rows) const override;
    std::optional<Cursor> flush(Cursor from,
                                const Filter& filter,
                                Budget budget,
                                Clock::time_point now,
                                Flushed& flushed) noexcept override;
    std::expected<void, std::string_view> restore(const SessionRow& row,
                                                  Clock::time_point now) override;
    [[nodiscard]] std::vector<std::string_view> apply(NaptSettings& settings,
                                                      Clock::time_point now) override;

protected:
    void policy_changed() noexcept override { rechecking_ = 0; }

private:
    [[nodiscard]] std::uint32_t find(const OutboundFlow& flow) const noexcept;
    [[nodiscard]] std::optional<pool::AddressIndex>
    find(const InboundFlow& flow) const noexcept;
    [[nodiscard]] Resolved first_outbound(const OutboundFlow& flow,
                                          Clock::time_point now) noexcept;
    [[nodiscard]] Resolved new_session_outbound(std::uint32_t binding,
                                                const OutboundFlow& flow,
                                                Clock::time_point now) noexcept;
    [[nodiscard]] Resolved first_inbound(const InboundFlow& flow,
                                         pool::AddressIndex address,
                                         const PacketBuffer& packet,
                                         Clock::time_point now) noexcept;
    [[nodiscard]] Resolved new_session_inbound(std::uint32_t binding,
                                               const InboundFlow& flow,
                                               const PacketBuffer& packet,
                                               Clock::time_point now) noexcept;
    [[nodiscard]] Resolved store_syn(const InboundFlow& flow,
                                     const PacketBuffer& packet,
                                     Clock::time_point now) noexcept;
    [[nodiscard]] Ruling unless_ours(const Ruling& ruling, Ipv4Addr server4) const noexcept;
    [[nodiscard]] Ruling ruling_on(L4Proto protocol, const Endpoint4& server4) const noexcept;
    [[nodiscard]] std::optional<DropReason> forbids_outbound(
        const Endpoint6& client6, L4Proto protocol, const Endpoint4& server4) const noexcept;
    void supersede(const Endpoint4& server4, const Endpoint4& mapped4) noexcept;
    [[nodiscard]] bool filters(std::uint32_t binding, Ipv4Addr server4) const noexcept;
    [[nodiscard]] Resolved counted(Created session, Side side, std::uint32_t bytes) noexcept;

    void expire_syns(Clock::time_point now, std::size_t& left, Originator& originator) noexcept;
    void reapply_timeouts(std::size_t& left) noexcept;
    void recheck_sessions(Clock::time_point now, std::size_t& left) noexcept;
    [[nodiscard]] std::optional<std::uint32_t> next_session(std::uint32_t from) const noexcept;
    void
    expire_sessions(Clock::time_point now, std::size_t& left, Originator& originator) noexcept;
    std::size_t
    session_due(std::uint32_t session, Clock::time_point now, Originator& originator) noexcept;
    [[nodiscard]] Clock::time_point next_deadline(Clock::time_point now) const noexcept;

    void apply_statics(const std::vector<StaticItem>& statics, Clock::time_point now) noexcept;

    State state_;
    /// Where reapply_timeouts() is, after a reload has shortened one.
    std::optional<std::uint32_t> reapplying_;
    /// Where recheck_sessions() is, after policy or pool have changed.
    std::optional<std::uint32_t> rechecking_;
};

} // namespace nat64::userspace
