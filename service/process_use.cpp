// SPDX-License-Identifier: Apache-2.0
// proc(5): /proc/self/stat, /proc/stat, /proc/self/fd.
#include "service/process_use.hpp"

#include <array>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace nat64::service {

namespace {

/// The fields of /proc/self/stat behind the command's name, which may contain anything: the
/// first is field 3 of proc(5).
std::vector<double> stat_fields(const platform::UniqueFd& stat) {
    std::array<char, 4096> bytes{};
    const auto size = ::pread(stat.get(), bytes.data(), bytes.size(), 0);
    if (size <= 0) return {};
    const std::string_view text{bytes.data(), static_cast<std::size_t>(size)};
    const auto name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return {};
    std::istringstream rest{std::string{text.substr(name_end + 1)}};
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

std::optional<double> limit_of_fds() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
    return static_cast<double>(limit.rlim_cur);
}

} // namespace

ProcessFiles::ProcessFiles()
    : stat_{platform::adopt, ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)},
      fds_{::opendir("/proc/self/fd")},
      boot_time_{boot_time()},
      max_fds_{limit_of_fds()} {}

std::optional<double> ProcessFiles::count_fds() const {
    if (!fds_) return {};
    ::rewinddir(fds_.get());
    double count = 0;
    while (const auto* entry = ::readdir(fds_.get())) // NOLINT(concurrency-mt-unsafe): ours
        if (entry->d_name[0] != '.') ++count;
    return count;
}

ProcessUse ProcessFiles::read() const {
    // Numbers of proc(5), less 3.
    constexpr std::size_t kUserTime = 11;
    constexpr std::size_t kSystemTime = 12;
    constexpr std::size_t kStartTime = 19;
    constexpr std::size_t kVirtualSize = 20;
    constexpr std::size_t kResidentPages = 21;
    ProcessUse use;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto fields = stat_fields(stat_);
    if (fields.size() > kResidentPages) {
        use.cpu_seconds = (fields[kUserTime] + fields[kSystemTime]) / ticks;
        if (boot_time_) use.start_time = *boot_time_ + fields[kStartTime] / ticks;
        use.virtual_bytes = fields[kVirtualSize];
        use.resident_bytes =
            fields[kResidentPages] * static_cast<double>(::sysconf(_SC_PAGESIZE));
    }
    use.open_fds = count_fds();
    use.max_fds = max_fds_;
    return use;
}

} // namespace nat64::service
