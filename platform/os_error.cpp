// SPDX-License-Identifier: Apache-2.0
// The text of an OsError.
#include "platform/os_error.hpp"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace nat64::platform {

OsError::OsError(int error, std::string_view tried, std::string_view remedy)
    : std::system_error{error, std::generic_category()}, text_{tried} {
    text_ += ": " + code().message();
    if (!remedy.empty()) text_.append(". ").append(remedy);
}

OsError::OsError(Verbatim /*tag*/, int error, std::string text)
    : std::system_error{error, std::generic_category()}, text_{std::move(text)} {}

void throw_errno(std::string_view tried, std::string_view remedy) {
    throw OsError{errno, tried, remedy};
}

} // namespace nat64::platform
