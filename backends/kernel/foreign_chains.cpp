// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/foreign_chains.hpp"

#include "backends/kernel/nfnetlink.hpp"
#include "platform/unique_fd.hpp"

#include <algorithm>
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
#include <libnftnl/rule.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

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

std::optional<ForeignChain> parse_dropping(const nlmsghdr& message) {
    const std::unique_ptr<nftnl_chain, decltype(&nftnl_chain_free)> chain{nftnl_chain_alloc(),
                                                                          &nftnl_chain_free};
    if (!chain || nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return {};
    if (!nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM) ||
        !nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_POLICY))
        return {};
    const auto* family = name_of_family(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY));
    if (family == nullptr ||
        nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM) != NF_INET_FORWARD ||
        nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) != NF_DROP)
        return {};
    return ForeignChain{family,
                        nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE),
                        nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)};
}

/// nft(8) and iptables both write a name with a zero behind it.
bool names(const nlmsghdr& message, const std::string& interface) {
    const auto* const payload = static_cast<const char*>(mnl_nlmsg_get_payload(&message));
    const std::string_view bytes{payload, mnl_nlmsg_get_payload_len(&message)};
    return bytes.find(std::string_view{interface.c_str(), interface.size() + 1}) !=
           std::string_view::npos;
}

bool knows(const ForeignChain& chain, const std::string& interface) {
    Request request{};
    auto* const header = begin(request, NFT_MSG_GETRULE, family_of_name(chain.family));
    const std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)> wanted{nftnl_rule_alloc(),
                                                                         &nftnl_rule_free};
    if (!wanted) return false;
    nftnl_rule_set_str(wanted.get(), NFTNL_RULE_TABLE, chain.table.c_str());
    nftnl_rule_nlmsg_build_payload(header, wanted.get());
    bool found = false;
    dump(request, *header, kRules, [&](const nlmsghdr& message) {
        found = found || names(message, interface);
    });
    return found;
}

} // namespace

std::vector<ForeignChain> chains_that_drop(const std::string& interface) {
    Request request{};
    const auto* const header = begin(request, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC);
    std::vector<ForeignChain> chains;
    dump(request, *header, kChains, [&](const nlmsghdr& message) {
        if (auto chain = parse_dropping(message)) chains.push_back(std::move(*chain));
    });
    std::erase_if(chains, [&](const ForeignChain& chain) { return knows(chain, interface); });
    return chains;
}

} // namespace nat64::kernel
