// SPDX-License-Identifier: Apache-2.0
// Which file a configuration is taken from.
#include "cli/config_file.hpp"
#include "tests/cli/capture_file.hpp"

#include <filesystem>

#include <doctest/doctest.h>

namespace nat64::cli {

TEST_CASE("configuration: the file that is named, else the usual one, else none") {
    test::ScratchDir dir;
    const auto usual = dir / "usual.yaml";
    CHECK(config_file("other.yaml", usual) == "other.yaml");
    CHECK(config_file("", usual).empty());
    test::write_text(usual, "");
    CHECK(config_file("", usual) == usual);
    CHECK(config_file("other.yaml", usual) == "other.yaml");
}

TEST_CASE("configuration: a link to nowhere is a file that cannot be read, not none") {
    test::ScratchDir dir;
    const auto usual = dir / "usual.yaml";
    std::filesystem::create_symlink(dir / "nowhere", usual);
    CHECK(config_file("", usual) == usual);
}

} // namespace nat64::cli
