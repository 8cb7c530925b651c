// SPDX-License-Identifier: Apache-2.0
// `show sessions` of napt: kernel: conntrack's flows, a datagram at a time on the control
// thread, joined with the clients behind their inner addresses in one visit to the packet
// thread for each datagram.
#pragma once

#include "backends/kernel/netfilter.hpp"
#include "core/napt_backend.hpp"
#include "service/session_reader.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace nat64::daemon {

class ConntrackSessions final : public service::SessionReader {
public:
    /// `backend` and `packets` outlive it.
    ConntrackSessions(const NaptBackend& backend,
                      std::unique_ptr<kernel::FlowReader> flows,
                      service::PacketThread& packets,
                      const Filter& filter)
        : backend_{backend}, packets_{packets}, filter_{filter}, reader_{std::move(flows)} {}

    /// Flows of inner addresses that are nobody's are left out.
    boost::asio::awaitable<bool> next(std::vector<SessionRow>& rows) override;

private:
    [[nodiscard]] std::vector<kernel::ConntrackFlow> wanted(bool& more);

    const NaptBackend& backend_;
    service::PacketThread& packets_;
    Filter filter_;
    std::unique_ptr<kernel::FlowReader> reader_;
};

} // namespace nat64::daemon
