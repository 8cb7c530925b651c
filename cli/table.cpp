// SPDX-License-Identifier: Apache-2.0
// Two spaces between columns, none at the end of a line.
#include "cli/table.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

namespace nat64::cli {

Table::Table(std::vector<Column> columns, std::ostream& out)
    : columns_{std::move(columns)}, out_{out} {
    for (const Column& column : columns_)
        widths_.push_back(column.heading.size());
}

void Table::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    if (started_) {
        write(cells);
        return;
    }
    for (std::size_t i = 0; i < cells.size(); ++i)
        widths_[i] = std::max(widths_[i], cells[i].size());
    kept_.push_back(std::move(cells));
    if (kept_.size() == kSample) start();
}

void Table::finish() {
    if (!started_ && !kept_.empty()) start();
}

void Table::start() {
    started_ = true;
    std::vector<std::string> headings;
    headings.reserve(columns_.size());
    for (const Column& column : columns_)
        headings.push_back(column.heading);
    write(headings);
    for (const auto& cells : kept_)
        write(cells);
    kept_.clear();
}

void Table::write(const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::size_t width = std::max(widths_[i], cells[i].size());
        const std::string space(width - cells[i].size(), ' ');
        if (i != 0) line += "  ";
        line += columns_[i].align == Align::Right ? space + cells[i] : cells[i] + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out_ << line << '\n';
}

} // namespace nat64::cli
