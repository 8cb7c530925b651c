// SPDX-License-Identifier: Apache-2.0
// OsError: the sentence a person reads.
#include "platform/os_error.hpp"

#include <cerrno>
#include <string>

#include <doctest/doctest.h>

namespace nat64::platform {

TEST_CASE("OsError: says what was tried, what the kernel said and what to do") {
    const OsError error{ENOENT, "open /dev/net/tun", "Run 'modprobe tun'"};
    CHECK(std::string{error.what()} ==
          "open /dev/net/tun: No such file or directory. Run 'modprobe tun'");
    CHECK((error.code() == std::errc::no_such_file_or_directory));
}

TEST_CASE("OsError: no remedy, no empty sentence") {
    errno = EPERM;
    try {
        throw_errno("add route");
        FAIL("throw_errno returned");
    } catch (const OsError& error) {
        CHECK(std::string{error.what()} == "add route: Operation not permitted");
    }
}

} // namespace nat64::platform
