// SPDX-License-Identifier: Apache-2.0
// proc(5): /proc/self/stat, /proc/stat, /proc/self/fd.
#include "service/process_use.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace nat64::service {

namespace {

/// The fields of /proc/self/stat behind the command's name, which may contain anything: the
/// first is field 3 of proc(5).
std::vector<double> stat_fields() {
    std::ifstream file{"/proc/self/stat"};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream rest{text.substr(name_end + 1)};
    std::string state;
    rest >> state;
    std::vector<double> fields{0};
    for (double value = 0; rest >> value;)
        fields.push_back(value);
    return fields;
}

/// When the machine was booted, in seconds since 1970.
std::optional<double> boot_time() {
    std::ifstream file{"/proc/stat"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("btime ")) return std::stod(line.substr(6));
    return std::nullopt;
}

std::optional<double> count_fds() {
    std::error_code error;
    std::filesystem::directory_iterator entry{"/proc/self/fd", error};
    double count = -1; // the iterator's own
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error))
        ++count;
    if (error) return std::nullopt;
    return count;
}

} // namespace

ProcessUse process_use() {
    // Numbers of proc(5), less 3.
    constexpr std::size_t kUserTime = 11;
    constexpr std::size_t kSystemTime = 12;
    constexpr std::size_t kStartTime = 19;
    constexpr std::size_t kVirtualSize = 20;
    constexpr std::size_t kResidentPages = 21;
    ProcessUse use;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto fields = stat_fields();
    if (fields.size() > kResidentPages) {
        use.cpu_seconds = (fields[kUserTime] + fields[kSystemTime]) / ticks;
        if (const auto boot = boot_time()) use.start_time = *boot + fields[kStartTime] / ticks;
        use.virtual_bytes = fields[kVirtualSize];
        use.resident_bytes =
            fields[kResidentPages] * static_cast<double>(::sysconf(_SC_PAGESIZE));
    }
    use.open_fds = count_fds();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        use.max_fds = static_cast<double>(limit.rlim_cur);
    return use;
}

} // namespace nat64::service
