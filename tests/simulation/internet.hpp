// SPDX-License-Identifier: Apache-2.0
// The translator between two crowds of hosts: Translator and userspace backend under a virtual
// clock, packets of both sides in, packets out, and whoever they are for is told. Everything
// that must hold is checked here, at every packet: it is translated as its binding says (by
// the SessionBook), right in itself down to the checksums, never lost while its session lives,
// and accounted for; nothing is allocated. What does not hold throws oracle::Broken.
#pragma once

#include "backends/userspace/userspace_backend.hpp"
#include "core/translator.hpp"
#include "tests/simulation/session_book.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/packet_builder.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace nat64::simulation {

/// Nobody's packet: the kernel's, or one that nobody waits for.
inline constexpr std::uint32_t kNobody = 0;

/// A packet as its sender knows it. ICMP is an echo request of the IPv6 side or a reply of the
/// IPv4 side; its identifier is client6.port or mapped4.port.
struct Shipment {
    std::uint32_t flow = kNobody;
    L4Proto protocol{};
    rfc6146::Side side{};
    Endpoint6 client6; ///< sender on the IPv6 side
    Endpoint4 server4; ///< destination on the IPv6 side, sender on the IPv4 side
    Endpoint4 mapped4; ///< destination on the IPv4 side
    TcpFlags tcp;
    std::size_t size = 16; ///< of its payload, at least 8
};

/// The hosts. Called while packets are on their way; they may send.
class Hosts {
public:
    /// The IPv4 host that a packet of this flow was for has it, from `from`.
    virtual void at_server(const Shipment& sent, const Endpoint4& from) = 0;
    /// The IPv6 host has it: one of the flow's server, or of another client (`from`).
    virtual void
    at_client(const Shipment& sent, const Endpoint6& client6, const Endpoint4& from) = 0;
    /// A TCP probe has come (RFC 6146 §3.5.2.2).
    virtual void probed(const Endpoint6& client6, const Endpoint4& server4) = 0;

protected:
    ~Hosts() = default;
};

struct Tally {
    std::uint64_t packets = 0;
    std::uint64_t errors6 = 0; ///< ICMP errors that reached an IPv6 host
    std::uint64_t errors4 = 0;
    std::uint64_t probes = 0;
    std::uint64_t hairpinned = 0;
    std::uint64_t digest = 0xcbf2'9ce4'8422'2325; ///< of all that left
};

class Internet final : private Emit {
public:
    Internet(const NaptSettings& settings, std::uint64_t seed, Clock::time_point start);

    void set_hosts(Hosts& hosts) { hosts_ = &hosts; }

    /// Puts a packet on the wire; it travels with the next flush().
    void send(const Shipment& shipment);

    /// Runs every timer when it is due, up to `now`.
    void advance(Clock::time_point now);

    /// Hands over all that was sent, a batch at a time.
    void flush();

    /// Looks at everything there is.
    void inspect();

    /// Turns the clock on until nothing can be left, and checks that nothing is.
    void finish();

    [[nodiscard]] Clock::time_point now() const { return now_; }

    [[nodiscard]] const Tally& tally() const { return tally_; }

    [[nodiscard]] const Counters& counters() const { return counters_; }

    [[nodiscard]] const SessionBook& book() const { return book_; }

    [[nodiscard]] bool owns(Ipv4Addr address) const { return backend_.owns(address); }

private:
    struct Travelling {
        Shipment shipment;
        test::OwnedPacket packet;
        bool must_pass = false;
        bool passed = false;
    };

    /// The backend's events on their way to the book, outside the count of allocations.
    class Events final : public EventSink {
    public:
        explicit Events(SessionBook& book) : book_{book} {}

        void on_event(const Event& event) noexcept override;

    private:
        SessionBook& book_;
    };

    [[nodiscard]] test::PacketBuilder begin(const Shipment& shipment) const;
    [[nodiscard]] bool has_session(const Shipment& shipment) const;
    void packet(PacketBuffer& packet) noexcept override;
    void settle(test::View bytes, const Offload& offload);
    void settle_lost(const Travelling& one);
    void settle_error(test::View bytes);
    void settle_probe(test::View bytes, std::size_t transport);
    void settle_data(test::View bytes, const test::Layout& layout);
    void settle_at_server(Travelling& one, test::View bytes, std::size_t transport);
    void settle_at_client(Travelling& one, test::View bytes, std::size_t transport);
    void complain(const std::string& what, test::View bytes);
    void expire();
    void hand_over(std::size_t first, std::size_t count);
    void check();

    NaptSettings settings_;
    TranslatorSettings translator_settings_;
    Counters counters_;
    Rng rng_;
    userspace::UserspaceBackend backend_;
    Translator translator_;
    SessionBook book_;
    Events events_{book_};
    Hosts* hosts_ = nullptr;
    Clock::time_point now_;
    Clock::time_point deadline_;
    std::vector<Travelling> waiting_;
    std::vector<Travelling> travelling_;
    std::uint32_t flushes_ = 0;
    std::string complaint_;
    std::uint64_t emitted_ = 0;
    Tally tally_;
};

} // namespace nat64::simulation
