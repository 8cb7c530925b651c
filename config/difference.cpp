// SPDX-License-Identifier: Apache-2.0
// Values are compared as the printer writes them: what prints alike is alike.
#include "config/difference.hpp"

#include "config/inner_pool.hpp"
#include "config/pool_part.hpp"
#include "config/schema.hpp"
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace nat64::config {

namespace {

/// Does this configuration give the key a value?
std::string value_of(const Key& key, const Config& config) {
    if (!is_honoured(key, config)) return {};
    return key.write(config).value;
}

std::string on_one_line(const std::string& value) {
    if (value.empty()) return "unset";
    const bool is_plain = std::string_view{"\n[\""}.find(value.front()) == std::string::npos;
    return is_plain ? value : parse_yaml(value, {}).flow_text();
}

/// Those without protocol.
std::vector<StaticItem> whole_hosts(const Config& config) {
    auto items = config.napt.statics;
    std::erase_if(items, [](const StaticItem& item) { return item.protocol.has_value(); });
    std::ranges::sort(items);
    return items;
}

bool concerns_mtu(std::string_view key) {
    return key == "mtu.ipv6" || key == "mtu.ipv4";
}

/// Why a key that may change otherwise cannot in this case.
std::string obstacle(const Key& key,
                     const Config& running,
                     const Config& wanted,
                     const std::vector<PoolItem>& made_for) {
    if (key.path == "pool")
        if (const auto address = beyond(made_for, wanted.napt.pool))
            return fmt::format("{} was not in the pool at the start, or had other ports",
                               address->to_string());
    if (concerns_mtu(key.path) && running.tun.mtu != wanted.tun.mtu)
        return fmt::format("the interface {} would need an MTU of {}",
                           running.tun.name,
                           wanted.tun.mtu.bytes());
    if (key.path == "static" && wanted.napt_mode == NaptMode::Daemon &&
        whole_hosts(running) != whole_hosts(wanted))
        return "it is about whole hosts";
    return {};
}

} // namespace

Difference
difference(const Config& running, const Config& wanted, const std::vector<PoolItem>& made_for) {
    Difference found;
    for (const auto& key : schema()) {
        if (key.write == nullptr) continue;
        const auto before = value_of(key, running);
        const auto after = value_of(key, wanted);
        if (before == after) continue;
        Change change{key.path, on_one_line(before), on_one_line(after)};
        auto why = obstacle(key, running, wanted, made_for);
        if (key.reload == Reload::No || !why.empty())
            found.fixed.push_back({std::move(change), std::move(why)});
        else
            found.changes.push_back(std::move(change));
    }
    return found;
}

void keep_choices(Config& wanted, const Config& running) {
    if (wanted.mycelium.derives_prefix && running.profile == Profile::Mycelium) {
        wanted.translator.prefix = running.translator.prefix;
        wanted.napt.prefix = running.napt.prefix;
        wanted.mycelium.derives_prefix = running.mycelium.derives_prefix;
    }
    if (wanted.napt_mode == NaptMode::Kernel && !wanted.napt.inner_pool &&
        running.napt.inner_pool)
        use_inner_pool(wanted, *running.napt.inner_pool);
    if (!wanted.translator.gateway6) wanted.translator.gateway6 = running.translator.gateway6;
}

std::string to_string(const Change& change) {
    return fmt::format("{}: {} -> {}", change.key, change.before, change.after);
}

std::string to_string(const std::vector<FixedChange>& fixed) {
    std::string text;
    for (const auto& [change, why] : fixed)
        text += fmt::format("{}{} cannot change while nat64 runs{}{}: restart needed",
                            text.empty() ? "" : "\n",
                            to_string(change),
                            why.empty() ? "" : ", because ",
                            why);
    return text;
}

} // namespace nat64::config
