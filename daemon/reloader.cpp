// SPDX-License-Identifier: Apache-2.0
#include "daemon/reloader.hpp"

#include "config/config_error.hpp"
#include "config/difference.hpp"
#include "config/pool_part.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/policy.hpp"
#include "daemon/machine_check.hpp"
#include "platform/system_clock.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace asio = boost::asio;
using config::Change;
using config::Config;
using service::CommandFailure;

/// New settings on their way to the packet thread, former ones on the way back: nothing is
/// allocated or freed there.
struct Reloader::Handover {
    NaptSettings napt;
    TranslatorSettings translator;
    std::shared_ptr<const Policy> policy; ///< empty: as it was
};

Reloader::Reloader(Parts parts,
                   Load load,
                   asio::any_io_executor control,
                   asio::any_io_executor packets)
    : parts_{std::move(parts)},
      load_{std::move(load)},
      made_for_{parts_.running.napt},
      packets_{control, std::move(packets)},
      turns_{std::move(control)} {}

asio::awaitable<std::vector<Change>> Reloader::reload() {
    co_await turns_.come();
    const service::Turns::Mine mine{turns_};
    const auto when = platform::now();
    try {
        auto changes = co_await attempt();
        const auto result =
            changes.empty() ? service::ReloadResult::Unchanged : service::ReloadResult::Applied;
        note({.when = when, .result = result, .changes = changes.size()});
        for (const auto& change : changes)
            spdlog::info("reload: {}", to_string(change));
        if (changes.empty()) spdlog::info("reload: nothing has changed");
        co_return changes;
    } catch (const std::exception& error) {
        note({.when = when, .result = service::ReloadResult::Refused, .refusal = error.what()});
        throw;
    }
}

/// In the log as well: who sends SIGHUP gets no other answer.
void Reloader::note(service::LastReload last) {
    std::string_view text = last.refusal;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        spdlog::error("reload refused: {}", text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    last_ = std::move(last);
}

asio::awaitable<std::vector<Change>> Reloader::attempt() {
    Config wanted = load();
    auto difference = config::difference(parts_.running, wanted, made_for_.pool);
    if (!difference.fixed.empty())
        throw CommandFailure{"restart_needed", to_string(difference.fixed)};
    if (!difference.changes.empty())
        co_await put_in_force(wanted);
    else if (parts_.kernel_napt != nullptr)
        parts_.kernel_napt->find_services();
    parts_.apply_log(wanted.log);
    parts_.running = std::move(wanted);
    co_return std::move(difference.changes);
}

Config Reloader::load() {
    try {
        auto wanted = load_();
        config::keep_choices(wanted, parts_.running);
        return wanted;
    } catch (const config::ConfigError& error) {
        throw CommandFailure{"bad_configuration", error.what()};
    }
}

/// Routes first, so that the packets of new addresses come here. nftables last: what the
/// kernel refuses can be taken back from the packet thread, the other way round a flow could
/// be forgotten before its time (KernelNapt::apply).
asio::awaitable<void> Reloader::put_in_force(const Config& wanted) {
    route(wanted);
    std::exception_ptr refusal;
    try {
        auto* const kernel_napt = parts_.kernel_napt;
        std::vector<Ipv4Addr> changing_hands;
        if (kernel_napt != nullptr)
            changing_hands =
                co_await kernel_napt->changing_hands(packets_, wanted.napt.statics);
        co_await hand_over(wanted);
        if (kernel_napt == nullptr) co_return;
        kernel_napt->apply(wanted.napt);
        co_await kernel_napt->end_flows_of_former(std::move(changing_hands));
        co_return;
    } catch (const CommandFailure&) {
        refusal = std::current_exception();
    } catch (const std::exception& error) {
        refusal = std::make_exception_ptr(CommandFailure{"refused_by_kernel", error.what()});
    }
    co_await hand_over(parts_.running);
    route(parts_.running);
    std::rethrow_exception(refusal);
}

/// All routes or none.
void Reloader::route(const Config& config) {
    try {
        parts_.routes.replace(routes_to_tun(config));
    } catch (const std::system_error& error) {
        throw CommandFailure{"refused_by_kernel", error.what()};
    }
}

asio::awaitable<void> Reloader::withhold(std::vector<Ipv4Addr> own) {
    co_await turns_.come();
    const service::Turns::Mine mine{turns_};
    own_ = std::move(own);
    co_await hand_over(parts_.running);
}

asio::awaitable<void> Reloader::answer_from(std::optional<Ipv6Addr> gateway6) {
    co_await turns_.come();
    const service::Turns::Mine mine{turns_};
    parts_.running.translator.gateway6 = gateway6;
    co_await hand_over(parts_.running);
}

/// The pool that the tables were made for, less what is not to be given out.
NaptSettings Reloader::for_backend(const Config& config) const {
    auto napt = config.napt;
    napt.withheld = config::left_out(made_for_.pool, napt.pool);
    napt.withheld.insert(napt.withheld.end(), own_.begin(), own_.end());
    std::ranges::sort(napt.withheld);
    napt.pool = made_for_.pool;
    napt.reserved = made_for_.reserved;
    std::ranges::sort(napt.statics);
    return napt;
}

/// The policy is made and posted without a pause: whatever the machine's own addresses do
/// meanwhile is posted behind it.
asio::awaitable<void> Reloader::hand_over(const Config& config) {
    using Keys = std::vector<std::string_view>;
    auto parcel = std::make_shared<Handover>(
        Handover{for_backend(config), config.translator, parts_.policy.adopt(config.policy)});
    std::function<Keys()> job = [parcel, parts = &parts_] {
        auto fixed = parts->backend.apply(parcel->napt, platform::now());
        if (!fixed.empty()) return fixed;
        parts->translator.apply(parcel->translator);
        if (parcel->policy)
            parcel->policy = parts->backend.exchange_policy(std::move(parcel->policy));
        parts->after();
        return fixed;
    };
    const Keys fixed = co_await packets_.run<Keys>(std::move(job));
    if (fixed.empty()) co_return;
    parts_.policy.readopt(parts_.running.policy);
    std::string keys;
    for (const auto key : fixed)
        keys.append(keys.empty() ? "" : ", ").append(key);
    throw CommandFailure{"restart_needed",
                         keys + " cannot change while nat64 runs: restart needed"};
}

} // namespace nat64::daemon
