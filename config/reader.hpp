// SPDX-License-Identifier: Apache-2.0
// Walks the YAML tree along the schema: finds each key's row, refuses unknown and not yet
// supported keys, and hands values to the row's read function. Problems are collected, so that
// one run shows them all. What single values look like is config/readers', rules between keys
// are config/cross_checks'.
#pragma once

#include "config/config.hpp"
#include "config/config_error.hpp"
#include "config/schema.hpp"
#include "config/yaml_tree.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::config {

/// What has been read so far. Fields beside `config` are for what a later key or a cross-check
/// decides.
struct Draft {
    struct PrefixParts {
        std::optional<Prefix6> within;
        std::optional<std::string> suffix;
    };

    struct Pool {
        std::optional<Prefix4> address;
        PortRange ports;
    };

    /// Port 0: none was given.
    struct Static {
        std::optional<L4Proto> protocol;
        std::optional<Endpoint6> ipv6;
        std::optional<Endpoint4> ipv4;
    };

    struct Rule {
        std::optional<Prefix4> prefix;
        std::optional<L4Proto> protocol;
        std::optional<PortRange> ports;
    };

    Config config;
    std::optional<NaptMode> napt;
    std::optional<Ipv4Addr> gateway;
    bool timeouts_unsafe = false;
    PrefixParts prefix_parts; ///< of the {within, suffix} being read
    Pool pool_item;           ///< the item being read
    Static static_item;       ///< the item being read
    Rule rule;                ///< the item being read
};

class Reader {
public:
    explicit Reader(std::filesystem::path file);

    Draft draft;

    /// Reads the entries of `node`, whose keys stand below `parent` in the schema and below
    /// `shown` for the person ("pool[]" and "pool[1]").
    void read_map(const Node& node, std::string_view parent, std::string_view shown);

    /// Reads each item of a list by `read_item`, with the path set to "pool[i]".
    void read_list(const Node& node,
                   const std::function<void(const Node&, const std::string& path)>& read_item);

    /// A problem with the key being read; the remedy is what its row says may be written.
    void complain(const Node& node, std::string what);
    void complain(const Node& node, std::string what, std::string remedy);

    /// A problem with a key by its shown path, at the place where it was read if it was.
    void complain_about(const std::string& path, std::string what, std::string remedy);

    /// Does the file have this key? By its shown path.
    [[nodiscard]] bool was_given(std::string_view path) const { return places_.contains(path); }

    [[nodiscard]] std::size_t problem_count() const noexcept { return problems_.size(); }

    void throw_problems() const;

private:
    void read_entry(const Node& entry, std::string_view parent, std::string_view shown);
    void refuse_unknown(const Node& entry, std::string_view parent);
    void refuse_not_yet(const Node& entry, const Key& key);
    void add(Mark mark, const std::string& path, std::string what, std::string remedy);

    std::filesystem::path file_;
    std::vector<Problem> problems_;
    std::map<std::string, Mark, std::less<>> places_;
    std::string path_; ///< of the key being read, as shown
    const Key* key_ = nullptr;
};

} // namespace nat64::config
