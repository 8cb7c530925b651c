// SPDX-License-Identifier: Apache-2.0
// Profiles: defaults that the file overrides, whichever comes first in it.
#include "config/print.hpp"
#include "config/profiles.hpp"
#include "tests/config/support.hpp"

using namespace nat64;
using namespace nat64::config;
using test::check_refused;
using test::load_text;

TEST_CASE("profile: mycelium is careful with strangers and knows the overlay's MTU") {
    const auto config = load_text("profile: mycelium\n");
    CHECK(config.profile == Profile::Mycelium);
    CHECK(config.mycelium.derives_prefix);
    CHECK(config.napt_mode == NaptMode::Kernel);
    CHECK(config.translator.rfc7915.ipv6_mtu == Mtu{1400});
    CHECK(config.translator.rfc7915.ipv4_mtu == Mtu{1380});
    CHECK(config.tun.mtu == Mtu{1500});
    CHECK(config.napt.limits.client_prefix == 64);
    CHECK(config.policy.clients_allow == std::vector{Prefix6::parse("400::/7").value()});
    CHECK(config.policy.private_destinations == PrivateDestinations::Refused);
    REQUIRE(config.policy.destinations_deny.size() == 1);
    CHECK(config.policy.destinations_deny[0].ports == PortRange{Port{25}, Port{25}});
}

TEST_CASE("profile: what the file says counts, before the profile and behind it") {
    const auto config = load_text("limits: {client_prefix: 56, sessions_per_client: 7}\n"
                                  "destinations: {deny: [198.51.100.0/24]}\n"
                                  "profile: mycelium\n"
                                  "prefix: {within: \"5c4:c176:bf44:b2ab::/64\", suffix: "
                                  "\"0:6464\"}\n"
                                  "mtu: {ipv6: 1380}\n"
                                  "pool: [8.8.8.0/28]\n");
    CHECK(config.napt.limits.client_prefix == 56);
    CHECK(config.napt.limits.sessions_per_client == 7);
    CHECK(config.napt.limits.ports_per_client == 512);
    CHECK(config.policy.destinations_deny.size() == 1);
    CHECK_FALSE(config.policy.destinations_deny[0].protocol);
    CHECK(config.translator.prefix.to_string() == "5c4:c176:bf44:b2ab:0:6464::/96");
    CHECK(config.napt.prefix == config.translator.prefix);
    CHECK_FALSE(config.mycelium.derives_prefix);
    CHECK(config.translator.rfc7915.ipv6_mtu == Mtu{1380});
    CHECK(config.napt_mode == NaptMode::Daemon);
}

TEST_CASE("profile: the command line's counts where the file names none") {
    CHECK(config::parse("", {}, Profile::Mycelium).profile == Profile::Mycelium);
    CHECK(config::parse("mtu: {ipv6: 1300}\n", {}, Profile::Mycelium)
              .translator.rfc7915.ipv6_mtu == Mtu{1300});
    CHECK(load_text("").profile == Profile::None);
    CHECK(find_profile("mycelium") == Profile::Mycelium);
    CHECK_FALSE(find_profile("yggdrasil"));
}

TEST_CASE("profile: what is printed is read back as the same") {
    for (const auto* const more :
         {"",
          "mycelium: {api: \"[::1]:9000\", suffix: \"64\", poll: 5s}\n",
          "napt: kernel\ninner_pool: 100.64.0.0/16\n",
          "prefix: 5c4:c176:bf44:b2ab:0:6464::/96\npool: [8.8.8.8]\n"}) {
        const auto config = load_text("profile: mycelium\n" + std::string{more});
        CAPTURE(print(config));
        CHECK(config::parse(print(config), config.file) == config);
    }
    CHECK(print(load_text("profile: mycelium\n")).find("# prefix: unset: made of the subnet") !=
          std::string::npos);
    CHECK(print(load_text("")).find("mycelium.api") == std::string::npos);
}

TEST_CASE("profile: what is wrong is refused with place and remedy") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"profile: micelium\n",
              "nat64.yaml:1:10: profile: ",
              "'micelium' is no profile",
              "there are: mycelium"},
             {"mycelium: {poll: 5s}\n",
              "nat64.yaml:1:18: mycelium.poll: ",
              "means nothing without profile: mycelium",
              "add the profile"},
             {"profile: mycelium\nmycelium: {api: localhost}\n",
              "nat64.yaml:2:17: mycelium.api: ",
              "'localhost' is not an address with a port",
              "ADDRESS:PORT"},
             {"profile: mycelium\nmycelium: {suffix: 1:2:3}\n",
              "nat64.yaml:2:20: mycelium.suffix: ",
              "does not fit",
              "write it like 0:6464"},
         })
        check_refused(refused);
    // The first octet of the suffix is the u octet of RFC 6052.
    check_refused({"profile: mycelium\nmycelium: {suffix: \"100:6464\"}\n",
                   "nat64.yaml:2:20: mycelium.suffix: ",
                   "first octet",
                   "RFC 6052"});
    CHECK_NOTHROW(load_text("profile: mycelium\nmycelium: {suffix: \"1:6464\"}\n"));
}
