// SPDX-License-Identifier: Apache-2.0
// The effective configuration as plain values: what config/load made of the YAML file after
// defaults, validation and the cross-checks of RFC 6052 §3.1. Everything above core reads this
// and never YAML. Immutable once loaded.
#pragma once

#include "core/napt_settings.hpp"
#include "core/policy.hpp"
#include "core/translator.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nat64::config {

/// `napt`: how transport addresses are shared.
enum class NaptMode : std::uint8_t { Daemon, Kernel, Siit };

/// As in `napt: …`.
[[nodiscard]] std::string_view name_of(NaptMode mode) noexcept;

/// `tun.offload`
enum class OffloadMode : std::uint8_t { Auto, Off };

enum class LogLevel : std::uint8_t { Trace, Debug, Info, Warning, Error };

struct Tun {
    std::string name = "nat64";
    OffloadMode offload = OffloadMode::Auto;
    /// max(mtu.ipv6, mtu.ipv4, 1500)
    Mtu mtu{1500};

    friend bool operator==(const Tun&, const Tun&) = default;
};

/// `profile`
enum class Profile : std::uint8_t { None, Mycelium };

/// `mycelium`, with profile: mycelium.
struct Mycelium {
    std::string api = "127.0.0.1:8989";
    std::string suffix = "0:6464";
    Clock::duration poll = std::chrono::seconds{30};
    /// `prefix` is not configured, and the node has not been asked yet: the one in this
    /// configuration means nothing.
    bool derives_prefix = false;

    friend bool operator==(const Mycelium&, const Mycelium&) = default;
};

struct Control {
    std::filesystem::path socket = "/run/nat64/nat64.sock";
    /// Members may read. Empty: root only. The default group may be missing on the machine, a
    /// configured one may not.
    std::string group = "nat64";
    bool group_is_default = true;

    friend bool operator==(const Control&, const Control&) = default;
};

/// Where to listen: an address with its port, or the path of a Unix socket.
using ListenAddress = std::variant<Endpoint4, Endpoint6, std::filesystem::path>;

/// As it stands in the file: "127.0.0.1:9464", "[::1]:9464", "unix:/run/nat64/metrics.sock".
[[nodiscard]] std::string to_string(const ListenAddress& address);

struct Metrics {
    std::optional<ListenAddress> listen; ///< nullopt: no metrics

    friend bool operator==(const Metrics&, const Metrics&) = default;
};

enum class LogFormat : std::uint8_t { Text, Json };

struct Log {
    LogLevel level = LogLevel::Info;
    LogFormat format = LogFormat::Text;
    bool bindings = false;
    bool sessions = false;
    bool destinations = false; ///< with sessions: where to (RFC 6888 REQ-12: by default not)

    friend bool operator==(const Log&, const Log&) = default;
};

struct Config {
    /// The file, empty for defaults.
    std::filesystem::path file;
    Profile profile = Profile::None;
    Mycelium mycelium;
    NaptMode napt_mode = NaptMode::Daemon;
    NaptSettings napt;
    TranslatorSettings translator;
    PolicySettings policy; ///< clients, destinations
    Tun tun;
    Control control;
    Metrics metrics;
    Log log;

    friend bool operator==(const Config&, const Config&) = default;
};

} // namespace nat64::config
