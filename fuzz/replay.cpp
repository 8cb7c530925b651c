// SPDX-License-Identifier: Apache-2.0
// Runs one target over files or whole directories of them, without libFuzzer: how the ordinary
// tests make sure that no finding comes back.
//
//     fuzz_replay TARGET FILE_OR_DIRECTORY...
//
// Ends with "N inputs"; the exit code is 1 if there were none. A finding is what ends the
// program in any other way; the file it came from is the last that was named.
#include "fuzz/targets.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Target {
    std::string_view name;
    void (*run)(nat64::fuzz::View);
};

constexpr std::array kTargets{
    Target{"packet_parse", nat64::fuzz::packet_parse},
    Target{"translate_6to4", nat64::fuzz::translate_6to4},
    Target{"translate_4to6", nat64::fuzz::translate_4to6},
    Target{"plain", nat64::fuzz::plain},
    Target{"round_trip", nat64::fuzz::round_trip},
    Target{"fragments", nat64::fuzz::fragments},
    Target{"tables", nat64::fuzz::tables},
    Target{"ports", nat64::fuzz::ports},
    Target{"timers", nat64::fuzz::timers},
    Target{"hosts", nat64::fuzz::hosts},
    Target{"config", nat64::fuzz::config},
    Target{"control", nat64::fuzz::control},
    Target{"capture", nat64::fuzz::capture},
    Target{"netlink", nat64::fuzz::netlink},
    Target{"machine", nat64::fuzz::machine},
};

std::vector<std::filesystem::path> files_of(std::span<char* const> arguments) {
    std::vector<std::filesystem::path> files;
    for (const auto* argument : arguments) {
        const std::filesystem::path path{argument};
        if (!std::filesystem::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator{path})
            if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

void run(const Target& target, const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    const std::vector<char> bytes{std::istreambuf_iterator<char>{stream}, {}};
    if (!stream) throw std::runtime_error{"cannot read " + file.string()};
    // Named before it is run: a crash leaves its name behind.
    std::cout << file.filename().string() << std::endl;
    target.run(std::as_bytes(std::span{bytes}));
}

} // namespace

int main(int argc, char** argv) {
    const std::span arguments{argv, static_cast<std::size_t>(argc)};
    const std::string_view name = argc > 1 ? arguments[1] : "";
    const auto* target = std::ranges::find(kTargets, name, &Target::name);
    if (target == kTargets.end()) {
        std::cerr << "fuzz_replay: no target '" << name << "'; there are:";
        for (const auto& known : kTargets)
            std::cerr << ' ' << known.name;
        std::cerr << '\n';
        return 2;
    }
    try {
        const auto files = files_of(arguments.subspan(2));
        for (const auto& file : files)
            run(*target, file);
        std::cout << files.size() << " inputs\n";
        return files.empty() ? 1 : 0;
    } catch (const std::exception& error) {
        std::cout << "FOUND: " << error.what() << '\n';
        return 1;
    }
}
