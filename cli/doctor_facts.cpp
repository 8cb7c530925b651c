// SPDX-License-Identifier: Apache-2.0
// One function a fact. Nothing here fails: what cannot be seen is left out, with the reason
// where a person could do something about it.
#include "cli/doctor_facts.hpp"

#include "cli/control_client.hpp"
#include "cli/doctor_dns64.hpp"
#include "cli/show_listings.hpp"
#include "platform/privileges.hpp"
#include "platform/tun_device.hpp"
#include "platform/unique_fd.hpp"

#include <cstring>
#include <exception>
#include <fstream>
#include <functional>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/utsname.h>

namespace nat64::cli {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::string kernel_release() {
    ::utsname name{};
    return ::uname(&name) == 0 ? name.release : "";
}

std::string tun_trouble() {
    try {
        const auto driver = platform::open_tun_driver();
        return {};
    } catch (const std::exception& trouble) {
        return trouble.what();
    }
}

std::map<std::string, unsigned> mtus() {
    std::map<std::string, unsigned> found;
    const platform::UniqueFd socket{platform::adopt,
                                    ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct ::if_nameindex* const links = ::if_nameindex();
    for (const auto* link = links; link != nullptr && link->if_name != nullptr; ++link) {
        ::ifreq request{};
        std::strncpy(request.ifr_name, link->if_name, sizeof request.ifr_name - 1);
        if (::ioctl(socket.get(), SIOCGIFMTU, &request) == 0)
            found[link->if_name] = static_cast<unsigned>(request.ifr_mtu);
    }
    ::if_freenameindex(links);
    return found;
}

std::uint64_t file_limit() {
    ::rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::uint64_t memory_available() {
    std::ifstream meminfo{"/proc/meminfo"};
    std::string name;
    std::string unit;
    std::uint64_t kib = 0;
    while (meminfo >> name >> kib && std::getline(meminfo, unit))
        if (name == "MemAvailable:") return kib * 1024;
    return 0;
}

bool clock_synchronized() {
    ::timex clock{};
    return ::adjtimex(&clock) != TIME_ERROR;
}

void look_at_chains(const std::string& tun, MachineFacts& facts) {
    try {
        facts.dropping_chains = kernel::chains_that_drop(tun);
    } catch (const std::exception& trouble) {
        facts.chains_trouble = trouble.what();
    }
}

void ask(ControlClient& client,
         const char* what,
         const std::function<void(const json::object&)>& take) {
    client.send(fmt::format(R"({{"v":1,"id":1,"verb":"show","what":"{}"}})", what));
    while (const auto line = client.next_line()) {
        const json::value reply = json::parse(*line);
        const json::value* item = reply.as_object().if_contains("item");
        if (item == nullptr) return;
        take(item->as_object());
    }
    throw ControlFailure{"the daemon hung up before its answer was complete"};
}

DaemonFacts ask_daemon(const std::filesystem::path& socket) {
    ControlClient client{socket, 5s};
    DaemonFacts facts;
    ask(client, "status", [&](const json::object& item) {
        take_status(item, facts.sample);
        facts.tun = text(item, "tun.name");
        facts.tcp_segmentation = text(item, "tun.tcp_segmentation") == "true";
    });
    ask(client, "drops", [&](const json::object& item) { take_drop(item, facts.sample); });
    return facts;
}

} // namespace

MachineFacts gather_facts(const std::filesystem::path& control_socket, const std::string& tun) {
    MachineFacts facts;
    facts.kernel = kernel_release();
    facts.net_admin = platform::have_net_admin();
    facts.tun_trouble = tun_trouble();
    facts.mtus = mtus();
    facts.files = file_limit();
    facts.memory = memory_available();
    facts.clock_synchronized = clock_synchronized();
    look_at_chains(tun, facts);
    facts.dns64 = ask_for_ipv4only_arpa();
    try {
        facts.daemon = ask_daemon(control_socket);
    } catch (const std::exception& trouble) {
        facts.daemon_trouble = trouble.what();
    }
    return facts;
}

} // namespace nat64::cli
