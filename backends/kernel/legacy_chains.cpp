// SPDX-License-Identifier: Apache-2.0
// libiptc has everything twice, for IPv4 and IPv6, under different names.
#include "backends/kernel/legacy_chains.hpp"

#include "platform/os_error.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

// NOLINTBEGIN(misc-include-cleaner): these two bring what belongs to them
#include <libiptc/libiptc.h>

extern "C" { // this one does not say so itself
#include <libiptc/libip6tc.h>
}

namespace nat64::kernel {

namespace {

constexpr const char* kTable = "filter";
constexpr const char* kChain = "FORWARD";

struct Legacy4 {
    using Entry = ipt_entry;
    static constexpr const char* kNames = "/proc/net/ip_tables_names";
    static constexpr auto kKeeper = Keeper::IptablesLegacy;
    static constexpr auto init = iptc_init;
    static constexpr auto free = iptc_free;
    static constexpr auto policy = iptc_get_policy;
    static constexpr auto first_chain = iptc_first_chain;
    static constexpr auto next_chain = iptc_next_chain;
    static constexpr auto first_rule = iptc_first_rule;
    static constexpr auto next_rule = iptc_next_rule;
    static constexpr auto target = iptc_get_target;

    static const ipt_ip& selector(const Entry& entry) { return entry.ip; }
};

struct Legacy6 {
    using Entry = ip6t_entry;
    static constexpr const char* kNames = "/proc/net/ip6_tables_names";
    static constexpr auto kKeeper = Keeper::Ip6tablesLegacy;
    static constexpr auto init = ip6tc_init;
    static constexpr auto free = ip6tc_free;
    static constexpr auto policy = ip6tc_get_policy;
    static constexpr auto first_chain = ip6tc_first_chain;
    static constexpr auto next_chain = ip6tc_next_chain;
    static constexpr auto first_rule = ip6tc_first_rule;
    static constexpr auto next_rule = ip6tc_next_rule;
    static constexpr auto target = ip6tc_get_target;

    static const ip6t_ip6& selector(const Entry& entry) { return entry.ipv6; }
};

bool is_in_use(const char* names) {
    std::ifstream file{names};
    for (std::string name; file >> name;)
        if (name == kTable) return true;
    return false;
}

/// Of all packets: no match, no address, no interface, no protocol.
template <typename Selector>
bool is_empty(const Selector& selector) {
    const Selector nothing{};
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the kernel compares bytes too
    return std::memcmp(&selector, &nothing, sizeof nothing) == 0;
}

template <typename Legacy>
class Reader {
public:
    Reader() : handle_{Legacy::init(kTable), Legacy::free} {
        if (!handle_) platform::throw_errno("read the rules of iptables-legacy");
    }

    bool drops() {
        const char* const policy = Legacy::policy(kChain, &counters_, handle_.get());
        bool drops = policy != nullptr && std::string_view{policy} == "DROP";
        each_rule(kChain, [&](const Entry& rule) { drops = drops || refuses_all(rule); });
        return drops;
    }

    bool names(std::string_view interface) {
        bool found = false;
        const auto look = [&](const Entry& rule) {
            const auto& selector = Legacy::selector(rule);
            found = found || interface == selector.iniface || interface == selector.outiface;
        };
        for (const char* chain = Legacy::first_chain(handle_.get()); chain != nullptr;
             chain = Legacy::next_chain(handle_.get()))
            each_rule(chain, look);
        return found;
    }

private:
    using Entry = typename Legacy::Entry;

    template <typename Visit>
    void each_rule(const char* chain, Visit visit) {
        for (const auto* rule = Legacy::first_rule(chain, handle_.get()); rule != nullptr;
             rule = Legacy::next_rule(rule, handle_.get()))
            visit(*rule);
    }

    bool refuses_all(const Entry& rule) {
        const std::string_view target = Legacy::target(&rule, handle_.get());
        return (target == "DROP" || target == "REJECT") &&
               rule.target_offset == sizeof(Entry) && is_empty(Legacy::selector(rule));
    }

    std::unique_ptr<xtc_handle, void (*)(xtc_handle*)> handle_;
    xt_counters counters_{};
};

template <typename Legacy>
void look(const std::string& interface, std::vector<ForeignChain>& chains) {
    if (!is_in_use(Legacy::kNames)) return;
    Reader<Legacy> reader;
    if (reader.drops() && !reader.names(interface))
        chains.push_back({Legacy::kKeeper == Keeper::IptablesLegacy ? "ip" : "ip6",
                          kTable,
                          kChain,
                          Legacy::kKeeper});
}

} // namespace

std::vector<ForeignChain> legacy_chains_that_drop(const std::string& interface) {
    std::vector<ForeignChain> chains;
    look<Legacy4>(interface, chains);
    look<Legacy6>(interface, chains);
    return chains;
}

} // namespace nat64::kernel

// NOLINTEND(misc-include-cleaner)
