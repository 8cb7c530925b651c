// SPDX-License-Identifier: Apache-2.0
// The simulated Internet as its operator handles it: other settings, those that are refused,
// sessions ended. After each of them everything is inspected.
#include "tests/oracle/expect.hpp"
#include "tests/simulation/internet.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>

namespace nat64::simulation {

using oracle::expect;

/// Each part by itself: what one does must not depend on another one.
void Internet::reload(const InForce& wanted) {
    const bool other_rules = wanted.rules != in_force_.rules;
    in_force_ = wanted;
    in_force_.since = now_;
    in_force_.translator.prefix = in_force_.napt.prefix;
    std::ranges::sort(in_force_.napt.statics);
    std::ranges::sort(in_force_.napt.withheld);
    auto settings = in_force_.napt;
    expect(backend_->apply(settings, now_).empty(), "a change that is possible is refused");
    if (other_rules)
        backend_->exchange_policy(
            std::make_shared<const Policy>(in_force_.rules.settings(), std::span<Ipv4Addr>{}));
    translator_.apply(in_force_.translator);
    book_->changed();
    ++tally_.reloads;
    inspect();
}

void Internet::reload_refused() {
    auto settings = in_force_.napt;
    settings.prefix = *rfc6052::Nat64Prefix::from(*Prefix6::parse("2001:db8:64::/96"));
    settings.timeouts.udp = std::chrono::hours{1};
    settings.statics.clear();
    const auto fixed = backend_->apply(settings, now_);
    expect(std::ranges::find(fixed, "prefix") != fixed.end(), "another prefix is not refused");
    inspect();
}

void Internet::end_sessions(const Prefix6& clients) {
    in_force_.flushing = Filter{};
    in_force_.flushing->client = clients;
    Flushed flushed;
    const auto before = book_->sessions();
    for (std::optional<Cursor> cursor = 0; cursor;)
        cursor = backend_->flush(*cursor, *in_force_.flushing, Budget{}, now_, flushed);
    in_force_.flushing.reset();
    expect(before - book_->sessions() == flushed.sessions, "sessions ended are not as told");
    inspect();
}

} // namespace nat64::simulation
