// SPDX-License-Identifier: Apache-2.0
// A NaptBackend for tests of what stands above it: maps, no limits, no timers. A client's
// transport address gets the next port of one pool address, or the one that a test asked for
// with bind(); refuse_with() makes the next resolve fail. It notes what it was asked.
#pragma once

#include "core/napt_backend.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace nat64::test {

class FakeBackend : public NaptBackend {
public:
    explicit FakeBackend(Ipv4Addr pool = Ipv4Addr{192, 0, 2, 1}) : pool_{pool} {}

    void bind(L4Proto protocol, const Endpoint6& client6, const Endpoint4& mapped4) {
        by_client_[{protocol, client6}] = mapped4;
        by_mapped_[{protocol, mapped4}] = client6;
    }

    void refuse_with(const NotNow& why) { refusal_ = why; }

    std::vector<OutboundFlow> outbound;
    std::vector<InboundFlow> inbound;
    std::size_t prepared = 0;
    /// Called by expire().
    void (*on_expire)(Originator&) = nullptr;

    [[nodiscard]] Capabilities capabilities() const noexcept override { return {}; }

    void prepare(std::span<OutboundFlow> out, std::span<InboundFlow> in) noexcept override {
        prepared += out.size() + in.size();
    }

    Resolved resolve_outbound(const OutboundFlow& flow, Clock::time_point) noexcept override {
        outbound.push_back(flow);
        if (refusal_) return std::unexpected{*std::exchange(refusal_, std::nullopt)};
        if (!by_client_.contains({flow.protocol, flow.client6}))
            bind(flow.protocol, flow.client6, {pool_, Port{next_port_++}});
        return *find_by_client(flow.protocol, flow.client6);
    }

    Resolved resolve_inbound(const InboundFlow& flow,
                             const PacketBuffer&,
                             Clock::time_point) noexcept override {
        inbound.push_back(flow);
        if (refusal_) return std::unexpected{*std::exchange(refusal_, std::nullopt)};
        const auto found = find_by_mapped(flow.protocol, flow.mapped4);
        if (!found) return std::unexpected{NotNow{Refusal{DropReason::NoBinding, {}}}};
        return *found;
    }

    std::optional<Binding> find_by_client(L4Proto protocol,
                                          const Endpoint6& client6) const noexcept override {
        const auto found = by_client_.find({protocol, client6});
        if (found == by_client_.end()) return std::nullopt;
        return Binding{client6, found->second, {}};
    }

    std::optional<Binding> find_by_mapped(L4Proto protocol,
                                          const Endpoint4& mapped4) const noexcept override {
        const auto found = by_mapped_.find({protocol, mapped4});
        if (found == by_mapped_.end()) return std::nullopt;
        return Binding{found->second, mapped4, {}};
    }

    bool owns(Ipv4Addr address) const noexcept override { return address == pool_; }

    bool owns(L4Proto, const Endpoint4& mapped4) const noexcept override {
        return owns(mapped4.address);
    }

    Clock::time_point
    expire(Clock::time_point, Budget, Originator& originator) noexcept override {
        if (on_expire != nullptr) on_expire(originator);
        return Clock::time_point::max();
    }

    void
    touch(BindingHandle, Clock::time_point, std::uint64_t, std::uint64_t) noexcept override {}

    void set_event_sink(EventSink*) noexcept override {}

    std::optional<Cursor>
    snapshot(Cursor, const Filter&, Budget, std::vector<BindingRow>&) const override {
        return std::nullopt;
    }

    std::optional<Cursor> snapshot(Cursor,
                                   const Filter&,
                                   Budget,
                                   Clock::time_point,
                                   std::vector<SessionRow>&) const override {
        return std::nullopt;
    }

    void pool_usage(std::vector<PoolRow>&) const override {}

    std::expected<void, std::string_view> restore(const SessionRow&,
                                                  Clock::time_point) override {
        return std::unexpected{"not here"};
    }

    std::vector<std::string_view> apply(NaptSettings&, Clock::time_point) override {
        return {};
    }

private:
    Ipv4Addr pool_;
    std::uint16_t next_port_ = 40000;
    std::optional<NotNow> refusal_;
    std::map<std::pair<L4Proto, Endpoint6>, Endpoint4> by_client_;
    std::map<std::pair<L4Proto, Endpoint4>, Endpoint6> by_mapped_;
};

} // namespace nat64::test
