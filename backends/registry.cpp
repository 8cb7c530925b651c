// SPDX-License-Identifier: Apache-2.0
#include "backends/registry.hpp"

#include "backends/kernel/kernel_backend.hpp"
#include "backends/userspace/userspace_backend.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace nat64::backends {

namespace {

template <typename Backend>
std::unique_ptr<NaptBackend> make(const NaptSettings& settings, Counters& counters, Rng& rng) {
    return std::make_unique<Backend>(settings, counters, rng);
}

constexpr std::array kBackends{
    BackendEntry{"daemon", &make<userspace::UserspaceBackend>},
    BackendEntry{"kernel", &make<kernel::KernelBackend>},
};

} // namespace

std::span<const BackendEntry> backends() noexcept {
    return kBackends;
}

std::unique_ptr<NaptBackend> make_backend(std::string_view name,
                                          const NaptSettings& settings,
                                          Counters& counters,
                                          Rng& rng) {
    const auto found = std::ranges::find(kBackends, name, &BackendEntry::name);
    if (found == kBackends.end())
        throw std::invalid_argument{"napt: no backend is called " + std::string{name}};
    return found->make(settings, counters, rng);
}

} // namespace nat64::backends
