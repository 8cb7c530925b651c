// SPDX-License-Identifier: Apache-2.0
// Keys and their values come from the configuration's own schema.
#include "service/control_config.hpp"

#include "config/print.hpp"
#include "config/schema.hpp"
#include "config/yaml_tree.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include <boost/json.hpp>

namespace nat64::service {

namespace json = boost::json;

namespace {

/// Lists and maps as such; what stands in them, as text.
json::value structure(const config::Node& node) {
    switch (node.kind) {
    case config::NodeKind::Null:
        return nullptr;
    case config::NodeKind::Scalar:
        return json::value(node.text);
    case config::NodeKind::List: {
        json::array items;
        for (const auto& child : node.children)
            items.push_back(structure(child));
        return items;
    }
    case config::NodeKind::Map: {
        json::object entries;
        for (const auto& child : node.children)
            entries[child.key] = structure(child);
        return entries;
    }
    }
    return nullptr;
}

/// Whole numbers and booleans as such, lists as lists, everything else as it stands in the
/// file, without quotes.
json::value value_of(const config::Key& key, const std::string& text) {
    if (key.type == config::Type::List) return structure(config::parse_yaml(text, {}));
    if (key.type == config::Type::Boolean) return text == "true";
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (key.type == config::Type::Integer && error == std::errc{} && stop == end) return number;
    return text.starts_with('"') ? structure(config::parse_yaml(text, {})) : json::value(text);
}

} // namespace

std::string config_json(const config::Config& config) {
    json::object values;
    for (const config::Key& key : config::schema()) {
        if (key.write == nullptr || !config::is_honoured(key, config)) continue;
        const config::Written written = key.write(config);
        if (!written.value.empty()) values[key.path] = value_of(key, written.value);
    }
    return json::serialize(json::object{{"file", config.file.native()},
                                        {"yaml", config::print(config)},
                                        {"values", std::move(values)}});
}

std::string to_json(const config::Change& change) {
    return json::serialize(
        json::object{{"key", change.key}, {"before", change.before}, {"after", change.after}});
}

} // namespace nat64::service
