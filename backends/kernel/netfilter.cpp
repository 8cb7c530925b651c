// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/netfilter.hpp"

#include "backends/kernel/conntrack_message.hpp"
#include "core/net/address.hpp"

#include <utility>

namespace nat64::kernel {

namespace {

class LocalFlows final : public FlowReader {
public:
    explicit LocalFlows(const Prefix4& inner_pool) : dump_{inner_pool} {}

    bool next(std::vector<ConntrackFlow>& flows) override { return dump_.next(flows); }

private:
    ConntrackDump dump_;
};

} // namespace

bool FlowReader::count(FlowSum& sum) {
    std::vector<ConntrackFlow> flows;
    const bool more = next(flows);
    for (const auto& flow : flows)
        ++sum[static_cast<std::size_t>(flow.protocol)];
    return more;
}

/// Every minute somebody sets it: no more is lost if its counters are.
void LocalNetfilter::set_table(const RulesetSettings& settings) {
    (void)drops();
    auto wanted = make_ruleset(settings);
    if (table_)
        table_->change_to(wanted);
    else
        table_.emplace(std::move(wanted));
    inner_pool_ = settings.inner_pool;
}

bool LocalNetfilter::restore_table_if_gone() {
    return table_ && table_->restore_if_gone();
}

DropSum LocalNetfilter::drops() {
    return table_ ? table_->drops() : DropSum{};
}

std::unique_ptr<FlowReader> LocalNetfilter::flows() {
    return std::make_unique<LocalFlows>(inner_pool_);
}

std::size_t LocalNetfilter::forget(const std::vector<ConntrackFlow>& flows) {
    return kernel::forget(flows);
}

std::vector<ConntrackFlow> list_flows(Netfilter& netfilter) {
    const auto reader = netfilter.flows();
    std::vector<ConntrackFlow> flows;
    while (reader->next(flows)) {
    }
    return flows;
}

} // namespace nat64::kernel
