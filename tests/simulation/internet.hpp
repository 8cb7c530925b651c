// SPDX-License-Identifier: Apache-2.0
// The translator between two crowds of hosts: Translator and a backend under a virtual clock,
// packets of both sides in, packets out, and whoever they are for is told. Everything that
// must hold is checked here, at every packet: it is translated as its binding says (by the
// Book), right in itself down to the checksums, never lost while its session lives, and
// accounted for; nothing is held for longer than it may be, nothing is allocated. What does
// not hold throws oracle::Broken.
//
// internet.cpp has packets on their way in and time, expectations.cpp what must become of
// them, arrivals.cpp what leaves, errors.cpp the ICMP errors of hosts and routers, reloads.cpp
// the operator.
#pragma once

#include "core/translator.hpp"
#include "tests/simulation/book.hpp"
#include "tests/simulation/in_force.hpp"
#include "tests/simulation/parcels.hpp"
#include "tests/simulation/shipment.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/packet_builder.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nat64::simulation {

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
    std::uint64_t answers6 = 0; ///< ICMP errors of the translator that reached an IPv6 host
    std::uint64_t answers4 = 0;
    std::uint64_t errors6 = 0; ///< those of IPv4 hosts and routers, translated
    std::uint64_t errors4 = 0;
    std::uint64_t probes = 0;
    std::uint64_t hairpinned = 0;
    std::uint64_t reassembled = 0; ///< packets that came out in pieces, or went in so
    std::uint64_t reloads = 0;
    std::uint64_t digest = 0xcbf2'9ce4'8422'2325; ///< of all that left
};

class Internet final : private Emit {
public:
    /// napt: kernel where the settings have an inner_pool.
    Internet(const NaptSettings& settings, std::uint64_t seed, Clock::time_point start);

    void set_hosts(Hosts& hosts) { hosts_ = &hosts; }

    // ---- packets: they travel with the next flush() ----

    void send(const Shipment& shipment);

    /// A packet in pieces of so many bytes (a multiple of 8), or in one where that is 0, to be
    /// sent by send_piece(). Returns its number.
    [[nodiscard]] std::uint16_t cut(const Shipment& shipment, std::size_t piece_size);
    [[nodiscard]] std::size_t pieces_of(std::uint16_t parcel);
    void send_piece(std::uint16_t parcel, std::size_t piece);

    /// A piece of a packet of which no other one will come.
    void send_orphan(const Shipment& shipment);

    /// An ICMP error from the receiver of a packet of this flow, or from a router on the way:
    /// `shipment` is a packet in the opposite direction.
    void send_error(const Shipment& shipment, Trouble trouble);

    /// Hands over all that was sent, a batch at a time.
    void flush();

    // ---- time ----

    /// Runs every timer when it is due, up to `now`.
    void advance(Clock::time_point now);

    /// Looks at everything there is.
    void inspect();

    /// Turns the clock on until nothing can be left, and checks that nothing is.
    void finish();

    // ---- the operator ----

    [[nodiscard]] const InForce& in_force() const { return in_force_; }

    /// Something else is in force from now on.
    void reload(const InForce& wanted);

    /// Settings that cannot change while running are refused by name, and nothing changes.
    void reload_refused();

    /// Ends the sessions of these clients.
    void end_sessions(const Prefix6& clients);

    // ---- asking ----

    [[nodiscard]] Clock::time_point now() const { return now_; }

    [[nodiscard]] const Tally& tally() const { return tally_; }

    [[nodiscard]] const Counters& counters() const { return counters_; }

    [[nodiscard]] const Book& book() const { return *book_; }

    [[nodiscard]] bool owns(Ipv4Addr address) const { return backend_->owns(address); }

private:
    struct Travelling {
        Shipment shipment;
        test::OwnedPacket packet;
        Trouble trouble = Trouble::None;
        std::optional<std::uint16_t> parcel{};
        std::size_t piece = 0;
        bool must_pass = false;
        bool passed = false;
        bool answered = false; ///< by the translator, with an ICMP error
    };

    /// The backend's events on their way to the book, outside the count of allocations.
    class Events final : public EventSink {
    public:
        explicit Events(Book& book) : book_{book} {}

        void on_event(const Event& event) noexcept override;

    private:
        Book& book_;
    };

    [[nodiscard]] test::PacketBuilder begin(const Shipment& shipment) const;
    [[nodiscard]] test::Bytes stamped(std::size_t size, std::uint32_t number) const;
    [[nodiscard]] std::uint32_t next_number() const;
    [[nodiscard]] bool is_hairpin(const Shipment& shipment) const;
    [[nodiscard]] bool has_session(const Shipment& shipment) const;
    [[nodiscard]] bool has_binding(const Shipment& shipment) const;
    void hand_over(std::size_t first, std::size_t count);
    void expect_of(Travelling& one);
    void expect_of_piece(const Travelling& one, Parcel& parcel);
    void note_held(const Travelling& one);
    void settle_lost(const Travelling& one);
    void settle_lost_piece(const Travelling& one);
    [[nodiscard]] std::uint64_t made_way() const;
    void expire();
    void check();

    void packet(PacketBuffer& packet) noexcept override;
    void settle(test::View bytes, const Offload& offload);
    void settle_probe(test::View bytes, std::size_t transport);
    void settle_data(test::View bytes, const test::Layout& layout);
    void settle_piece(test::View bytes, const test::Layout& layout, std::uint32_t number);
    [[nodiscard]] std::optional<Arrival>
    arrive(const Shipment& sent, test::View bytes, std::size_t transport);
    void record(const Shipment& sent, const Arrival& arrival);
    void tell(const Shipment& sent, const Arrival& arrival);
    void complain(const std::string& what, test::View bytes);

    void settle_error(test::View bytes, const test::Layout& layout);
    void settle_answer(Travelling* about, test::View bytes, test::View quote);
    void settle_reported(Travelling& error, test::View bytes, test::View quote);
    [[nodiscard]] Travelling* travelling(test::View packet);
    [[nodiscard]] test::Bytes quoted_by(const Shipment& error, test::View payload) const;
    [[nodiscard]] std::optional<test::Bytes> quote_due(const Shipment& error,
                                                       test::View payload) const;

    InForce in_force_;
    Counters counters_;
    Rng rng_;
    std::unique_ptr<NaptBackend> backend_;
    Translator translator_;
    std::unique_ptr<Book> book_;
    Events events_{*book_};
    Hosts* hosts_ = nullptr;
    Clock::time_point now_;
    Clock::time_point deadline_;
    std::vector<Travelling> waiting_;
    std::vector<Travelling> travelling_;
    Parcels parcels_;
    Holding syns_;
    Holding pieces_;
    std::uint32_t flushes_ = 0;
    std::string complaint_;
    std::uint64_t emitted_ = 0;
    Tally tally_;
};

} // namespace nat64::simulation
