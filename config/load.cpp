// SPDX-License-Identifier: Apache-2.0
// The two passes: every key by itself, then the rules between keys.
#include "config/load.hpp"

#include "config/cross_checks.hpp"
#include "config/reader.hpp"
#include "config/yaml_tree.hpp"

#include <utility>

namespace nat64::config {

Config parse(std::string_view text, const std::filesystem::path& file) {
    const auto tree = parse_yaml(text, file);
    if (tree.kind != NodeKind::Map)
        throw ConfigError{{{file,
                            tree.mark,
                            {},
                            "is not a map of keys",
                            "write `key: value` lines, as in `pool: [192.0.2.0/28]`"}}};
    Reader reader{file};
    reader.read_map(tree, {}, {});
    reader.throw_problems();
    cross_check(reader);
    reader.throw_problems();
    return std::move(reader.draft.config);
}

Config load(const std::filesystem::path& file) {
    return parse(read_file(file), file);
}

Config defaults() {
    return parse({});
}

} // namespace nat64::config
