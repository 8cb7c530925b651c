// SPDX-License-Identifier: Apache-2.0
#include "core/pool/client_table.hpp"

#include "core/verdict.hpp"

namespace nat64::pool {

namespace {

constexpr bool reached(std::uint32_t count, std::uint32_t limit) noexcept {
    return limit != 0 && count >= limit;
}

// Half of a limit, but never none (0) for some.
constexpr std::uint32_t half(std::uint32_t limit) noexcept {
    return limit / 2 + limit % 2;
}

// RFC 6146 §5.3: what outsiders can make the translator keep. They use no port of the
// client's: those are bound already, or of a whole host.
std::optional<DropReason> charge_inbound(const Opened& inbound,
                                         const Totals& totals,
                                         const Limits& limits,
                                         Demand demand) noexcept {
    if (reached(inbound.sessions, half(limits.sessions_per_client)))
        return DropReason::ClientSessionLimit;
    if (!demand.half_open) return std::nullopt;
    if (reached(inbound.half_open, half(limits.half_open_per_client)))
        return DropReason::ClientHalfOpenLimit;
    if (reached(totals.inbound_half_open, half(limits.half_open)))
        return DropReason::HalfOpenLimit;
    return std::nullopt;
}

// Both buckets are asked before a token is taken from either.
std::optional<DropReason>
charge_rates(Client& client, Totals& totals, const Limits& limits, Tick now) noexcept {
    const auto of_client = limits.new_sessions_per_second;
    const auto in_all = limits.new_sessions_per_second_in_all;
    if (of_client != 0 && !client.bucket.has_one(of_client, now))
        return DropReason::ClientRateLimit;
    if (in_all != 0 && !totals.bucket.has_one(in_all, now)) return DropReason::RateLimit;
    if (of_client != 0) client.bucket.take();
    if (in_all != 0) totals.bucket.take();
    return std::nullopt;
}

} // namespace

ClientTable::ClientTable(std::size_t capacity, unsigned prefix_length, Rng& rng)
    : prefix_length_{prefix_length}, hash_{rng}, index_{capacity}, records_{capacity} {}

std::uint64_t ClientTable::hash_of(const Ipv6Addr& prefix) const noexcept {
    return hash_(prefix.high(), prefix.low(), 0);
}

Ipv6Addr ClientTable::prefix_of(const Ipv6Addr& client6) const noexcept {
    return prefix_length_ == 128 ? client6 : client6.truncated(prefix_length_);
}

std::uint64_t ClientTable::hash(const Ipv6Addr& client6) const noexcept {
    return hash_of(prefix_of(client6));
}

std::uint32_t ClientTable::find_prefix(const Ipv6Addr& prefix,
                                       std::uint64_t hash) const noexcept {
    return index_.find(hash, [&](std::uint32_t id) {
        return records_[id].prefix.low() == prefix.low() &&
               records_[id].prefix.high() == prefix.high();
    });
}

std::uint32_t ClientTable::find(const Ipv6Addr& client6) const noexcept {
    const auto prefix = prefix_of(client6);
    return find_prefix(prefix, hash_of(prefix));
}

std::uint32_t ClientTable::obtain(const Ipv6Addr& client6,
                                  std::uint64_t hash,
                                  const Limits& limits,
                                  Tick now) noexcept {
    const auto prefix = prefix_of(client6);
    const auto found = find_prefix(prefix, hash);
    if (found != kNone) return found;

    const auto id = free_ != kNone ? free_ : fresh_;
    if (id >= records_.size() || !index_.insert(hash, id)) return kNone;
    if (id == free_)
        free_ = records_[id].bindings;
    else
        ++fresh_;
    ++size_;
    records_[id] = {};
    records_[id].prefix = prefix;
    records_[id].bucket = TokenBucket::full(limits.new_sessions_per_second, now);
    records_[id].in_use = true;
    return id;
}

void ClientTable::drop_if_idle(std::uint32_t id) noexcept {
    auto& client = records_[id];
    if (client.bindings != 0) return;
    index_.erase(hash_of(client.prefix), id);
    client.in_use = false;
    client.bindings = free_;
    free_ = id;
    --size_;
}

std::optional<DropReason>
charge(Client& client, Totals& totals, const Limits& limits, Demand demand, Tick now) noexcept {
    if (demand.inbound) return charge_inbound(client.inbound, totals, limits, demand);
    if (reached(client.own.sessions, limits.sessions_per_client))
        return DropReason::ClientSessionLimit;
    if (demand.port && reached(client.ports, limits.ports_per_client))
        return DropReason::ClientPortLimit;
    if (demand.half_open && reached(client.own.half_open, limits.half_open_per_client))
        return DropReason::ClientHalfOpenLimit;
    if (demand.half_open && reached(totals.half_open, limits.half_open))
        return DropReason::HalfOpenLimit;
    return charge_rates(client, totals, limits, now);
}

} // namespace nat64::pool
