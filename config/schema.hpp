// SPDX-License-Identifier: Apache-2.0
// Every configuration key there is, as one table: what it is called, what it may be, its
// default, what it means, whether a reload may change it, whether this version honours it, and
// which functions read and write it. The loader walks the file by this table, the printer
// prints by it, and reference pages are made from it. Rules between keys are not here
// (config/cross_checks).
#pragma once

#include "config/config.hpp"
#include "config/yaml_tree.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nat64::config {

class Reader;

enum class Type : std::uint8_t {
    Map,
    List,
    Integer,
    Boolean,
    Choice, ///< one of the words in `values`
    Duration,
    Text,
    Address4,
    Address6,
    Prefix4,
    Prefix6,
    Ports,
    Endpoint4,
    Endpoint6
};

/// May `nat64 reload` change it in a running daemon?
enum class Reload : std::uint8_t { Yes, No };

/// NotYet: known, but refused by name unless it says exactly what happens anyway.
enum class Support : std::uint8_t { Works, NotYet };

/// Which values of `napt` or `profile` honour a key; with others it is refused by name, and
/// not printed.
enum class Honoured : std::uint8_t { Always, ByDaemon, ByKernel, ByMycelium };

/// Must a map that may have this key have it?
enum class Presence : std::uint8_t { Optional, Required };

/// A key as the printer writes it: a YAML value, or a comment when it has none.
struct Written {
    std::string value;
    std::string comment;
};

struct Key {
    std::string_view path{}; ///< "limits.sessions"; "pool[].ports" for keys of list items
    Type type = Type::Text;
    std::string_view values{};       ///< what may be written, for a person; integers: "1 to 9"
    std::string_view default_text{}; ///< as it would stand in the file; empty: none
    std::string_view help{};
    Reload reload = Reload::No;
    Support support = Support::Works;
    Honoured honoured = Honoured::Always;
    Presence presence = Presence::Optional;
    Type item = Type::Map; ///< of a list: what an item is when it is not a map
    /// Puts the value into the draft or complains; null for maps and for NotYet.
    void (*read)(const Node& node, Reader& reader) = nullptr;
    /// The effective value; null for maps, for keys of list items and for NotYet.
    Written (*write)(const Config& config) = nullptr;
};

/// Does the key mean anything with this `napt` and `profile`?
[[nodiscard]] bool is_honoured(const Key& key, const Config& config) noexcept;

/// In the order in which they are printed.
[[nodiscard]] std::span<const Key> schema() noexcept;

/// nullptr if there is no such key. `path` is a schema path.
[[nodiscard]] const Key* find_key(std::string_view path) noexcept;

/// The key below `parent` (empty: top level) that a person who typed `name` probably meant, as
/// a name without parent; empty if none is near.
[[nodiscard]] std::string_view nearest_key(std::string_view parent, std::string_view name);

} // namespace nat64::config
