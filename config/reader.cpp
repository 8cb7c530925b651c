// SPDX-License-Identifier: Apache-2.0
// The walk, and the problems that do not depend on a value's meaning.
#include "config/reader.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace nat64::config {

namespace {

/// Enough to work through, not enough to flood a terminal.
constexpr std::size_t kMaxProblems = 20;

std::string join(std::string_view parent, std::string_view name) {
    return parent.empty() ? std::string{name} : fmt::format("{}.{}", parent, name);
}

std::string shortened(std::string text) {
    constexpr std::size_t kLongest = 60;
    if (text.size() <= kLongest) return text;
    text.resize(kLongest);
    // Not in the middle of a UTF-8 sequence.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
        text.pop_back();
    if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80) != 0) text.pop_back();
    return text + "...";
}

/// A key somewhere else in the schema that ends in this name: "timeouts.udp" for "udp".
std::string_view same_name_elsewhere(std::string_view name) {
    for (const auto& key : schema()) {
        if (key.path.ends_with(name) && key.path.size() > name.size() &&
            key.path[key.path.size() - name.size() - 1] == '.')
            return key.path;
    }
    return {};
}

/// Does a key that is not supported yet say what happens anyway?
bool is_neutral(const Node& node, const Key& key) {
    if (key.values.empty()) return false;
    const auto said = node.flow_text();
    std::string_view rest = key.values;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('|'), rest.size());
        auto value = std::string{rest.substr(0, end)};
        std::erase(value, '"');
        if (value == said) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

} // namespace

Reader::Reader(std::filesystem::path file) : file_{std::move(file)} {
    draft.config.file = file_;
}

void Reader::read_map(const Node& node, std::string_view parent, std::string_view shown) {
    const auto path = path_;
    const auto* const key = key_;
    const std::string above{shown}; // it may be path_ itself
    for (const auto& entry : node.children)
        read_entry(entry, parent, above);
    path_ = path;
    key_ = key;
}

void Reader::read_entry(const Node& entry, std::string_view parent, std::string_view shown) {
    path_ = join(shown, entry.key);
    places_[path_] = entry.mark;
    const auto is_name = entry.key.find_first_of(".[") == std::string::npos;
    key_ = is_name ? find_key(join(parent, entry.key)) : nullptr;
    if (key_ == nullptr) return refuse_unknown(entry, parent);
    if (key_->support == Support::NotYet) return refuse_not_yet(entry, *key_);
    if (entry.kind == NodeKind::Null)
        return complain(entry, "has no value", "give it one or remove the key");
    if (key_->type == Type::Map) {
        if (entry.kind == NodeKind::Map) return read_map(entry, key_->path, path_);
        return complain(entry, "is not a map", fmt::format("write keys below {}", key_->path));
    }
    key_->read(entry, *this);
}

void Reader::read_list(
    const Node& node,
    const std::function<void(const Node&, const std::string& path)>& read_item) {
    if (node.kind != NodeKind::List) return complain(node, "is not a list");
    const auto list_path = path_;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        const auto& item = node.children[i];
        path_ = fmt::format("{}[{}]", list_path, i);
        places_[path_] = item.mark;
        read_item(item, std::string{path_});
    }
    path_ = list_path;
}

void Reader::refuse_unknown(const Node& entry, std::string_view parent) {
    const auto add_unknown = [&](std::string remedy) {
        add(entry.key_mark,
            shortened(path_),
            fmt::format("unknown key '{}'", shortened(entry.key)),
            std::move(remedy));
    };
    if (const auto near = nearest_key(parent, entry.key); !near.empty())
        return add_unknown(fmt::format("did you mean '{}'?", near));
    if (const auto other = same_name_elsewhere(entry.key); !other.empty())
        return add_unknown(fmt::format("did you mean {}?", other));
    if (find_key(entry.key) != nullptr)
        return add_unknown("nest it: write the part behind the dot below the part before it");
    add_unknown("remove it");
}

void Reader::refuse_not_yet(const Node& entry, const Key& key) {
    if (is_neutral(entry, key)) return;
    auto remedy = std::string{"remove it"};
    if (!key.values.empty()) remedy += fmt::format(", or leave it at {}", key.values);
    add(entry.key_mark, path_, "not yet supported by this version", std::move(remedy));
}

void Reader::complain(const Node& node, std::string what) {
    complain(node, std::move(what), fmt::format("write {}", key_->values));
}

void Reader::complain(const Node& node, std::string what, std::string remedy) {
    // The value first: "'abc' is not a number".
    if (node.is_scalar()) what = fmt::format("'{}' {}", shortened(node.text), what);
    add(node.mark, path_, std::move(what), std::move(remedy));
}

void Reader::complain_about(const std::string& path, std::string what, std::string remedy) {
    const auto place = places_.find(path);
    add(place == places_.end() ? Mark{} : place->second,
        path,
        std::move(what),
        std::move(remedy));
}

void Reader::add(Mark mark, const std::string& path, std::string what, std::string remedy) {
    if (problems_.size() >= kMaxProblems) return;
    problems_.push_back({file_, mark, path, std::move(what), std::move(remedy)});
}

void Reader::throw_problems() const {
    if (!problems_.empty()) throw ConfigError{problems_};
}

} // namespace nat64::config
