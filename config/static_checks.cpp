// SPDX-License-Identifier: Apache-2.0
// Each entry is checked by itself, then against those before it.
#include "config/static_checks.hpp"

#include "config/config.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/special_addresses.hpp"
#include "core/net/transport.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace nat64::config {

namespace {

std::string static_path(std::size_t index) {
    return fmt::format("static[{}]", index);
}

bool is_whole_host(const StaticItem& item) {
    return !item.protocol.has_value();
}

/// One side's transport addresses and hosts that entries have taken so far.
template <typename Address, typename Endpoint>
class Taken {
public:
    /// The entry that stands in the way of `item`, or nothing and `endpoint` is taken.
    std::optional<std::size_t>
    take(const StaticItem& item, const Endpoint& endpoint, std::size_t index) {
        if (const auto whole = hosts_.find(endpoint.address); whole != hosts_.end())
            return whole->second;
        if (!item.protocol) {
            hosts_.emplace(endpoint.address, index);
            const auto ported = ported_.find(endpoint.address);
            return ported == ported_.end() ? std::nullopt : std::optional{ported->second};
        }
        ported_.emplace(endpoint.address, index);
        const auto [place, fresh] =
            endpoints_.emplace(std::pair{*item.protocol, endpoint}, index);
        return fresh ? std::nullopt : std::optional{place->second};
    }

private:
    std::map<Address, std::size_t> hosts_;
    std::map<Address, std::size_t> ported_;
    std::map<std::pair<L4Proto, Endpoint>, std::size_t> endpoints_;
};

/// The pool by address, to look entries up in.
class SortedPool {
public:
    explicit SortedPool(std::vector<PoolItem> items) : items_{std::move(items)} {
        std::ranges::sort(items_, {}, &PoolItem::prefix);
    }

    [[nodiscard]] const PoolItem* find(Ipv4Addr address) const {
        auto next = std::ranges::upper_bound(
            items_, address, {}, [](const PoolItem& item) { return item.prefix.address(); });
        if (next == items_.begin()) return nullptr;
        --next;
        return next->prefix.contains(address) ? &*next : nullptr;
    }

private:
    std::vector<PoolItem> items_;
};

void check_mapped(Reader& reader,
                  const StaticItem& item,
                  const std::string& path,
                  const SortedPool& pool) {
    const auto address = item.mapped4.address;
    const auto key = path + ".ipv4";
    const auto* const place = pool.find(address);
    if (place == nullptr)
        return reader.complain_about(key,
                                     fmt::format("{} is not in the pool", address.to_string()),
                                     "use a pool address, or add it to `pool:`");
    if (std::ranges::count(reader.draft.config.napt.reserved, address) != 0)
        return reader.complain_about(
            key,
            fmt::format("{} is gateway.ipv4, which is taken out of the pool",
                        address.to_string()),
            "use another pool address");
    if (is_whole_host(item) && place->ports != PortRange{})
        return reader.complain_about(
            key,
            "a whole host needs all ports of its address, and the pool "
            "has some of them only",
            "use an address without `ports`");
    if (!is_whole_host(item) && !place->ports.contains(item.mapped4.port))
        reader.complain_about(key,
                              fmt::format("port {} is not among the pool's {}-{}",
                                          item.mapped4.port.value(),
                                          place->ports.first.value(),
                                          place->ports.last.value()),
                              "use one of those");
}

void check_inner(Reader& reader, const StaticItem& item, const std::string& path) {
    const auto& settings = reader.draft.config.napt;
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): no statics are checked without one
    const auto& pool = *settings.inner_pool;
    const auto address = item.mapped4.address;
    if (!is_whole_host(item))
        return reader.complain_about(path + ".protocol",
                                     "ports are conntrack's with napt: kernel",
                                     "give a whole host its inner address with {ipv6, ipv4}, "
                                     "and forward ports to that with nftables");
    const auto offset = address.bits() - pool.address().bits();
    if (!pool.contains(address) || offset == 0 || offset == pool.size() - 1 ||
        std::ranges::count(settings.reserved, address) != 0)
        reader.complain_about(
            path + ".ipv4",
            fmt::format("{} is not an address that inner_pool has for hosts",
                        address.to_string()),
            fmt::format("use one of {}, not its first two or its last", pool.to_string()));
}

void check_client(Reader& reader, const StaticItem& item, const std::string& path) {
    const auto& address = item.client6.address;
    const auto& prefix = reader.draft.config.translator.prefix;
    if (!is_illegal_source(address) && !prefix.contains(address)) return;
    reader.complain_about(path + ".ipv6",
                          fmt::format("{} cannot be the address of an IPv6 host behind this "
                                      "translator",
                                      address.to_string()),
                          "give the host's own global address");
}

} // namespace

void check_statics(Reader& reader) {
    const auto& settings = reader.draft.config.napt;
    const SortedPool pool{settings.pool};
    Taken<Ipv4Addr, Endpoint4> taken4;
    Taken<Ipv6Addr, Endpoint6> taken6;
    for (std::size_t i = 0; i < settings.statics.size(); ++i) {
        const auto& item = settings.statics[i];
        const auto path = static_path(i);
        if (reader.draft.config.napt_mode == NaptMode::Kernel)
            check_inner(reader, item, path);
        else
            check_mapped(reader, item, path, pool);
        check_client(reader, item, path);
        auto other = taken4.take(item, item.mapped4, i);
        const auto other6 = taken6.take(item, item.client6, i);
        const auto contested =
            other ? item.mapped4.address.to_string() : item.client6.address.to_string();
        if (!other) other = other6;
        if (other)
            reader.complain_about(
                path,
                fmt::format("contradicts {} about {}: a transport address has one binding, and "
                            "a whole host leaves nothing to others",
                            static_path(*other),
                            contested),
                "remove one of the two");
    }
}

} // namespace nat64::config
