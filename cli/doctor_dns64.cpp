// SPDX-License-Identifier: Apache-2.0
// The resolver library of libc, with a query of our own: getaddrinfo() would hide whether
// there is no such address or no resolver.
#include "cli/doctor_dns64.hpp"

#include "core/net/address.hpp"
#include "core/rfc6052.hpp"

#include <array>
#include <cstring>
#include <vector>

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

namespace nat64::cli {

namespace {

constexpr std::array kWellKnown = {Ipv4Addr{192, 0, 0, 170}, Ipv4Addr{192, 0, 0, 171}};
constexpr std::size_t kLongestAnswer = 4096;

struct Resolver {
    struct ::__res_state state{};

    Resolver() {
        ::res_ninit(&state);
        state.retrans = 2;
        state.retry = 1;
    }

    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    ~Resolver() { ::res_nclose(&state); }
};

std::vector<Ipv6Addr> addresses_in(const unsigned char* answer, int length) {
    std::vector<Ipv6Addr> found;
    ::ns_msg message{};
    if (::ns_initparse(answer, length, &message) < 0) return found;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ::ns_rr record{};
        if (::ns_parserr(&message, ns_s_an, i, &record) < 0) break;
        Ipv6Addr::Bytes bytes{};
        if (ns_rr_type(record) != ns_t_aaaa || ns_rr_rdlen(record) != bytes.size()) continue;
        std::memcpy(bytes.data(), ns_rr_rdata(record), bytes.size());
        found.emplace_back(bytes);
    }
    return found;
}

} // namespace

Dns64Facts ask_for_ipv4only_arpa() {
    Resolver resolver;
    std::array<unsigned char, kLongestAnswer> answer{};
    const int length = ::res_nquery(&resolver.state,
                                    "ipv4only.arpa",
                                    ns_c_in,
                                    ns_t_aaaa,
                                    answer.data(),
                                    static_cast<int>(answer.size()));
    if (length >= 0) return {{}, addresses_in(answer.data(), length)};
    switch (resolver.state.res_h_errno) {
    case NO_DATA: // the name is known, and has IPv4 addresses only
        return {};
    case HOST_NOT_FOUND:
        return {"the resolver of this machine does not know ipv4only.arpa", {}};
    default:
        return {"the resolver of this machine gives no answer", {}};
    }
}

std::vector<Prefix6> prefixes_in(const Ipv6Addr& address) {
    std::vector<Prefix6> found;
    for (const unsigned length : {32U, 40U, 48U, 56U, 64U, 96U}) {
        const auto prefix = rfc6052::Nat64Prefix::from(Prefix6{address, length});
        if (!prefix) continue;
        for (const auto& server4 : kWellKnown)
            if (prefix->embed(server4) == address) found.push_back(prefix->prefix());
    }
    return found;
}

} // namespace nat64::cli
