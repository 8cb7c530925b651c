// SPDX-License-Identifier: Apache-2.0
// Prints along the schema. Keys that are left unset stand there as comments.
#include "config/print.hpp"

#include "config/schema.hpp"

#include <fmt/format.h>

namespace nat64::config {

namespace {

/// "ipv4: 192.0.2.1  # taken out of the pool"
std::string line(std::string_view name, const Written& written) {
    const auto* const space = written.value.starts_with('\n') ? "" : " ";
    const auto comment = written.comment.empty() ? "" : "  # " + written.comment;
    return fmt::format("{}:{}{}{}\n", name, space, written.value, comment);
}

} // namespace

std::string print(const Config& config) {
    std::string text;
    std::string_view open; ///< the map whose header was written last
    for (const auto& key : schema()) {
        if (key.write == nullptr || !is_honoured(key, config)) continue;
        const auto written = key.write(config);
        if (written.value.empty()) {
            text += fmt::format("# {}: {}\n", key.path, written.comment);
            continue;
        }
        const auto dot = key.path.find('.');
        if (dot == std::string_view::npos) {
            text += line(key.path, written);
            continue;
        }
        const auto map = key.path.substr(0, dot);
        if (map != open) text += fmt::format("{}:\n", map);
        open = map;
        text += "  " + line(key.path.substr(dot + 1), written);
    }
    return text;
}

} // namespace nat64::config
