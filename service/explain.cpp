// SPDX-License-Identifier: Apache-2.0
// Looking first, then words: a step for each question that a packet meets, the remedy for each
// answer that refuses it.
#include "service/explain.hpp"

#include "config/policy_text.hpp"
#include "core/address_rules.hpp"
#include "core/clock.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/refusal.hpp"
#include "core/rfc6146/tuple.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace nat64::service {

namespace json = boost::json;

namespace {

using config::Config;

// ---- looking ----

Findings outbound(const Question& question,
                  const TranslatorSettings& settings,
                  const NaptBackend& backend,
                  Clock::time_point now) noexcept {
    const auto rules = address_rules(settings);
    Findings found{.question = question, .direction = Direction::Outbound};
    const auto* const server4 = std::get_if<Ipv4Addr>(&question.to);
    const auto server6 =
        server4 != nullptr ? settings.prefix.embed(*server4) : std::get<Ipv6Addr>(question.to);
    found.server4 = settings.prefix.extract(server6);
    found.destination = rfc6146::check_destination6(server6, rules);
    OutboundFlow flow;
    if (question.from) {
        flow.client6 = {std::get<Ipv6Addr>(*question.from), question.source_port};
        found.source = rfc6146::check_source6(flow.client6.address, rules);
    }
    if (!found.destination || !found.source) return found;
    flow.server4 = {*found.destination, question.port};
    flow.protocol = question.protocol;
    if (flow.protocol == L4Proto::Icmp) flow.server4.port = flow.client6.port;
    flow.tcp = TcpFlags{TcpFlags::kSyn};
    found.outlook = backend.foresee(flow, now);
    return found;
}

Findings inbound(const Question& question,
                 const TranslatorSettings& settings,
                 const NaptBackend& backend,
                 Clock::time_point now) noexcept {
    Findings found{.question = question, .direction = Direction::Inbound};
    InboundFlow flow;
    if (question.from) {
        flow.server4 = {std::get<Ipv4Addr>(*question.from), question.source_port};
        found.source = rfc6146::check_source4(flow.server4.address, address_rules(settings));
    }
    if (!found.source) return found;
    flow.mapped4 = {std::get<Ipv4Addr>(question.to), question.port};
    flow.protocol = question.protocol;
    flow.tcp = TcpFlags{TcpFlags::kSyn};
    found.outlook = backend.foresee(flow, now);
    return found;
}

// ---- words ----

enum class Result : std::uint8_t { Ok, Refused, Note };

const char* name_of(Result result) {
    switch (result) {
    case Result::Ok:
        return "ok";
    case Result::Refused:
        return "refused";
    case Result::Note:
        return "note";
    }
    return "?";
}

std::string text_of(const Address& address) {
    return std::visit([](const auto& a) { return a.to_string(); }, address);
}

constexpr auto kLimitRemedy =
    "what the client has goes on; `limits` in nat64.yaml(5) has the bounds";

/// What would help, for what this verb can find.
constexpr auto kRemedies = std::to_array<std::pair<DropReason, std::string_view>>({
    {DropReason::NotInPrefix,
     "use an address below the prefix; to ask about a client, give --from CLIENT and --to "
     "SERVER"},
    {DropReason::SourceInPrefix, "clients need addresses outside the prefix"},
    {DropReason::NonGlobalIpv4, "use a network-specific prefix, or wkp_strict: false in a lab"},
    {DropReason::PrivateDestination,
     "destinations.private: true opens all of them, destinations.allow some"},
    {DropReason::DestinationDenied,
     "change that rule, or allow a longer prefix in destinations.allow"},
    {DropReason::ClientDenied,
     "add the client to clients.allow, with a longer prefix than any that denies it"},
    {DropReason::OwnAddress,
     "clients reach this machine by its IPv6 address; nothing opens this way"},
    {DropReason::NotInPool, "only transport addresses of the pool lead to clients"},
    {DropReason::NoBinding, "the client sends first, or has a static binding"},
    {DropReason::Filtered,
     "the client sends to that host first, or filtering: endpoint-independent"},
    {DropReason::PoolExhausted, "a larger pool"},
    {DropReason::SessionLimit, kLimitRemedy},
    {DropReason::HalfOpenLimit, kLimitRemedy},
    {DropReason::RateLimit, kLimitRemedy},
    {DropReason::ClientSessionLimit, kLimitRemedy},
    {DropReason::ClientPortLimit, kLimitRemedy},
    {DropReason::ClientAddressLimit, kLimitRemedy},
    {DropReason::ClientHalfOpenLimit, kLimitRemedy},
    {DropReason::ClientRateLimit, kLimitRemedy},
});

std::string_view remedy(DropReason reason) {
    const auto* const row =
        std::ranges::find(kRemedies, reason, &std::pair<DropReason, std::string_view>::first);
    return row == kRemedies.end() ? std::string_view{} : row->second;
}

std::string answer_text(const IcmpAnswer& answer, Direction direction) {
    const auto six = direction == Direction::Outbound;
    const auto prohibited = six ? kAdminProhibited6 : kAdminProhibited4;
    return fmt::format("ICMP{} type {} code {}{}",
                       six ? "v6" : "v4",
                       answer.type,
                       answer.code,
                       answer == prohibited ? " (administratively prohibited)" : "");
}

/// Steps and verdict, as they come.
class Wording {
public:
    Wording(const Findings& found, const Config& config) : found_{found}, config_{config} {}

    json::object make() {
        if (found_.direction == Direction::Outbound)
            outbound();
        else
            inbound();
        return finish();
    }

private:
    void step(std::string_view about, Result result, const std::string& says) {
        steps_.push_back(
            json::object{{"step", about}, {"result", name_of(result)}, {"says", says}});
    }

    /// The first refusal decides.
    void refuse(std::string_view about, const Refusal& refusal, const std::string& says) {
        step(about, Result::Refused, says);
        if (!refusal_) refusal_ = refusal;
    }

    void outbound() {
        prefix();
        source();
        if (found_.server4) range(*found_.server4);
        if (!found_.source || !found_.destination) return;
        rules(kAdminProhibited6);
        if (found_.question.from) client(std::get<Ipv6Addr>(*found_.question.from));
        obstacle();
    }

    void inbound() {
        source();
        if (!found_.source) return;
        if (found_.outlook.binding) rules(kAdminProhibited4);
        binding();
        obstacle();
    }

    void prefix() {
        const auto& prefix = config_.translator.prefix;
        const auto asked = text_of(found_.question.to);
        if (!found_.server4) {
            const auto refusal = found_.destination.error();
            return refuse(
                "prefix",
                refusal,
                fmt::format("{} is not below {} (RFC 6052 §2.3)", asked, prefix.to_string()));
        }
        const auto inside = found_.server4->to_string();
        const auto address6 = prefix.embed(*found_.server4).to_string();
        step("prefix",
             Result::Ok,
             fmt::format("{} is {} below {} (RFC 6052)", address6, inside, prefix.to_string()));
    }

    void source() {
        if (!found_.question.from) return;
        const auto from = text_of(*found_.question.from);
        if (found_.source)
            step("source", Result::Ok, from + " may be the source of a packet");
        else
            refuse("source",
                   found_.source.error(),
                   fmt::format("{}: {}", from, info(found_.source.error().reason).help));
    }

    void range(const Ipv4Addr& server4) {
        const auto server = server4.to_string();
        if (found_.destination)
            step("range", Result::Ok, server + " is of a range that may be translated");
        else
            refuse("range",
                   found_.destination.error(),
                   fmt::format("{}: {}", server, info(found_.destination.error().reason).help));
    }

    void rules(const IcmpAnswer& answer) {
        const auto& ruling = found_.outlook.ruling;
        const auto says = config::describe(ruling, config_.policy);
        if (const auto reason = ruling.refusal())
            refuse("rules", {*reason, answer}, says);
        else
            step("rules", Result::Ok, says);
    }

    void client(const Ipv6Addr& client6) {
        const auto& use = found_.outlook.use;
        const auto& limits = config_.napt.limits;
        const auto of = [](std::uint32_t used, std::uint32_t limit) {
            return limit == 0 ? fmt::format("{} (no limit)", used)
                              : fmt::format("{} of {}", used, limit);
        };
        const Prefix6 prefix{client6, limits.client_prefix};
        const auto who = limits.client_prefix == 128 ? client6.to_string() : prefix.to_string();
        step("client",
             Result::Note,
             config_.napt_mode == config::NaptMode::Kernel
                 ? fmt::format("{} has {} inner addresses",
                               who,
                               of(use.addresses, limits.addresses_per_client))
                 : fmt::format("{} has {} sessions, {} ports, {} half-open connections",
                               who,
                               of(use.sessions, limits.sessions_per_client),
                               of(use.ports, limits.ports_per_client),
                               of(use.half_open, limits.half_open_per_client)));
        binding();
    }

    void binding() {
        const auto& binding = found_.outlook.binding;
        if (!binding) return step("binding", Result::Note, "none yet");
        step("binding",
             Result::Note,
             fmt::format("{} is {}{}",
                         shown(binding->client6),
                         shown(binding->mapped4),
                         maps_hosts() ? ", and what masquerading makes of that" : ""));
    }

    /// What the backend has against it beside the policy.
    void obstacle() {
        const auto& obstacle = found_.outlook.obstacle;
        if (!obstacle) return;
        if (const auto* const refusal = std::get_if<Refusal>(&*obstacle))
            return refuse("state", *refusal, std::string{info(refusal->reason).help});
        held_ = true;
        step("state",
             Result::Note,
             "the SYN is kept for a while: a simultaneous open may claim it (RFC 6146 "
             "§3.5.2.2)");
    }

    json::object finish() {
        const auto& question = found_.question;
        json::object item{
            {"direction", found_.direction == Direction::Outbound ? "outbound" : "inbound"},
            {"to", text_of(question.to)},
            {"protocol", nat64::name_of(question.protocol)},
            {"port", question.port.value()}};
        if (question.from) item["from"] = text_of(*question.from);
        if (found_.server4) item["server"] = found_.server4->to_string();
        if (const auto& binding = found_.outlook.binding) {
            item["client"] = shown(binding->client6);
            item["mapped"] = shown(binding->mapped4);
        }
        item["steps"] = std::move(steps_);
        item["verdict"] = refusal_ ? "refused" : held_ ? "held" : "translated";
        if (!refusal_) return item;
        item["reason"] = info(refusal_->reason).label;
        item["help"] = info(refusal_->reason).help;
        item["answer"] = refusal_->answer ? answer_text(*refusal_->answer, found_.direction)
                                          : "none: dropped silently";
        if (const auto text = remedy(refusal_->reason); !text.empty()) item["remedy"] = text;
        return item;
    }

    [[nodiscard]] bool maps_hosts() const {
        return config_.napt_mode == config::NaptMode::Kernel;
    }

    /// Ports are the kernel's where whole hosts are mapped.
    template <typename Endpoint>
    [[nodiscard]] std::string shown(const Endpoint& endpoint) const {
        return maps_hosts() ? endpoint.address.to_string() : endpoint.to_string();
    }

    const Findings& found_;
    const Config& config_;
    json::array steps_;
    std::optional<Refusal> refusal_;
    bool held_ = false;
};

} // namespace

std::optional<Address> parse_address(std::string_view text) {
    if (const auto address = Ipv4Addr::parse(text)) return Address{*address};
    if (const auto address = Ipv6Addr::parse(text)) return Address{*address};
    return std::nullopt;
}

std::optional<std::string> fault(const Question& question) {
    const bool to4 = std::holds_alternative<Ipv4Addr>(question.to);
    if (question.from && std::holds_alternative<Ipv4Addr>(*question.from) && !to4)
        return "a packet from an IPv4 address goes to an IPv4 address";
    return std::nullopt;
}

Findings find_out(const Question& question,
                  const TranslatorSettings& settings,
                  const NaptBackend& backend,
                  Clock::time_point now) noexcept {
    const auto* const to4 = std::get_if<Ipv4Addr>(&question.to);
    const bool from4 = question.from ? std::holds_alternative<Ipv4Addr>(*question.from)
                                     : to4 != nullptr && backend.owns(*to4);
    return from4 ? inbound(question, settings, backend, now)
                 : outbound(question, settings, backend, now);
}

std::string explain_json(const Findings& findings, const Config& config) {
    return json::serialize(Wording{findings, config}.make());
}

} // namespace nat64::service
