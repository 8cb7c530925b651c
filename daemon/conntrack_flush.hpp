// SPDX-License-Identifier: Apache-2.0
// `nat64 flush` with napt: kernel: the sessions are conntrack's, so they end there. Who the
// client behind an inner address is, the packet thread knows; the bindings, which are whole
// hosts, stay.
#pragma once

#include "backends/kernel/netfilter.hpp"
#include "core/napt_backend.hpp"
#include "service/packet_thread.hpp"

#include <boost/asio/awaitable.hpp>

namespace nat64::daemon {

/// Ends the flows of our clients that `filter` lets through, a datagram of them at a time, and
/// no flow of others. What is given by reference outlives it.
[[nodiscard]] boost::asio::awaitable<Flushed> flush_conntrack(const NaptBackend& backend,
                                                              kernel::Netfilter& netfilter,
                                                              service::PacketThread& packets,
                                                              Filter filter);

} // namespace nat64::daemon
