// SPDX-License-Identifier: Apache-2.0
#include "core/pool/client_table.hpp"

#include <algorithm>

namespace nat64::pool {

namespace {

// Tokens are tenths of a session, so that a tick of 100 ms brings as many as the rate says.
constexpr std::uint32_t kTokensPerSession = 10;

constexpr bool reached(std::uint32_t count, std::uint32_t limit) noexcept {
    return limit != 0 && count >= limit;
}

// The bucket holds what one second brings.
std::uint32_t full_bucket(const Limits& limits) noexcept {
    return std::min(limits.new_sessions_per_second, 100'000'000U) * kTokensPerSession;
}

void top_up(Client& client, const Limits& limits, Tick now) noexcept {
    const std::uint64_t ticks = now.count() - client.filled.count();
    const auto tokens = client.tokens + ticks * limits.new_sessions_per_second;
    client.tokens =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(tokens, full_bucket(limits)));
    client.filled = now;
}

// Half of a limit, but never none (0) for some.
constexpr std::uint32_t half(std::uint32_t limit) noexcept {
    return limit / 2 + limit % 2;
}

// RFC 6146 §5.3: what outsiders can make the translator keep. They use no port of the
// client's: those are bound already, or of a whole host.
std::optional<DropReason>
charge_inbound(const Opened& inbound, const Limits& limits, Demand demand) noexcept {
    if (reached(inbound.sessions, half(limits.sessions_per_client)))
        return DropReason::ClientSessionLimit;
    if (demand.half_open && reached(inbound.half_open, half(limits.half_open_per_client)))
        return DropReason::ClientHalfOpenLimit;
    return std::nullopt;
}

} // namespace

ClientTable::ClientTable(std::size_t capacity, unsigned prefix_length, Rng& rng)
    : prefix_length_{prefix_length}, hash_{rng}, index_{capacity}, records_{capacity} {}

std::uint64_t ClientTable::hash_of(const Ipv6Addr& prefix) const noexcept {
    return hash_(prefix.high(), prefix.low(), 0);
}

std::uint64_t ClientTable::hash(const Ipv6Addr& client6) const noexcept {
    return hash_of(prefix_length_ == 128 ? client6 : client6.truncated(prefix_length_));
}

std::uint32_t ClientTable::obtain(const Ipv6Addr& client6,
                                  std::uint64_t hash,
                                  const Limits& limits,
                                  Tick now) noexcept {
    const auto prefix = prefix_length_ == 128 ? client6 : client6.truncated(prefix_length_);
    const auto found = index_.find(hash, [&](std::uint32_t id) {
        return records_[id].prefix.low() == prefix.low() &&
               records_[id].prefix.high() == prefix.high();
    });
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
    records_[id].tokens = full_bucket(limits);
    records_[id].filled = now;
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
charge(Client& client, const Limits& limits, Demand demand, Tick now) noexcept {
    if (demand.inbound) return charge_inbound(client.inbound, limits, demand);
    if (reached(client.own.sessions, limits.sessions_per_client))
        return DropReason::ClientSessionLimit;
    if (demand.port && reached(client.ports, limits.ports_per_client))
        return DropReason::ClientPortLimit;
    if (demand.half_open && reached(client.own.half_open, limits.half_open_per_client))
        return DropReason::ClientHalfOpenLimit;
    if (limits.new_sessions_per_second == 0) return std::nullopt;
    top_up(client, limits, now);
    if (client.tokens < kTokensPerSession) return DropReason::ClientRateLimit;
    client.tokens -= kTokensPerSession;
    return std::nullopt;
}

} // namespace nat64::pool
