// SPDX-License-Identifier: Apache-2.0
// YAML as far as it is accepted: everything clever is refused at its place.
#include "config/yaml_tree.hpp"
#include "tests/config/support.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

using namespace nat64;
using test::check_refused;

TEST_CASE("YAML: what a configuration does not need is refused at its place") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"a: &x 1\n", "nat64.yaml:1:", "anchors", "write the value out"},
             {"a: 1\nb: *x\n", "nat64.yaml:2:", "", ""},
             {"log: &l {level: info}\ntun: *l\n", "nat64.yaml:1:", "anchors", ""},
             {"tun:\n  <<: {name: x}\n", "nat64.yaml:2:3: ", "merge keys", "write it out"},
             {"version: !!int 1\n", "nat64.yaml:1:", "tags", "remove the tag"},
             {"version: !foo 1\n", "nat64.yaml:1:", "tags", "remove the tag"},
             {"version: 1\nprefix: 64:ff9b::/96\nversion: 1\n",
              "nat64.yaml:3:1: ",
              "'version' is given twice",
              "keep one"},
             {"tun: {name: a, name: b}\n", "nat64.yaml:1:16: ", "'name' is given twice", ""},
             {"\"version\": 1\nversion: 1\n", "nat64.yaml:2:1: ", "given twice", ""},
             {"version: 1\n---\nversion: 1\n",
              "nat64.yaml: ",
              "more than one YAML document",
              "---"},
             {"? [a, b]\n: 1\n", "nat64.yaml:1:", "a key must be text", ""},
             {"{a: 1}: 2\n", "nat64.yaml:1:", "a key must be text", ""},
             {"~: 1\n", "nat64.yaml:1:1: ", "a key must be text", ""},
             {"a: [[[[[[[[[[1]]]]]]]]]]\n", "nat64.yaml:1:", "nested too deeply", ""},
             {"a: \"x\\0y\"\n", "nat64.yaml:1:4: ", "control character", "remove it"},
             {"a: \"x\\ny\"\n", "nat64.yaml:1:4: ", "control character", ""},
             {"a: [1, 2\nb: 3\n", "nat64.yaml:2:", "not valid YAML", "brackets"},
             {"a: 1\n b: 2\n", "nat64.yaml:2:", "not valid YAML", "indentation"},
             {"a:\n\t- 1\n", "nat64.yaml:2:", "not valid YAML", ""},
             {"- 1\n- 2\n", "nat64.yaml:1:1: ", "is not a map of keys", "pool: ["},
             {"hello\n", "nat64.yaml:1:1: ", "is not a map of keys", ""},
         })
        check_refused(refused);
}

TEST_CASE("YAML: control characters are refused wherever they stand") {
    using namespace std::string_view_literals;
    check_refused({"version: 1\npre\0fix: 1\n"sv, "nat64.yaml:2:4: ", "0x00", "UTF-8"});
    check_refused({"# \x1b[31m\n"sv, "nat64.yaml:1:3: ", "0x1b", ""});
    check_refused({"# \xc2\x9b\n"sv, "nat64.yaml:1:3: ", "control character", ""});
    check_refused({"\xff\xfev\0e\0r\0"sv, "nat64.yaml:1:4: ", "0x00", "UTF-8"});
}

TEST_CASE("YAML: nesting and size are bounded before anything is built") {
    std::string deep = "a: ";
    for (int i = 0; i < 100'000; ++i)
        deep += "[1, ";
    check_refused({deep, "nat64.yaml:1:", "", ""});
    check_refused({std::string(200'000, '['), "nat64.yaml:1:", "", ""});
    check_refused({std::string(100'000, '{'), "nat64.yaml:1:", "", ""});
    check_refused({std::string((1 << 20) + 1, '#'), "nat64.yaml: ", "larger than 1 MiB", ""});
}

TEST_CASE("YAML: block style, flow style, comments and line ends are all fine") {
    for (const auto* const text :
         {"pool: [192.0.2.0/28]\nprefix: 2001:db8::/96\n",
          "{\"pool\": [\"192.0.2.0/28\"], \"prefix\": \"2001:db8::/96\"}",
          "# c\r\npool:\r\n- 192.0.2.0/28 # d\r\nprefix: '2001:db8::/96'",
          "---\npool:\n  - 192.0.2.0/28\nprefix: 2001:db8::/96\n...\n"}) {
        CAPTURE(text);
        CHECK(test::load_text(text).napt.pool.size() == 1);
    }
}

namespace {

/// A file that is gone with the test.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view text) { std::ofstream{path_} << text; }

    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() /
        ("nat64-config-test-" +
         std::to_string(
             std::filesystem::file_time_type::clock::now().time_since_epoch().count()));
};

std::string load_error(const std::filesystem::path& file) {
    try {
        (void)config::load(file);
    } catch (const config::ConfigError& error) {
        return error.what();
    }
    return "loaded";
}

} // namespace

TEST_CASE("files: read whole, and refused by name when they cannot be") {
    const TemporaryFile good{test::kMinimal};
    CHECK(config::load(good.path()).file == good.path());
    const TemporaryFile bad{"version: 2\n"};
    CHECK(
        load_error(bad.path()).starts_with(bad.path().string() + ":1:10: version: '2' is not"));
    CHECK(load_error("/").find("/: is a directory; name a YAML file") == 0);
    CHECK(load_error("/nonexistent/x.yaml").find("cannot open it: No such file") !=
          std::string::npos);
    CHECK(load_error("/dev/zero").find("control character") == std::string::npos);
    CHECK(load_error("/dev/zero").find("larger than 1 MiB") != std::string::npos);
}
