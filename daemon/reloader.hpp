// SPDX-License-Identifier: Apache-2.0
// Reload: another configuration for a daemon that goes on carrying packets.
//
//   read     the whole file, with the errors that `nat64 check` would have
//   compare  with what is in force; one key that cannot change refuses all of them
//   prepare  everything that allocates or takes long, here on the control thread
//   hand over  by exchange, in one job between two batches on the packet thread
//   follow   nftables table, log
//
// Nothing is in force before everything is checked, and what an error undoes is undone (ADR
// 0026). Control thread.
#pragma once

#include "config/config.hpp"
#include "core/translator.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/policy_keeper.hpp"
#include "daemon/route_keeper.hpp"
#include "service/daemon_changes.hpp"
#include "service/packet_thread.hpp"
#include "service/turns.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace nat64::daemon {

class Reloader final : public service::DaemonChanges {
public:
    /// What a reload reaches. All of it outlives the reloader.
    struct Parts {
        config::Config& running; ///< what is in force; becomes the new one
        NaptBackend& backend;
        Translator& translator;
        PolicyKeeper& policy;
        RouteKeeper& routes;
        KernelNapt* kernel_napt;     ///< with napt: kernel
        std::function<void()> after; ///< on the packet thread, behind a change
        std::function<void(const config::Log&)> apply_log;
    };

    /// Reads the configuration again. Throws config::ConfigError.
    using Load = std::function<config::Config()>;

    Reloader(Parts parts,
             Load load,
             boost::asio::any_io_executor control,
             boost::asio::any_io_executor packets);

    boost::asio::awaitable<std::vector<config::Change>> reload() override;

    /// These addresses of the pool are the machine's own by now: nobody gets them.
    boost::asio::awaitable<void> withhold(std::vector<Ipv4Addr> own);

    /// The source of ICMPv6 errors that cannot come from the prefix.
    boost::asio::awaitable<void> answer_from(std::optional<Ipv6Addr> gateway6);

    [[nodiscard]] const std::optional<service::LastReload>&
    last_reload() const noexcept override {
        return last_;
    }

private:
    struct Handover;

    boost::asio::awaitable<std::vector<config::Change>> attempt();
    [[nodiscard]] config::Config load();
    boost::asio::awaitable<void> put_in_force(const config::Config& wanted);
    void route(const config::Config& config);
    [[nodiscard]] NaptSettings for_backend(const config::Config& config) const;
    boost::asio::awaitable<void> hand_over(const config::Config& config);
    void note(service::LastReload last);

    Parts parts_;
    Load load_;
    const NaptSettings made_for_; ///< the tables, when the daemon started
    std::vector<Ipv4Addr> own_;   ///< withhold()
    service::PacketThread packets_;
    service::Turns turns_;
    std::optional<service::LastReload> last_;
};

} // namespace nat64::daemon
