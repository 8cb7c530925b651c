// SPDX-License-Identifier: Apache-2.0
// A NaptBackend that is nothing but tables to be read: as many rows as a test asks for, made up
// when they are looked at, so that a million of them take no memory. It checks how it is read:
// on the packet thread only, by bounded visits, with room made beforehand.
#pragma once

#include "core/napt_backend.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace nat64::test {

class TableBackend final : public NaptBackend {
public:
    static constexpr std::size_t kMostSlots = 4096;
    static constexpr std::size_t kMostRows = 1024;

    std::uint64_t rows = 0;      ///< bindings, and sessions
    std::uint32_t addresses = 1; ///< of the pool
    std::atomic<std::thread::id> packet_thread;
    EventSink* sink = nullptr;

    mutable std::atomic<std::uint64_t> visits = 0;
    std::atomic<std::uint64_t> flushes = 0; ///< visits that end sessions
    mutable std::atomic<std::uint64_t> rows_given = 0;
    mutable std::atomic<std::uint64_t> wrong_thread = 0;
    mutable std::atomic<std::uint64_t> too_much_at_once = 0;

    /// The rows, by number.
    [[nodiscard]] static BindingRow binding(std::uint64_t i) {
        return {.protocol = protocol_of(i),
                .client6 = client_of(i),
                .mapped4 = mapped_of(i),
                .sessions = static_cast<std::uint32_t>(i % 5),
                .is_static = i % 100 == 0,
                .handle = {}};
    }

    [[nodiscard]] static SessionRow session(std::uint64_t i) {
        return {
            .protocol = protocol_of(i),
            .state =
                i % 3 == 0 ? rfc6146::SessionState::Established : rfc6146::SessionState::Active,
            .client6 = client_of(i),
            .mapped4 = mapped_of(i),
            .server4 = {Ipv4Addr{static_cast<std::uint32_t>(0xc6336400 + i % 256)}, Port{443}},
            .expires_in = std::chrono::milliseconds{100 * (i % 10'000)},
            .packets = i,
            .bytes = 1000 * i,
            .handle = {}};
    }

    std::optional<Cursor> snapshot(Cursor from,
                                   const Filter& filter,
                                   Budget budget,
                                   std::vector<BindingRow>& out) const override {
        return read(from, budget, out, rows, [&](std::uint64_t i) -> std::optional<BindingRow> {
            const BindingRow row = binding(i);
            if (!matches(row, filter)) return std::nullopt;
            return row;
        });
    }

    std::optional<Cursor> snapshot(Cursor from,
                                   const Filter& filter,
                                   Budget budget,
                                   Clock::time_point,
                                   std::vector<SessionRow>& out) const override {
        return read(from, budget, out, rows, [&](std::uint64_t i) -> std::optional<SessionRow> {
            const SessionRow row = session(i);
            if (!matches(row, filter)) return std::nullopt;
            if (filter.server && !filter.server->contains(row.server4.address))
                return std::nullopt;
            return row;
        });
    }

    std::optional<Cursor>
    pool_snapshot(Cursor from, Budget budget, std::vector<PoolRow>& out) const override {
        return read(from, budget, out, 3 * addresses, [](std::uint64_t i) {
            const auto index = static_cast<std::uint32_t>(i / 3);
            return std::optional{PoolRow{.address = Ipv4Addr{0xc0000200 + index},
                                         .protocol = protocol_of(i),
                                         .total = 64512,
                                         .used = 100 + index,
                                         .held_back = 2,
                                         .clients = 7}};
        });
    }

    /// Of every ten rows one client's: client i holds i % 1000 sessions.
    [[nodiscard]] static ClientRow client(std::uint64_t i) {
        const auto many = static_cast<std::uint32_t>(i % 1000);
        return {.client = Prefix6{client_of(i).address, 128},
                .sessions = many,
                .ports = 1000 - many,
                .bindings = 2};
    }

    std::optional<Cursor> client_snapshot(Cursor from,
                                          const Filter& filter,
                                          Budget budget,
                                          std::vector<ClientRow>& out) const override {
        return read(
            from, budget, out, rows / 10, [&](std::uint64_t i) -> std::optional<ClientRow> {
                const ClientRow row = client(i);
                if (filter.client && !filter.client->overlaps(row.client)) return std::nullopt;
                return row;
            });
    }

    /// Every tenth row is a session that matches; they are not really ended.
    std::optional<Cursor> flush(Cursor from,
                                const Filter&,
                                Budget budget,
                                Clock::time_point,
                                Flushed& flushed) noexcept override {
        ++flushes;
        if (std::this_thread::get_id() != packet_thread.load()) ++wrong_thread;
        const auto end = std::min<Cursor>(rows, from + budget.slots);
        for (auto i = from; i < end; ++i)
            if (i % 10 == 0) ++flushed.sessions;
        if (end == rows) return std::nullopt;
        return end;
    }

    // What no reader calls.
    void pool_usage(std::vector<PoolRow>&) const override {}

    Capabilities capabilities() const noexcept override { return {}; }

    void prepare(std::span<OutboundFlow>, std::span<InboundFlow>) noexcept override {}

    Resolved resolve_outbound(const OutboundFlow&, Clock::time_point) noexcept override {
        return std::unexpected{NotNow{Held{}}};
    }

    Resolved resolve_inbound(const InboundFlow&,
                             const PacketBuffer&,
                             Clock::time_point) noexcept override {
        return std::unexpected{NotNow{Held{}}};
    }

    std::optional<Binding> find_by_client(L4Proto, const Endpoint6&) const noexcept override {
        return std::nullopt;
    }

    std::optional<Binding> find_by_mapped(L4Proto, const Endpoint4&) const noexcept override {
        return std::nullopt;
    }

    bool owns(Ipv4Addr) const noexcept override { return false; }

    bool owns(L4Proto, const Endpoint4&) const noexcept override { return false; }

    Clock::time_point expire(Clock::time_point, Budget, Originator&) noexcept override {
        return Clock::time_point::max();
    }

    void
    touch(BindingHandle, Clock::time_point, std::uint64_t, std::uint64_t) noexcept override {}

    void set_event_sink(EventSink* wanted) noexcept override { sink = wanted; }

    std::expected<void, std::string_view> restore(const SessionRow&,
                                                  Clock::time_point) override {
        return std::unexpected{"not here"};
    }

    std::vector<std::string_view> apply(NaptSettings&, Clock::time_point) override {
        return {};
    }

private:
    static L4Proto protocol_of(std::uint64_t i) { return static_cast<L4Proto>(i % 3); }

    /// 2001:db8:0:S::I, where S is 1 for every tenth row.
    static Endpoint6 client_of(std::uint64_t i) {
        Ipv6Addr::Bytes bytes{0x20, 0x01, 0x0d, 0xb8};
        bytes[7] = i % 10 == 0 ? 1 : 0;
        for (unsigned k = 0; k < 4; ++k)
            bytes[15 - k] = static_cast<std::uint8_t>(i >> (8 * k));
        return {Ipv6Addr{bytes}, port_of(i)};
    }

    static Endpoint4 mapped_of(std::uint64_t i) {
        return {Ipv4Addr{static_cast<std::uint32_t>(0xc0000200 + i % 16)}, port_of(i)};
    }

    static Port port_of(std::uint64_t i) {
        return Port{static_cast<std::uint16_t>(1024 + i % 60'000)};
    }

    template <typename Row>
    static bool matches(const Row& row, const Filter& filter) {
        return (!filter.protocol || *filter.protocol == row.protocol) &&
               (!filter.client || filter.client->contains(row.client6.address)) &&
               (!filter.mapped || filter.mapped->contains(row.mapped4.address));
    }

    void check_thread() const {
        ++visits;
        if (std::this_thread::get_id() != packet_thread.load()) ++wrong_thread;
    }

    template <typename Row, typename Make>
    std::optional<Cursor> read(Cursor from,
                               Budget budget,
                               std::vector<Row>& out,
                               std::uint64_t count,
                               Make make) const {
        check_thread();
        if (budget.slots > kMostSlots || out.capacity() > kMostRows || out.capacity() == 0)
            ++too_much_at_once;
        // Any cursor is safe: it comes from outside.
        const std::uint64_t end = std::min(from < count ? from + budget.slots : from, count);
        for (; from < end && out.size() < out.capacity(); ++from)
            if (const auto row = make(from)) out.push_back(*row);
        rows_given += out.size();
        if (from >= count) return std::nullopt;
        return from;
    }
};

} // namespace nat64::test
