// SPDX-License-Identifier: Apache-2.0
// The two passes: every key by itself, then the rules between keys.
#include "config/load.hpp"

#include "config/cross_checks.hpp"
#include "config/profiles.hpp"
#include "config/reader.hpp"
#include "config/yaml_tree.hpp"

#include <utility>

namespace nat64::config {

namespace {

/// The one that the file names, or else `given`. A word that is none is the reader's to refuse.
Profile profile_of(const Node& tree, Profile given) {
    for (const auto& entry : tree.children)
        if (entry.key == "profile" && entry.is_scalar())
            return find_profile(entry.text).value_or(Profile::None);
    return given;
}

} // namespace

Config parse(std::string_view text, const std::filesystem::path& file, Profile profile) {
    const auto tree = parse_yaml(text, file);
    if (tree.kind != NodeKind::Map)
        throw ConfigError{{{file,
                            tree.mark,
                            {},
                            "is not a map of keys",
                            "write `key: value` lines, as in `pool: [192.0.2.0/28]`"}}};
    Reader reader{file};
    use_profile(reader.draft.config, profile_of(tree, profile));
    reader.read_map(tree, {}, {});
    reader.throw_problems();
    cross_check(reader);
    reader.throw_problems();
    return std::move(reader.draft.config);
}

Config load(const std::filesystem::path& file, Profile profile) {
    return parse(read_file(file), file, profile);
}

Config defaults(Profile profile) {
    return parse({}, {}, profile);
}

} // namespace nat64::config
