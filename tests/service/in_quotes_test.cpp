// SPDX-License-Identifier: Apache-2.0
#include "service/in_quotes.hpp"

#include <string>

#include <doctest/doctest.h>

namespace nat64::service {

TEST_CASE("messages: a stranger's text is quoted short and printable") {
    CHECK(in_quotes("abc") == R"("abc")");
    CHECK(in_quotes("a\"\n\x1b\xff") == R"("a????")");
    CHECK(in_quotes(std::string(100, 'x')).size() == 45);
}

} // namespace nat64::service
