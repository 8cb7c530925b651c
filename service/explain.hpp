// SPDX-License-Identifier: Apache-2.0
// `explain`: what would become of a packet, and why. The answers are those of the functions
// that packets go through (rfc6052, rfc6146/tuple, Policy, the backend); here they are asked in
// the order in which a packet meets them, and put into words. find_out() looks, on the packet
// thread, and allocates nothing; explain_json() words it, anywhere. Nothing is changed.
#pragma once

#include "config/config.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/translator.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace nat64::service {

using Address = std::variant<Ipv4Addr, Ipv6Addr>;

[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

/// A packet, as far as it matters who may send it. `from` unset: whoever it is.
struct Question {
    std::optional<Address> from;
    Address to{};
    L4Proto protocol = L4Proto::Tcp;
    Port port{};        ///< destination port; of an ICMP query to the pool its identifier
    Port source_port{}; ///< 0: any
};

/// What is wrong with a question, for a person; nullopt if nothing is.
[[nodiscard]] std::optional<std::string> fault(const Question& question);

struct Findings {
    Question question;
    Direction direction{};
    std::optional<Ipv4Addr> server4{};              ///< outbound: inside `to`, or `to` itself
    std::expected<void, Refusal> source{};          ///< may it be one?
    std::expected<Ipv4Addr, Refusal> destination{}; ///< outbound: may it be reached?
    Outlook outlook{}; ///< the backend's, if nothing was refused before
};

/// An IPv4 destination is a client's if the backend owns it, and otherwise a server's.
[[nodiscard]] Findings find_out(const Question& question,
                                const TranslatorSettings& settings,
                                const NaptBackend& backend,
                                Clock::time_point now) noexcept;

/// The item of docs/control-protocol.md. `config` is what the findings rest on.
[[nodiscard]] std::string explain_json(const Findings& findings, const config::Config& config);

} // namespace nat64::service
