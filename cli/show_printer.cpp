// SPDX-License-Identifier: Apache-2.0
// The JSON printers hand the daemon's items through as they are. What listings look like as
// tables is in show_listings.cpp, the status page in show_status.cpp.
#include "cli/show_printer.hpp"

#include "cli/show_listings.hpp"
#include "cli/show_status.hpp"
#include "cli/table.hpp"

#include <ostream>
#include <string>
#include <utility>

#include <boost/json.hpp>

namespace nat64::cli {

namespace json = boost::json;

namespace {

/// {"sessions":[ one item a line ],"truncated":false}
class JsonList final : public Printer {
public:
    JsonList(std::string what, std::ostream& out) : what_{std::move(what)}, out_{out} {}

    void item(std::string_view item) override {
        open();
        out_ << (empty_ ? "\n  " : ",\n  ") << item;
        empty_ = false;
    }

    void done(bool more) override {
        open();
        out_ << "\n],\"truncated\":" << (more ? "true" : "false") << "}\n";
    }

    /// A document that was begun ends as one, and says that it is not complete.
    void failed(std::string_view error) override {
        if (open_) out_ << "\n],\"truncated\":true,\"error\":" << error << "}\n";
    }

private:
    void open() {
        if (!std::exchange(open_, true)) out_ << "{\"" << what_ << "\":[";
    }

    std::string what_;
    std::ostream& out_;
    bool open_ = false;
    bool empty_ = true;
};

/// One object, which is the document.
class JsonObject final : public Printer {
public:
    explicit JsonObject(std::ostream& out) : out_{out} {}

    void item(std::string_view item) override { out_ << item << '\n'; }

    void done(bool) override {}

    void failed(std::string_view) override {}

private:
    std::ostream& out_;
};

class Rows final : public Printer {
public:
    Rows(const Listing& listing, std::ostream& out)
        : listing_{listing}, out_{out}, table_{listing.columns, out} {}

    void item(std::string_view item) override {
        table_.row(listing_.cells(json::parse(item).as_object()));
        ++count_;
    }

    void done(bool more) override {
        table_.finish();
        if (count_ == 0) out_ << "no " << listing_.nouns << '\n';
        if (more) out_ << "... and more (--limit)\n";
    }

    void failed(std::string_view) override { table_.finish(); }

private:
    const Listing& listing_;
    std::ostream& out_;
    Table table_;
    std::uint64_t count_ = 0;
};

class Status final : public Printer {
public:
    explicit Status(std::ostream& out) : out_{out} {}

    void item(std::string_view item) override {
        print_status(json::parse(item).as_object(), out_);
    }

    void done(bool) override {}

    void failed(std::string_view) override {}

private:
    std::ostream& out_;
};

/// One member of the item, as it is.
class Text final : public Printer {
public:
    Text(std::string_view member, std::ostream& out) : member_{member}, out_{out} {}

    void item(std::string_view item) override {
        const json::value value = json::parse(item);
        const json::value& text = value.as_object().at(member_);
        if (text.is_string())
            out_ << std::string_view{text.get_string().data(), text.get_string().size()};
        else
            out_ << text << '\n';
    }

    void done(bool) override {}

    void failed(std::string_view) override {}

private:
    std::string_view member_;
    std::ostream& out_;
};

} // namespace

std::unique_ptr<Printer> make_printer(const ShowOptions& options, std::ostream& out) {
    const bool object = options.count || options.what == "status" || options.what == "config";
    if (options.json && object) return std::make_unique<JsonObject>(out);
    if (options.json) return std::make_unique<JsonList>(options.what, out);
    if (options.count) return std::make_unique<Text>("count", out);
    if (options.what == "status") return std::make_unique<Status>(out);
    if (options.what == "config") return std::make_unique<Text>("yaml", out);
    return std::make_unique<Rows>(listing(options.what), out);
}

} // namespace nat64::cli
