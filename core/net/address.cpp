// SPDX-License-Identifier: Apache-2.0
// Text forms of addresses and prefixes: strict readers (RFC 4291 §2.2; dotted quads without
// leading zeros, which some programs take for octal) and the canonical writer of RFC 5952 §4.
// Control path only; may allocate.
#include "core/net/address.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nat64 {

namespace {

/// A decimal number without sign or leading zeros, at most `limit`.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned limit) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return {};
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return {};
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= limit ? std::optional{value} : std::nullopt;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return {};
}

/// One to four hexadecimal digits.
std::optional<std::uint16_t> parse_group(std::string_view text) {
    if (text.empty() || text.size() > 4) return {};
    unsigned value = 0;
    for (const char c : text) {
        const auto digit = hex_digit(c);
        if (!digit) return {};
        value = value << 4 | *digit;
    }
    return static_cast<std::uint16_t>(value);
}

using Groups = std::array<std::uint16_t, 8>;

/// Up to eight 16-bit groups separated by colons, the last two perhaps as a dotted quad.
class GroupReader {
public:
    /// Reads all of `text`; an empty text is no groups. False if it is malformed.
    bool read(std::string_view text) {
        while (!text.empty()) {
            const auto colon = text.find(':');
            const auto group = text.substr(0, colon);
            const bool last = colon == std::string_view::npos;
            if (!(last && group.contains('.') ? add_quad(group) : add_group(group)))
                return false;
            if (last) return true;
            text.remove_prefix(colon + 1);
            if (text.empty()) return false;
        }
        return true;
    }

    [[nodiscard]] std::size_t count() const { return count_; }

    [[nodiscard]] std::uint16_t operator[](std::size_t i) const { return groups_[i]; }

private:
    bool add_group(std::string_view text) {
        const auto value = parse_group(text);
        if (!value || count_ == groups_.size()) return false;
        groups_[count_++] = *value;
        return true;
    }

    bool add_quad(std::string_view text) {
        const auto v4 = Ipv4Addr::parse(text);
        if (!v4 || count_ + 2 > groups_.size()) return false;
        groups_[count_++] = static_cast<std::uint16_t>(v4->bits() >> 16);
        groups_[count_++] = static_cast<std::uint16_t>(v4->bits() & 0xffff);
        return true;
    }

    Groups groups_{};
    std::size_t count_ = 0;
};

Groups groups_of(const Ipv6Addr& a) {
    Groups groups{};
    for (std::size_t i = 0; i < groups.size(); ++i)
        groups[i] = static_cast<std::uint16_t>(a.bytes()[2 * i] << 8 | a.bytes()[2 * i + 1]);
    return groups;
}

struct Run {
    std::size_t begin = 8;
    std::size_t length = 0;
};

/// RFC 5952 §4.2: the first of the longest runs of at least two zero groups.
Run longest_zero_run(const Groups& groups) {
    Run best;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        std::size_t n = 0;
        while (i + n < groups.size() && groups[i + n] == 0)
            ++n;
        if (n >= 2 && n > best.length) best = {.begin = i, .length = n};
    }
    return best;
}

void append_groups(std::string& text, const Groups& groups, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
        std::array<char, 4> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + 4, groups[i], 16).ptr;
        if (i != from) text += ':';
        text.append(digits.data(), end);
    }
}

/// "address/length", or an address alone for a full-length prefix.
template <typename Prefix, typename Address>
std::optional<Prefix> parse_prefix(std::string_view text, unsigned full) {
    const auto slash = text.find('/');
    const auto address = Address::parse(text.substr(0, slash));
    if (!address) return {};
    if (slash == std::string_view::npos) return Prefix{*address, full};
    const auto length = parse_decimal(text.substr(slash + 1), full);
    if (!length) return {};
    const Prefix prefix{*address, *length};
    return prefix.address() == *address ? std::optional{prefix} : std::nullopt;
}

} // namespace

std::optional<Ipv4Addr> Ipv4Addr::parse(std::string_view text) {
    std::uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) {
        const auto dot = i < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos) return {};
        const auto octet = parse_decimal(text.substr(0, dot), 255);
        if (!octet) return {};
        bits = bits << 8 | *octet;
        if (i < 3) text.remove_prefix(dot + 1);
    }
    return Ipv4Addr{bits};
}

std::string Ipv4Addr::to_string() const {
    const auto octet = [this](unsigned shift) { return std::to_string(bits_ >> shift & 0xff); };
    return octet(24) + '.' + octet(16) + '.' + octet(8) + '.' + octet(0);
}

std::optional<Ipv6Addr> Ipv6Addr::parse(std::string_view text) {
    const auto gap = text.find("::");
    GroupReader front;
    GroupReader back;
    if (gap == std::string_view::npos) {
        if (!front.read(text) || front.count() != 8) return {};
    } else {
        const auto head = text.substr(0, gap);
        if (head.contains('.') || !front.read(head) || !back.read(text.substr(gap + 2)))
            return {};
        if (front.count() + back.count() > 7) return {};
    }
    Bytes bytes{};
    const auto put = [&bytes](std::size_t group, std::uint16_t value) {
        bytes[2 * group] = static_cast<std::uint8_t>(value >> 8);
        bytes[2 * group + 1] = static_cast<std::uint8_t>(value & 0xff);
    };
    for (std::size_t i = 0; i < front.count(); ++i)
        put(i, front[i]);
    for (std::size_t i = 0; i < back.count(); ++i)
        put(8 - back.count() + i, back[i]);
    return Ipv6Addr{bytes};
}

std::string Ipv6Addr::to_string() const {
    const auto groups = groups_of(*this);
    const auto run = longest_zero_run(groups);
    const bool mapped = run.begin == 0 && run.length == 5 && groups[5] == 0xffff;
    const bool compatible = run.begin == 0 && run.length == 6;
    if (mapped || compatible) {
        const Ipv4Addr quad{std::uint32_t{groups[6]} << 16 | groups[7]};
        return (mapped ? "::ffff:" : "::") + quad.to_string();
    }
    std::string text;
    append_groups(text, groups, 0, run.begin);
    if (run.length != 0) {
        text += "::";
        append_groups(text, groups, run.begin + run.length, groups.size());
    }
    return text;
}

std::optional<Prefix4> Prefix4::parse(std::string_view text) {
    return parse_prefix<Prefix4, Ipv4Addr>(text, 32);
}

std::string Prefix4::to_string() const {
    return address_.to_string() + '/' + std::to_string(length_);
}

std::optional<Prefix6> Prefix6::parse(std::string_view text) {
    return parse_prefix<Prefix6, Ipv6Addr>(text, 128);
}

std::string Prefix6::to_string() const {
    return address_.to_string() + '/' + std::to_string(length_);
}

} // namespace nat64
