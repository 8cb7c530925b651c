// SPDX-License-Identifier: Apache-2.0
// How what a daemon says is printed, item by item: as a table, as a JSON document, as a text
// or as one number. Which of them is a matter of the listing and of --json. A printer writes as
// it goes and keeps no more than a table's first rows. Pure: no socket.
#pragma once

#include "cli/show.hpp"

#include <iosfwd>
#include <memory>
#include <string_view>

namespace nat64::cli {

class Printer {
public:
    Printer() = default;
    Printer(const Printer&) = delete;
    Printer& operator=(const Printer&) = delete;
    virtual ~Printer() = default;

    /// One item, JSON text.
    virtual void item(std::string_view json) = 0;
    /// The end of the reply; `more`: --limit cut it short.
    virtual void done(bool more) = 0;
    /// The end of a reply that failed, perhaps after items; `error` is the error as JSON text.
    virtual void failed(std::string_view error) = 0;
};

[[nodiscard]] std::unique_ptr<Printer> make_printer(const ShowOptions& options,
                                                    std::ostream& out);

} // namespace nat64::cli
