// SPDX-License-Identifier: Apache-2.0
// Files that a reload must not take.
#include "config/config_error.hpp"
#include "config/load.hpp"
#include "daemon/steady_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include <sys/stat.h>

namespace nat64::daemon {

namespace {

/// A file name in a directory of the test's own.
class Place {
public:
    Place() {
        std::string name =
            (std::filesystem::temp_directory_path() / "nat64-test-XXXXXX").native();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp " + name};
        directory_ = name;
    }

    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    ~Place() {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

    [[nodiscard]] std::filesystem::path file() const { return directory_ / "nat64.yaml"; }

    void write(const std::string& text) const { std::ofstream{file()} << text; }

    /// The refusal, or "" if it was taken.
    [[nodiscard]] std::string load() const {
        try {
            (void)config::parse(read_steadily(file()), file());
            return {};
        } catch (const config::ConfigError& error) {
            return error.what();
        }
    }

private:
    std::filesystem::path directory_;
};

bool says(const std::string& refusal, const char* words) {
    return refusal.find(words) != std::string::npos;
}

} // namespace

TEST_CASE("reload: an ordinary file is taken") {
    const Place place;
    place.write("pool: [192.0.2.0/28]\nprefix: 2001:db8:64::/96\n");
    CHECK(place.load().empty());
}

TEST_CASE("reload: a file that has gone, is empty, no file, too large or half written is not") {
    const Place place;
    CHECK(says(place.load(), "cannot open it: No such file"));
    place.write("");
    CHECK(says(place.load(), "is empty"));
    place.write("pool: [192.0.2.0/28\n");
    CHECK(says(place.load(), "not valid YAML"));
    place.write(std::string((1 << 20) + 1, '#'));
    CHECK_FALSE(place.load().empty());
    std::filesystem::remove(place.file());
    // Opening it would wait for a writer.
    REQUIRE(::mkfifo(place.file().c_str(), 0600) == 0);
    CHECK(says(place.load(), "not an ordinary file"));
}

} // namespace nat64::daemon
