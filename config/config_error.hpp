// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, said so that a person can put it right: where (file,
// line, column, key), what, and what would be right. A load collects several problems and
// throws them together as one ConfigError; main() turns it into exit code 2.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace nat64::config {

/// A place in the file, counted from 1; line 0 is no place (the file as a whole, a missing
/// key).
struct Mark {
    int line = 0;
    int column = 0;

    friend bool operator==(const Mark&, const Mark&) = default;
};

struct Problem {
    std::filesystem::path file; ///< empty: there is no file
    Mark mark;
    std::string key;    ///< "pool[1].ports"; empty for problems of the file itself
    std::string what;   ///< what is wrong
    std::string remedy; ///< what would be right

    /// "nat64.yaml:4:9: pool[1].ports: what; remedy", without the parts that are not known.
    [[nodiscard]] std::string to_string() const;
};

class ConfigError : public std::runtime_error {
public:
    /// what() has one line for each problem; there is at least one.
    explicit ConfigError(std::vector<Problem> problems);

    [[nodiscard]] const std::vector<Problem>& problems() const noexcept { return problems_; }

private:
    std::vector<Problem> problems_;
};

} // namespace nat64::config
