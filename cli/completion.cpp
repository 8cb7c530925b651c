// SPDX-License-Identifier: Apache-2.0
// First the verbs and options as plain data, then a printer for each shell.
#include "cli/completion.hpp"

#include "cli/verbs.hpp"

#include <algorithm>
#include <cctype>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace {

/// How a value is completed.
struct Value {
    bool wanted = false; ///< no: a flag
    bool file = false;
    std::vector<std::string> words{};
};

struct Word {
    std::vector<std::string> names{}; ///< "-c", "--config"; a positional has none
    std::string help{};
    Value value{};
};

struct VerbWords {
    std::string name;
    std::string help;
    std::vector<Word> options{};
    std::vector<Word> positionals{};
};

Value value_of(const CLI::Option& option) {
    const auto type = option.get_type_name();
    Value value{.wanted = option.get_expected_max() > 0};
    value.file = type == "FILE" || type == "PATH" || type == "IN" || type == "OUT";
    const bool is_choice =
        type.find('|') != std::string::npos && std::ranges::none_of(type, [](unsigned char c) {
            return std::isupper(c) != 0 || std::isspace(c) != 0;
        });
    if (is_choice) value.words = CLI::detail::split(type, '|');
    return value;
}

Word word_of(const CLI::Option& option) {
    Word word{.help = option.get_description(), .value = value_of(option)};
    for (const auto& name : option.get_snames())
        word.names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        word.names.push_back("--" + name);
    return word;
}

std::vector<VerbWords> all_verbs() {
    std::vector<VerbWords> all;
    for (const auto& verb : verbs()) {
        Options options;
        CLI::App app{verb.help, verb.name};
        verb.add_options(app, options);
        VerbWords words{.name = verb.name, .help = verb.help};
        for (const auto* option : app.get_options())
            (option->get_positional() ? words.positionals : words.options)
                .push_back(word_of(*option));
        all.push_back(std::move(words));
    }
    return all;
}

template <typename Items, typename Text>
std::string joined(const Items& items, std::string_view separator, Text text) {
    std::string all;
    for (const auto& item : items)
        all += (all.empty() ? "" : std::string{separator}) + text(item);
    return all;
}

std::string joined(const std::vector<std::string>& items, std::string_view separator) {
    return joined(items, separator, [](const std::string& item) { return item; });
}

// ---- bash ----

/// What follows an option that wants a value.
std::string bash_value(const Value& value) {
    if (value.file) return "files=yes";
    return value.words.empty() ? "return" : "words=\"" + joined(value.words, " ") + "\"";
}

std::string bash_words(const VerbWords& verb) {
    std::string text = "words=\"";
    for (const auto& word : verb.positionals)
        text += joined(word.value.words, " ") + " ";
    for (const auto& word : verb.options)
        text += joined(word.names, " ") + " ";
    text.back() = '"';
    if (std::ranges::any_of(verb.positionals, [](const Word& word) { return word.value.file; }))
        text += "; [[ $current == -* ]] || files=yes";
    return text;
}

} // namespace

void print_bash_completion(std::ostream& out) {
    const auto all = all_verbs();
    fmt::print(out,
               R"(# bash completion for nat64, made by `nat64 generate bash`
_nat64() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local verb=${{COMP_WORDS[1]}} words= files=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words="{} --help --version"
    else
        case "$verb $previous" in
)",
               joined(all, " ", [](const VerbWords& verb) { return verb.name; }));
    for (const auto& verb : all)
        for (const auto& option : verb.options)
            if (option.value.wanted)
                fmt::print(out,
                           "        {}) {} ;;\n",
                           joined(option.names,
                                  " | ",
                                  [&](const std::string& name) {
                                      return fmt::format("\"{} {}\"", verb.name, name);
                                  }),
                           bash_value(option.value));
    for (const auto& verb : all)
        fmt::print(out, "        \"{} \"*) {} ;;\n", verb.name, bash_words(verb));
    fmt::print(out, R"(        esac
    fi
    [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    if [[ -n $files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$current")
    fi
}}
complete -F _nat64 nat64
)");
}

namespace {

// ---- zsh ----

/// Inside single quotes, and with what _arguments takes for its own syntax escaped.
std::string zsh_text(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '\'')
            safe += "'\\''";
        else if (c == '[' || c == ']' || c == ':')
            safe += std::string{'\\'} + c;
        else
            safe += c;
    }
    return safe;
}

std::string zsh_value(const Value& value) {
    if (value.file) return ":file:_files";
    if (!value.words.empty()) return ":word:(" + joined(value.words, " ") + ")";
    return ":value: ";
}

std::string zsh_option(const Word& word) {
    const auto rest = fmt::format(
        "[{}]{}", zsh_text(word.help), word.value.wanted ? zsh_value(word.value) : "");
    if (word.names.size() == 1) return fmt::format("'{}{}'", word.names[0], rest);
    return fmt::format(
        "'({})'{{{}}}'{}'", joined(word.names, " "), joined(word.names, ","), rest);
}

} // namespace

void print_zsh_completion(std::ostream& out) {
    const auto all = all_verbs();
    fmt::print(out, "#compdef nat64\n# zsh completion, made by `nat64 generate zsh`\n");
    fmt::print(out, "_nat64() {{\n  local -a verbs=(\n");
    for (const auto& verb : all)
        fmt::print(out, "    '{}:{}'\n", verb.name, zsh_text(verb.help));
    fmt::print(out, R"(  )
  if (( CURRENT == 2 )); then
    if [[ $words[2] == -* ]]; then
      compadd -- --help --version
    else
      _describe verb verbs
    fi
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
)");
    for (const auto& verb : all) {
        fmt::print(out, "    {})\n      _arguments", verb.name);
        for (const auto& option : verb.options)
            fmt::print(out, " \\\n        {}", zsh_option(option));
        for (const auto& positional : verb.positionals)
            fmt::print(out, " \\\n        ':{}", zsh_value(positional.value).substr(1) + "'");
        fmt::print(out, " ;;\n");
    }
    fmt::print(out, R"(  esac
}}
if [[ $funcstack[1] == _nat64 ]]; then
  _nat64 "$@"
else
  compdef _nat64 nat64
fi
)");
}

namespace {

// ---- fish ----

std::string fish_text(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '\'' || c == '\\') safe += '\\';
        safe += c;
    }
    return safe;
}

std::string fish_value(const Value& value) {
    if (!value.wanted) return "";
    if (value.file) return " -r -F";
    return value.words.empty() ? " -x" : " -x -a '" + joined(value.words, " ") + "'";
}

std::string fish_option(const Word& word) {
    std::string text;
    for (const auto& name : word.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    return fmt::format("{}{} -d '{}'", text, fish_value(word.value), fish_text(word.help));
}

std::string fish_positional(const Word& word) {
    if (word.value.file) return " -F";
    return " -a '" + joined(word.value.words, " ") + "'";
}

} // namespace

void print_fish_completion(std::ostream& out) {
    fmt::print(
        out,
        "# fish completion for nat64, made by `nat64 generate fish`\n"
        "complete -c nat64 -f\n"
        "complete -c nat64 -n __fish_use_subcommand -l help -d 'print help'\n"
        "complete -c nat64 -n __fish_use_subcommand -l version -d 'print the version'\n");
    for (const auto& verb : all_verbs()) {
        fmt::print(out,
                   "complete -c nat64 -n __fish_use_subcommand -a {} -d '{}'\n",
                   verb.name,
                   fish_text(verb.help));
        const auto when =
            fmt::format("complete -c nat64 -n '__fish_seen_subcommand_from {}'", verb.name);
        for (const auto& option : verb.options)
            fmt::print(out, "{}{}\n", when, fish_option(option));
        for (const auto& positional : verb.positionals)
            if (positional.value.file || !positional.value.words.empty())
                fmt::print(out, "{}{}\n", when, fish_positional(positional));
    }
}

} // namespace nat64::cli
