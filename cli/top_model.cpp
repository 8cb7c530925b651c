// SPDX-License-Identifier: Apache-2.0
// All rates are differences of counters that only grow while a daemon lives.
#include "cli/top_model.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace nat64::cli {

namespace {

struct Sums {
    DirectionTotals outbound;
    DirectionTotals inbound;
    double begun = 0;
};

Sums sums(const Sample& sample) {
    Sums all;
    for (const ProtocolTotals& protocol : sample.protocols) {
        all.outbound.packets += protocol.outbound.packets;
        all.outbound.bytes += protocol.outbound.bytes;
        all.inbound.packets += protocol.inbound.packets;
        all.inbound.bytes += protocol.inbound.bytes;
        all.begun +=
            sample.shares_own_address() ? protocol.bindings_created : protocol.sessions_created;
    }
    return all;
}

bool is_another_daemon(const Sample& before, const Sample& now) {
    return before.pid != now.pid || now.uptime < before.uptime ||
           now.received < before.received;
}

double rate(double before, double now, double seconds) {
    return std::max(now - before, 0.0) / seconds;
}

/// How many packets this reason had dropped; none if it was not heard of.
double dropped_before(const Sample& before, const std::string& reason) {
    const auto found = std::ranges::find(before.drops, reason, &DropTotal::reason);
    return found == before.drops.end() ? 0 : found->packets;
}

} // namespace

void History::push(double value) {
    if (values_.size() == kLongest) values_.pop_front();
    values_.push_back(value);
}

double History::peak() const {
    return values_.empty() ? 0 : std::ranges::max(values_);
}

void TopModel::take(Sample sample) {
    lost_.clear();
    drops_.clear();
    for (const DropTotal& total : sample.drops)
        drops_.push_back({total, 0});
    if (sample_ && is_another_daemon(*sample_, sample)) {
        sample_.reset();
        rates_.reset();
        for (History* history : {&outbound_, &inbound_, &begun_})
            history->clear();
    }
    if (sample_) {
        const double seconds =
            std::chrono::duration<double>{sample.when - sample_->when}.count();
        if (seconds > 0) compare(*sample_, sample, seconds);
    }
    std::ranges::stable_sort(drops_, [](const DropRate& a, const DropRate& b) {
        return std::tie(a.rate, a.total.packets) > std::tie(b.rate, b.total.packets);
    });
    sample_ = std::move(sample);
}

void TopModel::compare(const Sample& before, const Sample& now, double seconds) {
    const Sums old = sums(before);
    const Sums fresh = sums(now);
    const Rates rates{
        .outbound_packets = rate(old.outbound.packets, fresh.outbound.packets, seconds),
        .outbound_bits = 8 * rate(old.outbound.bytes, fresh.outbound.bytes, seconds),
        .inbound_packets = rate(old.inbound.packets, fresh.inbound.packets, seconds),
        .inbound_bits = 8 * rate(old.inbound.bytes, fresh.inbound.bytes, seconds),
        .begun = rate(old.begun, fresh.begun, seconds),
        .dropped = rate(before.dropped, now.dropped, seconds)};
    for (DropRate& drop : drops_)
        drop.rate =
            rate(dropped_before(before, drop.total.reason), drop.total.packets, seconds);
    outbound_.push(rates.outbound_bits);
    inbound_.push(rates.inbound_bits);
    begun_.push(rates.begun);
    rates_ = rates;
}

} // namespace nat64::cli
