// SPDX-License-Identifier: Apache-2.0
// BIB and session table beside NaiveTables: each step is one operation on both, whose answers
// must agree. What to do comes from a source of choices, a seeded generator or the bytes of a
// fuzzer: anything with between() and one_in().
#pragma once

#include "core/rfc6146/bib.hpp"
#include "core/rfc6146/session_table.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/oracle/naive_tables.hpp"

namespace nat64::oracle {

class ComparedTables {
public:
    template <typename Source>
    void step(Source& source) {
        const auto what = source.between(0, 9);
        if (what < 3)
            bind(source);
        else if (what < 4)
            unbind(source);
        else
            toggle_session(source);
    }

    /// Every binding from both sides, and the numbers.
    void check_all() {
        expect(bib_.size() == naive_.bindings(), "number of bindings");
        expect(sessions_.size() == naive_.sessions(), "number of sessions");
        for (const auto& [key, mapped] : naive_.by_client()) {
            const auto slot = find(key.first, key.second);
            expect(slot != rfc6146::kNone, "a binding is lost to the IPv6 side");
            expect(bib_[slot].client6 == key.second, "a binding of another client");
            expect(bib_.find_mapped(mapped.first, key.first, mapped.second) == slot,
                   "a binding is lost to the IPv4 side");
            expect(sessions_.count_of(slot) == naive_.sessions_of(key.first, key.second),
                   "number of a binding's sessions");
        }
    }

private:
    static constexpr std::size_t kBindings = 400;
    static constexpr std::size_t kSessions = 600;
    static constexpr std::uint16_t kAddresses = 3;

    // Small numbers of everything, so that operations meet.
    template <typename Source>
    static L4Proto protocol(Source& source) {
        return static_cast<L4Proto>(source.between(0, 2));
    }

    template <typename Source>
    static Port port(Source& source, std::size_t count) {
        return Port{static_cast<std::uint16_t>(source.between(0, count - 1))};
    }

    template <typename Source>
    static Endpoint6 client6(Source& source) {
        const auto host = source.between(0, 19);
        return {Ipv6Addr::from_halves(0x2001'0db8'0000'0000, host), port(source, 16)};
    }

    template <typename Source>
    static Endpoint4 server4(Source& source) {
        const auto host = static_cast<std::uint32_t>(source.between(0, 4));
        return {Ipv4Addr{0xcb007100 + host}, port(source, 4)};
    }

    [[nodiscard]] std::uint32_t find(L4Proto protocol, const Endpoint6& client6) const {
        return bib_.find_client(bib_.hash(protocol, client6), protocol, client6);
    }

    template <typename Source>
    void bind(Source& source) {
        const auto proto = protocol(source);
        const auto client = client6(source);
        const auto address =
            static_cast<std::uint16_t>(source.between(0, std::size_t{kAddresses} - 1));
        const auto mapped = port(source, 300);
        const bool expected = naive_.bind(proto, client, {address, mapped}, kBindings);
        const bool taken = find(proto, client) != rfc6146::kNone ||
                           bib_.find_mapped(address, proto, mapped) != rfc6146::kNone;
        const auto slot =
            taken ? rfc6146::kNone
                  : bib_.insert(bib_.hash(proto, client), proto, client, address, mapped);
        expect((slot != rfc6146::kNone) == expected, "a new binding");
    }

    template <typename Source>
    void unbind(Source& source) {
        const auto proto = protocol(source);
        const auto client = client6(source);
        const auto slot = find(proto, client);
        expect((slot != rfc6146::kNone) == naive_.bound(proto, client), "a binding to end");
        if (slot == rfc6146::kNone) return;
        expect(sessions_.count_of(slot) == naive_.sessions_of(proto, client),
               "number of a binding's sessions");
        while (sessions_.any_of(slot) != rfc6146::kNone)
            sessions_.erase(sessions_.any_of(slot));
        bib_.erase(slot);
        naive_.unbind(proto, client);
    }

    template <typename Source>
    void toggle_session(Source& source) {
        const auto proto = protocol(source);
        const auto client = client6(source);
        const auto server = server4(source);
        const auto slot = find(proto, client);
        expect((slot != rfc6146::kNone) == naive_.bound(proto, client), "a session's binding");
        if (slot == rfc6146::kNone) return;
        const auto session = sessions_.find(slot, server);
        expect((session != rfc6146::kNone) == naive_.has_session(proto, client, server),
               "a session to be found");
        expect(sessions_.knows(slot, server.address) ==
                   naive_.knows(proto, client, server.address),
               "a permission");
        if (session == rfc6146::kNone) {
            const bool room = naive_.open(proto, client, server, kSessions);
            expect((sessions_.insert(slot, server) != rfc6146::kNone) == room, "a new session");
        } else {
            expect(sessions_.binding_of(session) == slot, "a session of another binding");
            sessions_.erase(session);
            naive_.close(proto, client, server);
        }
    }

    Rng rng_{Secret{1, 2}};
    rfc6146::Bib bib_{kBindings, kAddresses, rng_};
    rfc6146::SessionTable sessions_{bib_, kSessions, rng_};
    NaiveTables naive_;
};

} // namespace nat64::oracle
