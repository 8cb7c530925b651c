// SPDX-License-Identifier: Apache-2.0
// A value's form by its type; maps and lists from the paths of their keys.
#include "cli/json_schema.hpp"

#include "config/schema.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace nat64::cli {

namespace json = boost::json;

namespace {

using config::Key;
using config::Type;

const std::string kByte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const std::string kAddress4 = kByte + "(\\." + kByte + "){3}";
const std::string kAddress6 = "[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*";

json::object text(const std::string& pattern) {
    return {{"type", "string"}, {"pattern", "^" + pattern + "$"}};
}

std::optional<std::uint64_t> number_at(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// "1280 to 65535, at most mtu.ipv6" or "1": the table says ranges in this form.
json::object integer(std::string_view values) {
    json::object form{{"type", "integer"}, {"minimum", 0}};
    if (const auto lowest = number_at(values)) {
        form["minimum"] = *lowest;
        constexpr std::string_view kTo = " to ";
        if (values.starts_with(kTo)) values.remove_prefix(kTo.size());
        const auto highest = number_at(values);
        form["maximum"] = highest.value_or(*lowest);
    }
    return form;
}

/// "a, b or c", "a|b"
json::object choice(std::string_view values) {
    json::array words;
    std::string word;
    const auto end_word = [&] {
        if (!word.empty() && word != "or") words.emplace_back(word);
        word.clear();
    };
    for (const char c : values) {
        if (c == ' ' || c == ',' || c == '|')
            end_word();
        else
            word += c;
    }
    end_word();
    return {{"enum", std::move(words)}};
}

json::object boolean(std::string_view values) {
    if (values == "true" || values == "false") return {{"const", values == "true"}};
    return {{"type", "boolean"}};
}

json::object scalar(Type type, std::string_view values) {
    switch (type) {
    case Type::Integer:
        return integer(values);
    case Type::Boolean:
        return boolean(values);
    case Type::Choice:
        return choice(values);
    case Type::Duration: {
        auto form = text("([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?");
        form["minLength"] = 2;
        return form;
    }
    case Type::Address4:
        return text(kAddress4);
    case Type::Address6:
        return text(kAddress6);
    case Type::Prefix4:
        return text(kAddress4 + "(/(3[0-2]|[12]?[0-9]))?");
    case Type::Prefix6:
        return text(kAddress6 + "(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?");
    case Type::Ports:
        return {{"anyOf",
                 {{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}},
                  text("[0-9]{1,5}(-[0-9]{1,5})?")}}};
    case Type::Endpoint4:
        return text(kAddress4 + "(:[0-9]{1,5})?");
    case Type::Endpoint6:
        return text("(" + kAddress6 + "|\\[" + kAddress6 + "\\]:[0-9]{1,5})");
    case Type::Text:
        return {{"type", {"string", "integer"}}}; // YAML reads 6464 as a number
    case Type::Map:
    case Type::List:
        break;
    }
    return {};
}

/// "sessions" for "limits.sessions" below "limits."; nullopt for what is not directly below.
std::optional<std::string> name_below(std::string_view parent, std::string_view path) {
    if (!path.starts_with(parent)) return std::nullopt;
    path.remove_prefix(parent.size());
    if (path.empty() || path.find_first_of(".[") != std::string_view::npos) return std::nullopt;
    return std::string{path};
}

json::object form_of(const Key& key);

/// A map whose keys are those directly below `parent` ("", "limits.", "pool[]."); nullopt if
/// there are none.
std::optional<json::object> map_below(const std::string& parent) {
    json::object properties;
    json::array required;
    for (const Key& key : config::schema()) {
        const auto name = name_below(parent, key.path);
        if (!name) continue;
        properties[*name] = form_of(key);
        if (key.presence == config::Presence::Required) required.emplace_back(*name);
    }
    if (properties.empty()) return std::nullopt;
    json::object form{{"type", "object"},
                      {"properties", std::move(properties)},
                      {"additionalProperties", false}};
    if (!required.empty()) form["required"] = std::move(required);
    return form;
}

/// One form or any of several.
json::object any_of(std::vector<json::object> forms) {
    if (forms.size() == 1) return std::move(forms.front());
    json::array all;
    for (auto& form : forms)
        all.emplace_back(std::move(form));
    return {{"anyOf", std::move(all)}};
}

json::object list_of(const Key& key) {
    std::vector<json::object> items;
    if (key.item != Type::Map) items.push_back(scalar(key.item, {}));
    if (auto map = map_below(std::string{key.path} + "[].")) items.push_back(std::move(*map));
    json::object form{{"type", "array"}};
    if (!items.empty()) form["items"] = any_of(std::move(items));
    return form;
}

/// A key that this version knows and does not honour may say only what happens anyway.
json::object not_yet(const Key& key) {
    if (key.type == Type::List) return {{"const", json::parse(key.values)}};
    if (key.values.empty()) return {{"not", json::object{}}};
    return scalar(key.type, key.values);
}

json::object form_of_value(const Key& key) {
    if (key.support == config::Support::NotYet && key.type != Type::Map) return not_yet(key);
    if (key.type == Type::List) return list_of(key);
    std::vector<json::object> forms;
    if (key.type != Type::Map) forms.push_back(scalar(key.type, key.values));
    if (auto map = map_below(std::string{key.path} + ".")) forms.push_back(std::move(*map));
    return any_of(std::move(forms));
}

json::object form_of(const Key& key) {
    auto form = form_of_value(key);
    std::string about{key.help};
    if (!key.values.empty()) about += ". Value: " + std::string{key.values};
    if (!key.default_text.empty()) about += ". Default: " + std::string{key.default_text};
    if (key.type != Type::Map && key.reload == config::Reload::No)
        about += ". Fixed while nat64 runs";
    form["description"] = about;
    return form;
}

} // namespace

json::object json_schema() {
    json::object schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "nat64.yaml, the configuration of nat64 " NAT64_VERSION}};
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): there are keys
    auto root = map_below("").value();
    schema.insert(root.begin(), root.end());
    return schema;
}

} // namespace nat64::cli
