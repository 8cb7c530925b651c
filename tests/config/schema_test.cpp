// SPDX-License-Identifier: Apache-2.0
// The table of keys against itself and against what loading does.
#include "config/schema.hpp"
#include "tests/config/support.hpp"

#include <set>

using namespace nat64;
using namespace nat64::config;

TEST_CASE("schema: every key is described, once, and can be read if it works") {
    std::set<std::string_view> seen;
    for (const auto& key : schema()) {
        CAPTURE(key.path);
        CHECK(seen.insert(key.path).second);
        CHECK_FALSE(key.help.empty());
        CHECK(find_key(key.path) == &key);
        if (key.type == Type::Map || key.support == Support::NotYet) continue;
        CHECK((key.read != nullptr));
        CHECK_FALSE(key.values.empty());
        const auto is_part =
            key.path.find("[]") != std::string_view::npos || key.path.starts_with("prefix.");
        CHECK((key.write != nullptr) == !is_part);
    }
}

TEST_CASE("schema: the parent of every key is a key too") {
    for (const auto& key : schema()) {
        CAPTURE(key.path);
        const auto end = key.path.find_first_of(".[");
        if (end == std::string_view::npos) continue;
        CHECK(find_key(key.path.substr(0, end)) != nullptr);
    }
}

TEST_CASE("schema: the default that is documented is the one that is used") {
    const auto loaded = test::load_with("");
    for (const auto& key : schema()) {
        if (key.write == nullptr || key.path == "prefix" || key.path == "napt") continue;
        const auto written = key.write(loaded).value;
        if (written.empty() || key.default_text.empty()) continue;
        CAPTURE(key.path);
        auto text = written;
        std::erase(text, '"');
        CHECK(text == key.default_text);
    }
}

TEST_CASE("schema: keys of later versions are refused by name") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"fastpath: on\n", "nat64.yaml:1:1: fastpath: ", "not yet", "auto|off"},
             {"state: /var/lib/nat64\n",
              "nat64.yaml:1:1: state: ",
              "not yet supported",
              "remove"},
             {"napt: siit\n", "nat64.yaml:1:7: napt: ", "'siit' is not yet", "napt: daemon"},
         })
        test::check_refused(refused);
}

TEST_CASE("schema: keys of later versions may say what happens anyway") {
    CHECK_NOTHROW(test::load_with("fastpath: auto\n"));
    CHECK_NOTHROW(test::load_with("fastpath: off\n"));
}

TEST_CASE("schema: unknown keys are refused with the nearest one") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"prefx: 64:ff9b::/96\n", "nat64.yaml:1:1: prefx: ", "unknown key", "'prefix'?"},
             {"limits: {session: 5}\n",
              "nat64.yaml:1:10: limits.session: ",
              "unknown",
              "'sessions'"},
             {"pool: [{adress: 192.0.2.1}]\n",
              "nat64.yaml:1:9: pool[0].adress: ",
              "",
              "'address'"},
             {"udp: 5m\n",
              "nat64.yaml:1:1: udp: ",
              "unknown key",
              "did you mean timeouts.udp?"},
             {"Version: 1\n", "nat64.yaml:1:1: Version: ", "unknown key", "'version'?"},
             {"banana: 5m\n", "nat64.yaml:1:1: banana: ", "unknown key 'banana'", "remove it"},
             {"pool[0]: x\n", "nat64.yaml:1:1: ", "unknown key", ""},
             {"log.level: info\n", "nat64.yaml:1:1: ", "unknown key 'log.level'", "nest it"},
         })
        test::check_refused(refused);
}
