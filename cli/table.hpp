// SPDX-License-Identifier: Apache-2.0
// Aligned columns for a person, written while the rows come in. The first rows decide how wide
// a column is; a later cell that is wider pushes its own line only. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace nat64::cli {

enum class Align : std::uint8_t { Left, Right };

struct Column {
    std::string heading;
    Align align = Align::Left;
};

class Table {
public:
    /// How many rows are looked at before the first is written.
    static constexpr std::size_t kSample = 200;

    Table(std::vector<Column> columns, std::ostream& out);

    /// One cell a column.
    void row(std::vector<std::string> cells);

    /// Writes what is still kept. Without any row nothing is written, no heading either.
    void finish();

private:
    void start();
    void write(const std::vector<std::string>& cells);

    std::vector<Column> columns_;
    std::ostream& out_;
    std::vector<std::vector<std::string>> kept_;
    std::vector<std::size_t> widths_;
    bool started_ = false;
};

} // namespace nat64::cli
