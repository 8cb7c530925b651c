// SPDX-License-Identifier: Apache-2.0
// A translator with a small backend behind CheckedPath: whatever a test hands over, everything
// that must hold is checked (tests/invariants). take() says in a line each what has left.
#pragma once

#include "backends/registry.hpp"
#include "core/counters.hpp"
#include "tests/invariants/checked_path.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace nat64::test {

using namespace std::chrono_literals;

inline constexpr auto kClient = "2001:db8:1::10";
inline constexpr auto kServer6 = "64:ff9b::198.51.100.7";
inline constexpr auto kServer4 = "198.51.100.7";
inline constexpr auto kPool4 = "192.0.2.1";
inline constexpr auto kPool6 = "64:ff9b::192.0.2.1";

inline NaptSettings small_napt() {
    NaptSettings napt;
    napt.pool = {{*Prefix4::parse(kPool4), {Port{1024}, Port{65535}}}};
    napt.inner_pool = Prefix4::parse("100.64.0.0/24");
    napt.limits.sessions = 1000;
    return napt;
}

inline TranslatorSettings lax_translator() {
    TranslatorSettings settings;
    settings.wkp_strict = false; // documentation addresses
    settings.gateway4 = Ipv4Addr{203, 0, 113, 254};
    return settings;
}

class Gateway {
public:
    explicit Gateway(const NaptSettings& napt = small_napt(), const char* backend = "daemon")
        : napt_{napt},
          backend_{backends::make_backend(backend, napt_, counters_, rng_)},
          path_{lax_translator(), *backend_, counters_, rng_} {}

    void send(View packet) { path_.hand_over(packet, {}, now_); }

    void send(const PacketBuilder& packet) {
        path_.hand_over(packet.bytes(), packet.offload(), now_);
    }

    void pass(Clock::duration time) { now_ += time; }

    [[nodiscard]] std::vector<Sent> take() { return path_.take(); }

    /// The only packet that has left since the last time, as describe() says it; or how many.
    [[nodiscard]] std::string left() {
        const auto sent = path_.take();
        return sent.size() == 1 ? describe(sent[0].bytes) : std::to_string(sent.size());
    }

    /// What this client's port is mapped to.
    [[nodiscard]] Endpoint4 mapped(L4Proto protocol, unsigned port) const {
        const Endpoint6 client6{*Ipv6Addr::parse(kClient),
                                Port{static_cast<std::uint16_t>(port)}};
        return backend_->find_by_client(protocol, client6).value().mapped4;
    }

    [[nodiscard]] std::uint64_t drops(DropReason reason) const {
        return counters_.drops[static_cast<std::size_t>(reason)].value();
    }

    [[nodiscard]] const Counters& counters() const { return counters_; }

    /// Nothing is left at the end.
    void finish() { path_.finish(napt_); }

private:
    NaptSettings napt_;
    Counters counters_;
    Rng rng_ = seeded_rng(1);
    std::unique_ptr<NaptBackend> backend_;
    CheckedPath path_;
    Clock::time_point now_{1h};
};

} // namespace nat64::test
