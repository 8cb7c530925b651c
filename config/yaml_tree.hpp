// SPDX-License-Identifier: Apache-2.0
// YAML as a plain tree of texts with places, and no more of YAML than a configuration needs.
// Values have no types here: `010`, `yes` and `1.5` are texts, and what a key expects decides
// whether they are right. Refused: anchors, aliases, merge keys, tags, duplicate keys, keys
// that are not plain text, several documents, control characters, deep nesting, huge files.
// yaml-cpp is known to this file's .cpp only.
#pragma once

#include "config/config_error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::config {

inline constexpr std::size_t kMaxFileSize = 1 << 20;
inline constexpr std::size_t kMaxDepth = 8;

enum class NodeKind : std::uint8_t { Null, Scalar, List, Map };

struct Node {
    NodeKind kind = NodeKind::Null;
    bool quoted = false; ///< scalar in quotes: text, whatever it looks like
    Mark mark;
    std::string text;           ///< scalar
    std::string key;            ///< in a map: this entry's key
    Mark key_mark;              ///< in a map: where the key stands
    std::vector<Node> children; ///< items of a list, entries of a map

    [[nodiscard]] bool is_scalar() const noexcept { return kind == NodeKind::Scalar; }

    /// One line of flow style without quotes, for comparing with a neutral value and for
    /// quoting in an error message.
    [[nodiscard]] std::string flow_text() const;
};

/// Parses one document; an empty one is an empty map. Throws ConfigError naming `file`.
[[nodiscard]] Node parse_yaml(std::string_view text, const std::filesystem::path& file);

/// Reads a file of at most kMaxFileSize bytes. Throws ConfigError.
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

} // namespace nat64::config
