// SPDX-License-Identifier: Apache-2.0
// The book of a backend that maps whole hosts and leaves flows to the kernel: which client is
// behind which inner address, and until when conntrack may remember a flow of it, flow by
// flow. No address may be given up before that, nor much later.
#pragma once

#include "tests/simulation/book.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

namespace nat64::simulation {

class HostBook final : public Book {
public:
    explicit HostBook(const InForce& in_force);

    void on_event(const Event& event) noexcept override;
    void
    packet(SessionKey key, rfc6146::Side side, TcpFlags tcp, Clock::time_point now) override;
    [[nodiscard]] bool lives(SessionKey key) const override;
    [[nodiscard]] std::optional<Endpoint4> mapped(L4Proto protocol,
                                                  const Endpoint6& client6) const override;
    [[nodiscard]] std::optional<Endpoint6> client(L4Proto protocol,
                                                  const Endpoint4& mapped4) const override;
    void changed() override;
    [[nodiscard]] std::string check(const NaptBackend& backend, Clock::time_point now) override;
    [[nodiscard]] bool is_empty() const override;

    /// The kernel's.
    [[nodiscard]] std::size_t sessions() const override { return 0; }

    [[nodiscard]] std::size_t most_sessions() const override { return 0; }

    [[nodiscard]] std::size_t bindings() const override { return hosts_.size(); }

private:
    struct Host {
        Ipv4Addr inner4;
        Clock::time_point not_before; ///< conntrack may have a flow of it until then
        Clock::time_point not_after;
        /// TCP flows whose server has answered.
        std::unordered_set<SessionKey, KeyHash> answered{};
    };

    void created(const Event& event);
    void deleted(const Event& event);
    [[nodiscard]] bool is_static(const Ipv6Addr& client6) const;

    const InForce& in_force_;
    Timeouts longest_; ///< that were ever in force
    std::unordered_map<Ipv6Addr, Host, KeyHash> hosts_;
    std::unordered_map<std::uint32_t, Ipv6Addr> clients_;            ///< by inner address
    std::unordered_map<Ipv6Addr, std::uint32_t, KeyHash> addresses_; ///< of a client prefix
};

} // namespace nat64::simulation
