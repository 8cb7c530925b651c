// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/parcels.hpp"

#include "tests/support/check_packet.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/reassemble.hpp"

#include <algorithm>
#include <chrono>

namespace nat64::simulation {

namespace {

/// Longer than the slowest sender takes for all its pieces.
constexpr auto kForgotten = std::chrono::minutes{5};

} // namespace

bool Parcel::all_sent() const {
    return std::ranges::all_of(sent, [](bool piece) { return piece; });
}

bool Parcel::decides(std::size_t piece) const {
    if (!needs_whole) return piece == 0;
    auto others = sent;
    others[piece] = true;
    return std::ranges::all_of(others, [](bool there) { return there; });
}

/// A piece that was sent twice may arrive twice.
std::string Parcel::take(test::View bytes) {
    const auto same = [&](const auto& other) { return std::ranges::equal(other, bytes); };
    if (std::ranges::any_of(arrived, same)) return {};
    arrived.emplace_back(bytes.begin(), bytes.end());
    auto packet = std::optional{arrived.front()};
    if (test::read_layout(bytes).is_fragment()) packet = test::reassemble(arrived);
    if (!packet) return {};
    whole = true;
    const test::View joined{*packet};
    if (const auto bad = test::check_packet(joined); !bad.empty()) return bad;
    const auto layout = test::read_layout(joined);
    const auto header = shipment.protocol == L4Proto::Tcp ? 20U : 8U;
    if (!std::ranges::equal(joined.subspan(layout.transport + header), payload))
        return "not what was sent";
    return {};
}

Parcel& Parcels::add(std::uint16_t number, Parcel parcel, Clock::time_point now) {
    for (; !ages_.empty() && now - ages_.front().first > kForgotten; ages_.pop_front())
        parcels_.erase(ages_.front().second);
    ages_.emplace_back(now, number);
    return parcels_[number] = std::move(parcel);
}

Parcel* Parcels::find(std::uint32_t number) {
    const auto found = parcels_.find(number);
    return found == parcels_.end() ? nullptr : &found->second;
}

} // namespace nat64::simulation
