// SPDX-License-Identifier: Apache-2.0
// Builds the tree from yaml-cpp's events rather than its nodes: only events show anchors,
// tags, repeated keys and nesting before anything has been expanded or built.
#include "config/yaml_tree.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>
#include <span>
#include <spanstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace nat64::config {

namespace {

[[noreturn]] void
refuse(const std::filesystem::path& file, Mark mark, std::string what, std::string remedy) {
    throw ConfigError{{{file, mark, {}, std::move(what), std::move(remedy)}}};
}

Mark mark_of(const YAML::Mark& mark) {
    if (mark.is_null()) return {};
    return {mark.line + 1, mark.column + 1};
}

/// The first control character (C0 but tab and line ends, DEL, C1 in UTF-8), or npos.
std::size_t find_control(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\t' || c == '\n' || c == '\r') continue;
        if (c < 0x20 || c == 0x7f) return i;
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (c == 0xc2 && next >= 0x80 && next < 0xa0) return i;
    }
    return std::string_view::npos;
}

class TreeBuilder final : public YAML::EventHandler {
public:
    explicit TreeBuilder(const std::filesystem::path& file) : file_{file} {}

    Node root;

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {}

    void OnDocumentEnd() override {}

    void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
        refuse(file_, mark_of(mark), "anchors (&) are not allowed", "write the value out");
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        refuse(file_, mark_of(mark), "aliases (*) are not allowed", "write the value out");
    }

    void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        place(NodeKind::Null, mark);
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t /*anchor*/,
                  const std::string& value) override {
        check_tag(mark, tag);
        if (find_control(value) != std::string::npos || value.find('\n') != std::string::npos)
            refuse(file_, mark_of(mark), "control character in a value", "remove it");
        if (takes_key()) return take_key(mark, value);
        auto& node = place(NodeKind::Scalar, mark);
        node.text = value;
        node.quoted = tag == "!";
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t /*anchor*/,
                         YAML::EmitterStyle::value /*style*/) override {
        open(NodeKind::List, mark, tag);
    }

    void OnSequenceEnd() override { stack_.pop_back(); }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string& tag,
                    YAML::anchor_t /*anchor*/,
                    YAML::EmitterStyle::value /*style*/) override {
        open(NodeKind::Map, mark, tag);
    }

    void OnMapEnd() override { stack_.pop_back(); }

private:
    /// A list or map that is being read. Its node does not move: only its own children do.
    struct Frame {
        Node* node;
        bool has_key = false;
        std::string key;
        Mark key_mark;
        std::set<std::string> seen;
    };

    [[nodiscard]] bool takes_key() const {
        return !stack_.empty() && stack_.back().node->kind == NodeKind::Map &&
               !stack_.back().has_key;
    }

    void take_key(const YAML::Mark& mark, const std::string& key) {
        auto& frame = stack_.back();
        if (key == "<<")
            refuse(file_, mark_of(mark), "merge keys (<<) are not allowed", "write it out");
        if (!frame.seen.insert(key).second)
            refuse(file_,
                   mark_of(mark),
                   fmt::format("the key '{}' is given twice", key),
                   "keep one of the two");
        frame.has_key = true;
        frame.key = key;
        frame.key_mark = mark_of(mark);
    }

    void check_tag(const YAML::Mark& mark, const std::string& tag) const {
        if (tag.empty() || tag == "?" || tag == "!") return;
        refuse(file_, mark_of(mark), "tags (!) are not allowed", "remove the tag");
    }

    void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag) {
        check_tag(mark, tag);
        if (stack_.size() >= kMaxDepth)
            refuse(file_, mark_of(mark), "nested too deeply", "no key needs that");
        auto& node = place(kind, mark);
        stack_.push_back({&node, false, {}, {}, {}});
    }

    Node& place(NodeKind kind, const YAML::Mark& mark) {
        if (takes_key())
            refuse(file_,
                   mark_of(mark),
                   "a key must be text",
                   "write a plain word before the colon");
        auto* node = &root;
        if (!stack_.empty()) {
            auto& frame = stack_.back();
            node = &frame.node->children.emplace_back();
            node->key = std::exchange(frame.key, {});
            node->key_mark = std::exchange(frame.key_mark, {});
            frame.has_key = false;
        }
        node->kind = kind;
        node->mark = mark_of(mark);
        return *node;
    }

    const std::filesystem::path& file_;
    std::vector<Frame> stack_;
};

void check_characters(std::string_view text, const std::filesystem::path& file) {
    const auto at = find_control(text);
    if (at == std::string_view::npos) return;
    Mark mark{1, 1};
    for (const auto c : text.substr(0, at)) {
        mark = c == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
    }
    refuse(file,
           mark,
           fmt::format("control character 0x{:02x}", static_cast<unsigned char>(text[at])),
           "a configuration is plain UTF-8 text");
}

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
};

} // namespace

std::string Node::flow_text() const {
    if (kind == NodeKind::Null) return "null";
    if (kind == NodeKind::Scalar) return text;
    std::string joined;
    for (const auto& child : children) {
        if (!joined.empty()) joined += ", ";
        if (kind == NodeKind::Map) joined += child.key + ": ";
        joined += child.flow_text();
    }
    return kind == NodeKind::Map ? "{" + joined + "}" : "[" + joined + "]";
}

Node parse_yaml(std::string_view text, const std::filesystem::path& file) {
    if (text.size() > kMaxFileSize)
        refuse(file, {}, "larger than 1 MiB", "a configuration is a few kilobytes of YAML");
    check_characters(text, file);
    TreeBuilder builder{file};
    try {
        std::ispanstream stream{std::span<const char>{text}};
        YAML::Parser parser{stream};
        if (parser.HandleNextDocument(builder)) {
            TreeBuilder second{file};
            if (parser.HandleNextDocument(second))
                refuse(file, {}, "more than one YAML document", "remove what follows '---'");
        }
    } catch (const YAML::Exception& error) {
        refuse(file,
               mark_of(error.mark),
               "not valid YAML: " + error.msg,
               "check indentation, colons, brackets and quotes at this place");
    }
    if (builder.root.kind == NodeKind::Null) builder.root.kind = NodeKind::Map;
    return std::move(builder.root);
}

std::string read_file(const std::filesystem::path& file) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored))
        refuse(file, {}, "is a directory", "name a YAML file");
    const std::unique_ptr<std::FILE, CloseFile> stream{std::fopen(file.c_str(), "re")};
    if (!stream)
        refuse(file,
               {},
               "cannot open it: " + std::generic_category().message(errno),
               "check the name and its permissions");
    std::string text(kMaxFileSize + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
    if (std::ferror(stream.get()) != 0)
        refuse(file, {}, "cannot read it: " + std::generic_category().message(errno), {});
    return text;
}

} // namespace nat64::config
