// SPDX-License-Identifier: Apache-2.0
// How an oracle objects: by an exception, which is a failed test to doctest and a crash to a
// fuzzer. So what is compared with the oracles is written once, for both.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace nat64::oracle {

/// Something that must hold does not.
class Broken : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

inline void expect(bool holds,
                   const char* what,
                   const std::source_location& where = std::source_location::current()) {
    if (!holds)
        throw Broken{std::string{what} + " (" + where.file_name() + ":" +
                     std::to_string(where.line()) + ")"};
}

/// For checks that answer with what is wrong: nothing may be.
inline void expect_none(const std::string& complaint,
                        const std::source_location& where = std::source_location::current()) {
    if (!complaint.empty()) expect(false, complaint.c_str(), where);
}

} // namespace nat64::oracle
