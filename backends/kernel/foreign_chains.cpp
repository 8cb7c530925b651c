// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/foreign_chains.hpp"

#include "backends/kernel/legacy_chains.hpp"
#include "backends/kernel/nfnetlink.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "platform/unique_fd.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

namespace nat64::kernel {

namespace {

constexpr const char* kChains = "read the chains of nftables";
constexpr const char* kRules = "read the rules of nftables";

using Request = std::array<std::byte, 512>;

nlmsghdr* begin(Request& request, int message, std::uint32_t family) {
    return nftnl_nlmsg_build_hdr(static_cast<char*>(static_cast<void*>(request.data())),
                                 static_cast<std::uint16_t>(message),
                                 static_cast<std::uint16_t>(family),
                                 NLM_F_DUMP,
                                 1);
}

void dump(const Request& request,
          const nlmsghdr& header,
          const char* tried,
          const std::function<void(const nlmsghdr&)>& row) {
    const auto socket = open_nfnetlink(0);
    send_nfnetlink(socket.get(), std::span{request}.first(header.nlmsg_len), tried);
    while (read_dump(socket.get(), tried, row)) {
    }
}

const char* name_of_family(std::uint32_t family) noexcept {
    switch (family) {
    case NFPROTO_IPV4:
        return "ip";
    case NFPROTO_IPV6:
        return "ip6";
    case NFPROTO_INET:
        return "inet";
    default:
        return nullptr; // bridges and the like
    }
}

std::uint32_t family_of_name(std::string_view name) noexcept {
    if (name == "ip") return NFPROTO_IPV4;
    return name == "ip6" ? NFPROTO_IPV6 : NFPROTO_INET;
}

/// A chain at the hook, and whether it is known to drop by now.
struct Candidate {
    ForeignChain chain;
    bool drops = false;
};

std::optional<Candidate> parse_chain(const nlmsghdr& message) {
    const std::unique_ptr<nftnl_chain, decltype(&nftnl_chain_free)> chain{nftnl_chain_alloc(),
                                                                          &nftnl_chain_free};
    if (!chain || nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return {};
    if (!nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM) ||
        !nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_POLICY))
        return {};
    const auto* family = name_of_family(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY));
    if (family == nullptr ||
        nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM) != NF_INET_FORWARD)
        return {};
    return Candidate{{family,
                      nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE),
                      nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)},
                     nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_DROP};
}

/// `drop`, `reject` and iptables' REJECT.
bool is_refusal(const nftnl_expr& expression) {
    const std::string_view name = nftnl_expr_get_str(&expression, NFTNL_EXPR_NAME);
    if (name == "reject") return true;
    if (name == "immediate")
        return nftnl_expr_is_set(&expression, NFTNL_EXPR_IMM_VERDICT) &&
               nftnl_expr_get_u32(&expression, NFTNL_EXPR_IMM_VERDICT) == NF_DROP;
    return name == "target" &&
           std::string_view{nftnl_expr_get_str(&expression, NFTNL_EXPR_TG_NAME)} == "REJECT";
}

/// Whether a rule of this chain refuses all that comes as far as to it: firewalld and many
/// others end with one, and leave the policy at accept.
bool refuses_all(const nlmsghdr& message, const std::string& chain) {
    const std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)> rule{nftnl_rule_alloc(),
                                                                       &nftnl_rule_free};
    if (!rule || nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return false;
    if (nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN) != chain) return false;
    const std::unique_ptr<nftnl_expr_iter, decltype(&nftnl_expr_iter_destroy)> expressions{
        nftnl_expr_iter_create(rule.get()), &nftnl_expr_iter_destroy};
    if (!expressions) return false;
    while (const auto* expression = nftnl_expr_iter_next(expressions.get())) {
        const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
        if (name == "counter" || name == "log") continue;
        return is_refusal(*expression);
    }
    return false;
}

/// nft(8) and iptables both write a name with a zero behind it.
bool names(const nlmsghdr& message, const std::string& interface) {
    const auto* const payload = static_cast<const char*>(mnl_nlmsg_get_payload(&message));
    const std::string_view bytes{payload, mnl_nlmsg_get_payload_len(&message)};
    return bytes.find(std::string_view{interface.c_str(), interface.size() + 1}) !=
           std::string_view::npos;
}

/// Whether the chain drops, and no rule of its table names the interface.
bool drops_unknowing(Candidate& candidate, const std::string& interface) {
    const auto& chain = candidate.chain;
    Request request{};
    auto* const header = begin(request, NFT_MSG_GETRULE, family_of_name(chain.family));
    const std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)> wanted{nftnl_rule_alloc(),
                                                                         &nftnl_rule_free};
    if (!wanted) return candidate.drops;
    nftnl_rule_set_str(wanted.get(), NFTNL_RULE_TABLE, chain.table.c_str());
    nftnl_rule_nlmsg_build_payload(header, wanted.get());
    bool known = false;
    dump(request, *header, kRules, [&](const nlmsghdr& message) {
        known = known || names(message, interface);
        candidate.drops = candidate.drops || refuses_all(message, chain.name);
    });
    return candidate.drops && !known;
}

bool is_in_the_way(Candidate& candidate, const std::string& interface) {
    if (is_only_ours(candidate.chain)) return candidate.chain.table != table_name(interface);
    return drops_unknowing(candidate, interface);
}

} // namespace

std::string to_string(const ForeignChain& chain) {
    const auto in_table = chain.table + ' ' + chain.name + "'";
    switch (chain.keeper) {
    case Keeper::Nftables:
        return "nftables chain '" + chain.family + ' ' + in_table;
    case Keeper::IptablesLegacy:
        return "iptables-legacy chain '" + in_table;
    case Keeper::Ip6tablesLegacy:
        return "ip6tables-legacy chain '" + in_table;
    }
    return {};
}

bool is_only_ours(const ForeignChain& chain) noexcept {
    return chain.name == kOnlyOurs && is_table_name(chain.table);
}

std::vector<ForeignChain> chains_that_drop(const std::string& interface) {
    Request request{};
    const auto* const header = begin(request, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC);
    std::vector<Candidate> candidates;
    dump(request, *header, kChains, [&](const nlmsghdr& message) {
        if (auto candidate = parse_chain(message)) candidates.push_back(std::move(*candidate));
    });
    auto chains = legacy_chains_that_drop(interface);
    for (auto& candidate : candidates)
        if (is_in_the_way(candidate, interface)) chains.push_back(std::move(candidate.chain));
    return chains;
}

} // namespace nat64::kernel
