// SPDX-License-Identifier: Apache-2.0
#include "daemon/sysctl_record.hpp"
#include "platform/forwarding_sysctls.hpp"

#include <array>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include <unistd.h>

namespace nat64::daemon {

namespace {

const std::vector<SysctlChange> kChanges{{"net.ipv4.ip_forward", "0", "1"},
                                         {"net/ipv6/conf/eth0.5/accept_ra", "1", "2"}};

} // namespace

TEST_CASE("record: what is written is read, by the same machine only") {
    const auto text = to_text("boot 1", kChanges);
    CHECK(parse_record(text, "boot 1") == kChanges);
    CHECK(parse_record(text, "boot 2").empty());
    CHECK(parse_record("", "boot 1").empty());
}

TEST_CASE("record: it cannot make anybody set what nat64 does not change") {
    for (const auto* line : {"kernel.core_pattern 0 1",
                             "net/ipv6/conf/../../../kernel/x/forwarding 0 1",
                             "net/ipv4/conf//forwarding 0 1",
                             "net/ipv4/conf/eth0/arp_ignore 0 1",
                             "net.ipv4.ip_forward 0 |sh",
                             "net.ipv4.ip_forward 9999999999 1"}) {
        CAPTURE(line);
        CHECK(parse_record(std::string{"boot\n"} + line + '\n', "boot").empty());
    }
    CHECK(platform::is_forwarding_sysctl("net/ipv4/conf/all/accept_redirects"));
    CHECK_FALSE(platform::is_forwarding_sysctl("net/ipv4/conf/eth0"));
    CHECK_FALSE(platform::is_forwarding_sysctl("net/ipv4/conf/../forwarding"));
}

TEST_CASE("record: one that another user has put there is not believed") {
    if (::geteuid() != 0) return; // who is not root gives no file away
    const auto path = std::filesystem::temp_directory_path() /
                      ("nat64-record-of-another-" + std::to_string(::getpid()));
    SysctlRecord record{path, "boot"};
    record.add(kChanges);
    REQUIRE(record.read() == kChanges);
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    CHECK(record.read().empty());
    std::filesystem::remove(path);
}

TEST_CASE("record: a file that is replaced as a whole, and gone when nothing is changed") {
    const auto path = std::filesystem::temp_directory_path() /
                      ("nat64-record-test-" + std::to_string(::getpid()));
    SysctlRecord record{path, "boot"};
    CHECK(record.read().empty());
    record.add(kChanges);
    CHECK(record.read() == kChanges);
    record.add(std::array{SysctlChange{kIcmpTimeout, "30", "60"}});
    record.add(std::array{SysctlChange{kIcmpTimeout, "30", "90"}});
    CHECK(record.read().size() == 3);
    CHECK(record.read().back() == SysctlChange{kIcmpTimeout, "30", "90"});
    record.remove(kChanges);
    CHECK(record.read().size() == 1);
    record.remove(record.read());
    CHECK_FALSE(std::filesystem::exists(path));
    record.remove(kChanges);
}

} // namespace nat64::daemon
