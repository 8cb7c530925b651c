// SPDX-License-Identifier: Apache-2.0
// What is thrown when the kernel says no: a std::system_error whose text reads as a sentence a
// person can act on: what was tried on what, what the kernel said, and, where we know it, what
// to do about it.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace nat64::platform {

struct Verbatim {};

class OsError : public std::system_error {
public:
    /// "open /dev/net/tun: No such file or directory. Load the module: modprobe tun"
    OsError(int error, std::string_view tried, std::string_view remedy = {});

    /// One that another process has thrown, with the whole of its text.
    OsError(Verbatim, int error, std::string text);

    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

/// Throws an OsError made of errno.
[[noreturn]] void throw_errno(std::string_view tried, std::string_view remedy = {});

} // namespace nat64::platform
