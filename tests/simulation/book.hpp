// SPDX-License-Identifier: Apache-2.0
// What a backend must know by what it has said (its events) and done (the packets that left),
// kept apart from it: who is mapped to what, and what lives until when. Written from the RFC
// and not from the program, with plain maps. Whatever the backend says or does that does not
// fit is a complaint. There is one for each way to NAPT: SessionBook and HostBook.
#pragma once

#include "core/napt_backend.hpp"
#include "tests/simulation/in_force.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace nat64::simulation {

struct SessionKey {
    L4Proto protocol{};
    Endpoint6 client6;
    Endpoint4 server4; ///< of an ICMP session without identifier

    friend bool operator==(const SessionKey&, const SessionKey&) = default;
};

struct KeyHash {
    std::size_t operator()(const SessionKey& key) const noexcept;
    std::size_t operator()(const Ipv6Addr& address) const noexcept;
};

[[nodiscard]] std::string text(const SessionKey& key);

class Book : public EventSink {
public:
    Book() = default;
    virtual ~Book() = default;
    Book(const Book&) = delete;
    Book& operator=(const Book&) = delete;

    /// A packet from `side` was let through. Without session it changes nothing.
    virtual void
    packet(SessionKey key, rfc6146::Side side, TcpFlags tcp, Clock::time_point now) = 0;

    /// A packet of this flow must be let through.
    [[nodiscard]] virtual bool lives(SessionKey key) const = 0;
    [[nodiscard]] virtual std::optional<Endpoint4> mapped(L4Proto protocol,
                                                          const Endpoint6& client6) const = 0;
    [[nodiscard]] virtual std::optional<Endpoint6> client(L4Proto protocol,
                                                          const Endpoint4& mapped4) const = 0;

    /// Something else is in force now.
    virtual void changed() {}

    /// Nothing outlives its lifetime or what is in force, and the backend lists the same as is
    /// written here. To be asked when timers have run.
    [[nodiscard]] virtual std::string check(const NaptBackend& backend,
                                            Clock::time_point now) = 0;

    /// Is there nothing but what is configured?
    [[nodiscard]] virtual bool is_empty() const = 0;

    [[nodiscard]] virtual std::size_t sessions() const = 0;
    [[nodiscard]] virtual std::size_t most_sessions() const = 0; ///< at a time, so far
    [[nodiscard]] virtual std::size_t bindings() const = 0;

    /// The first one; empty if there was none.
    [[nodiscard]] const std::string& complaint() const { return complaint_; }

protected:
    void complain(const std::string& what) {
        if (complaint_.empty()) complaint_ = what;
    }

private:
    std::string complaint_;
};

} // namespace nat64::simulation
