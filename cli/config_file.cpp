// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.hpp"

#include <filesystem>
#include <system_error>

namespace nat64::cli {

std::filesystem::path config_file(const std::filesystem::path& given,
                                  const std::filesystem::path& usual) {
    if (!given.empty()) return given;
    std::error_code ignored;
    const auto found = std::filesystem::symlink_status(usual, ignored);
    return found.type() == std::filesystem::file_type::not_found ? std::filesystem::path{}
                                                                 : usual;
}

} // namespace nat64::cli
