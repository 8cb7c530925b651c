// SPDX-License-Identifier: Apache-2.0
#include "core/pool/port_set.hpp"

#include <bit>
#include <cassert>
#include <cstddef>

namespace nat64::pool {

namespace {

// RFC 4787 §4.2.1 REQ-3 a): ports 0-1023 are one range, 1024-65535 the other. In each plane
// these are the first eight words and all others.
constexpr std::size_t kLowWords = 512 / 64;
constexpr std::size_t kWords = PortPlane{}.size();

struct Place {
    unsigned parity;
    std::size_t word;
    unsigned bit;

    explicit Place(Port port) noexcept
        : parity{port.value() & 1U}, word{port.value() / 128U}, bit{port.value() / 2U % 64U} {}

    Place(unsigned parity_, std::size_t word_, unsigned bit_) noexcept
        : parity{parity_}, word{word_}, bit{bit_} {}

    [[nodiscard]] std::uint64_t mask() const noexcept { return std::uint64_t{1} << bit; }

    [[nodiscard]] Port port() const noexcept {
        return Port{static_cast<std::uint16_t>(word * 128 + std::size_t{bit} * 2 + parity)};
    }
};

constexpr std::size_t
random_word(std::uint64_t random, std::size_t first, std::size_t words) noexcept {
    return first + (((random >> 32) * words) >> 32);
}

bool test(const std::array<PortPlane, 2>& planes, const Place& at) noexcept {
    return (planes[at.parity][at.word] & at.mask()) != 0;
}

// The lowest set bit of `bits` at or behind `start`, going round.
unsigned bit_from(std::uint64_t bits, unsigned start) noexcept {
    const auto turned = std::rotr(bits, static_cast<int>(start));
    return (start + static_cast<unsigned>(std::countr_zero(turned))) % 64;
}

} // namespace

PortMask::PortMask(std::span<const PortRange> ranges) noexcept {
    for (const auto& range : ranges)
        for (std::uint32_t p = range.first.value(); p <= range.last.value(); ++p) {
            const Place at{Port{static_cast<std::uint16_t>(p)}};
            if (test(allowed_, at)) continue;
            allowed_[at.parity][at.word] |= at.mask();
            nonempty_[at.parity][at.word / 64] |= std::uint64_t{1} << at.word % 64;
            ++count_;
        }
}

bool PortMask::contains(Port port) const noexcept {
    return test(allowed_, Place{port});
}

void PortSet::update_summary(const PortMask& mask, unsigned parity, std::size_t word) noexcept {
    auto& summary = full_[parity][word / 64];
    const auto bit = std::uint64_t{1} << word % 64;
    summary = available(mask, parity, word) == 0 ? summary | bit : summary & ~bit;
}

// Of the high range, where nearly all clients' ports are; its two parities are neighbours.
Port PortSet::prefetch_allocate() const noexcept {
    const auto word = random_word(planned_, kLowWords, kWords - kLowWords);
    __builtin_prefetch(&unavailable_[0][word], 1);
    __builtin_prefetch(&unavailable_[1][word], 1);
    return Place{0, word, static_cast<unsigned>(planned_ & 63)}.port();
}

void PortSet::prefetch_release(Port port) const noexcept {
    const Place at{port};
    __builtin_prefetch(&held_[young_].planes[at.parity][at.word], 1);
}

// A port among `words` words from `first`: a random word, then the next one that has any.
std::optional<Port> PortSet::search(const PortMask& mask,
                                    unsigned parity,
                                    std::size_t first,
                                    std::size_t words,
                                    std::uint64_t random) const noexcept {
    const auto start_bit = static_cast<unsigned>(random & 63);
    const auto start = random_word(random, first, words);
    const auto port_in = [&](std::size_t word) {
        const auto bits = available(mask, parity, word);
        return Place{parity, word, bit_from(bits, start_bit)}.port();
    };
    if (available(mask, parity, start) != 0) return port_in(start);
    // Nine looks at the summary: the part behind `start`, the other words, the part before it.
    for (std::size_t i = 0; i <= PlaneSummary{}.size(); ++i) {
        const auto at = (start / 64 + i) % PlaneSummary{}.size();
        auto open = mask.nonempty_[parity][at] & ~full_[parity][at];
        if (at == 0) open &= first == 0 ? (1U << kLowWords) - 1 : ~((1ULL << kLowWords) - 1);
        if (first == 0 && at != 0) continue;
        if (i == 0) open &= ~std::uint64_t{0} << start % 64;
        if (open != 0)
            return port_in(at * 64 + static_cast<std::size_t>(std::countr_zero(open)));
    }
    return std::nullopt;
}

// RFC 6146 §3.5.1.1 and §3.5.2.3: range and parity SHOULD be those of the client's port; that
// there are none left of a kind is no reason to refuse. ICMP identifiers have neither.
std::optional<Port> PortSet::pick(const PortMask& mask,
                                  L4Proto protocol,
                                  Port client,
                                  std::uint64_t random) const noexcept {
    const bool icmp = protocol == L4Proto::Icmp;
    const bool low = !icmp && client.value() < 1024;
    const auto parity = icmp ? static_cast<unsigned>(random >> 6 & 1)
                             : static_cast<unsigned>(client.value() & 1);
    for (const bool low_range : {low, !low})
        for (const auto p : {parity, parity ^ 1}) {
            const auto port = low_range
                                  ? search(mask, p, 0, kLowWords, random)
                                  : search(mask, p, kLowWords, kWords - kLowWords, random);
            if (port) return port;
        }
    return std::nullopt;
}

std::optional<Port> PortSet::allocate(
    const PortMask& mask, L4Proto protocol, Port client, Tick now, Rng& rng) noexcept {
    age(mask, now);
    if (protocol == L4Proto::Tcp) {
        if (exhausted(mask)) forget(mask, held_[young_ ^ 1]);
        if (exhausted(mask)) forget(mask, held_[young_]);
    }
    if (exhausted(mask)) return std::nullopt;
    const auto port = pick(mask, protocol, client, planned_ != 0 ? planned_ : rng.next());
    planned_ = rng.next();
    assert(port);
    if (!port) return std::nullopt;
    const Place at{*port};
    unavailable_[at.parity][at.word] |= at.mask();
    ++used_count_;
    update_summary(mask, at.parity, at.word);
    return port;
}

bool PortSet::take(const PortMask& mask, Port port) noexcept {
    if (in_use(port)) return false;
    const Place at{port};
    for (auto& held : held_)
        if (test(held.planes, at)) {
            held.planes[at.parity][at.word] &= ~at.mask();
            --held.count;
        }
    unavailable_[at.parity][at.word] |= at.mask();
    if (mask.contains(port)) ++used_count_;
    update_summary(mask, at.parity, at.word);
    return true;
}

void PortSet::release(const PortMask& mask, Port port, Tick now) noexcept {
    age(mask, now);
    const Place at{port};
    if (!mask.contains(port)) {
        unavailable_[at.parity][at.word] &= ~at.mask();
        return;
    }
    --used_count_;
    auto& young = held_[young_];
    young.planes[at.parity][at.word] |= at.mask();
    ++young.count;
}

bool PortSet::in_use(Port port) const noexcept {
    const Place at{port};
    return test(unavailable_, at) && !test(held_[0].planes, at) && !test(held_[1].planes, at);
}

std::uint32_t PortSet::held_back(Tick now) const noexcept {
    const auto elapsed = now.count() - aged_.count();
    const auto young = elapsed < 2 * kHoldBack ? held_[young_].count : 0;
    const auto old = elapsed < kHoldBack ? held_[young_ ^ 1].count : 0;
    return young + old;
}

// Makes the ports of one generation available. Their words may have been full.
void PortSet::forget(const PortMask& mask, Held& held) noexcept {
    if (held.count == 0) return;
    for (unsigned parity = 0; parity < 2; ++parity)
        for (std::size_t word = 0; word < kWords; ++word)
            if (held.planes[parity][word] != 0) {
                unavailable_[parity][word] &= ~held.planes[parity][word];
                held.planes[parity][word] = 0;
                update_summary(mask, parity, word);
            }
    held.count = 0;
}

void PortSet::age(const PortMask& mask, Tick now) noexcept {
    const auto elapsed = now.count() - aged_.count();
    if (elapsed < kHoldBack) return;
    forget(mask, held_[young_ ^ 1]);
    if (elapsed >= 2 * kHoldBack) forget(mask, held_[young_]);
    young_ ^= 1;
    aged_ = elapsed < 2 * kHoldBack ? Tick{aged_.count() + kHoldBack} : now;
}

} // namespace nat64::pool
