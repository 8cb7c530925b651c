// SPDX-License-Identifier: Apache-2.0
// The ports of the machine's own address that clients share with it now (napt: kernel):
// `shared_ports` without those on which the machine's own programs wait. Looked at again and
// again, since programs come and go. A port that is seen once between two looks may be a
// resolver's question on its way; one that is seen at two looks in succession is a service.
//
// Control thread.
#pragma once

#include "core/net/transport.hpp"
#include "platform/bound_ports.hpp"

#include <optional>
#include <vector>

namespace nat64::daemon {

class SharedPorts {
public:
    /// Looks for the first time: what is seen now counts as a service. Where the kernel cannot
    /// tell, that is logged, and no port is taken for a service.
    SharedPorts();

    /// Looks again, as at the first time.
    void begin_anew();

    /// Looks again.
    void look();

    /// What there is to share of `within`: all of it, with an error in the log, where services
    /// leave nothing.
    [[nodiscard]] std::vector<PortRange> of(PortRange within) const;

private:
    [[nodiscard]] std::vector<Port> seen_now();

    std::optional<platform::BoundPorts> sockets_;
    std::vector<Port> seen_;     ///< at the last look
    std::vector<Port> services_; ///< ascending
};

} // namespace nat64::daemon
