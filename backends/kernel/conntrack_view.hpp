// SPDX-License-Identifier: Apache-2.0
// The flows of our clients as the kernel has them, a datagram (some hundred flows) at a time,
// so that a million of them hold nobody up. Who the client behind an inner address is, the
// backend knows: to_row() joins the two. Also how flows are ended, before an address goes to
// somebody else. Any thread but the packet thread; needs CAP_NET_ADMIN; errors are OsErrors.
#pragma once

#include "backends/kernel/conntrack_message.hpp"
#include "core/napt_backend.hpp"
#include "core/net/address.hpp"
#include "platform/unique_fd.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace nat64::kernel {

/// One pass over conntrack's table. Weakly consistent: each flow was there when it was read.
class ConntrackDump {
public:
    explicit ConntrackDump(const Prefix4& inner_pool);

    /// Appends the next flows that begin in the inner pool, perhaps none. False at the end.
    bool next(std::vector<ConntrackFlow>& flows);

private:
    Prefix4 inner_pool_;
    platform::UniqueFd socket_;
};

/// All of them, for when there are not many.
[[nodiscard]] std::vector<ConntrackFlow> list_flows(const Prefix4& inner_pool);

/// Ends these. Returns how many there still were.
std::size_t forget(std::span<const ConntrackFlow> flows);

/// The flow of the client at its inner address as a session; mapped4 is public.
[[nodiscard]] SessionRow to_row(const ConntrackFlow& flow, const Binding& client) noexcept;

/// Whether `filter` lets this row through.
[[nodiscard]] bool matches(const Filter& filter, const SessionRow& row) noexcept;

} // namespace nat64::kernel
