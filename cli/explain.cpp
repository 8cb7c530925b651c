// SPDX-License-Identifier: Apache-2.0
#include "cli/explain.hpp"

#include "backends/registry.hpp"
#include "cli/control_client.hpp"
#include "cli/exit_codes.hpp"
#include "cli/show_listings.hpp"
#include "cli/table.hpp"
#include "cli/usage_error.hpp"
#include "config/writers.hpp"
#include "core/counters.hpp"
#include "core/policy.hpp"
#include "core/random.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/policy_keeper.hpp"
#include "platform/host_ops.hpp"
#include "platform/system_clock.hpp"
#include "service/control_commands.hpp"
#include "service/control_request.hpp"
#include "service/explain.hpp"

#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

std::string request_line(const ExplainOptions& options) {
    json::object request{{"v", service::kControlVersion},
                         {"id", 1},
                         {"verb", "explain"},
                         {"to", options.to.empty() ? options.address : options.to},
                         {"protocol", options.protocol},
                         {"port", options.port},
                         {"source_port", options.source_port}};
    if (!options.from.empty()) request["from"] = options.from;
    return json::serialize(request);
}

/// By the rules of the protocol itself, whoever will be asked.
service::Request checked_request(const std::string& line) {
    auto request = service::parse_request(line);
    if (!request) throw UsageError{"explain: --" + request.error().error.message};
    if (const auto command = service::find_command(*request); !command)
        throw UsageError{"explain: --" + command.error().message};
    return std::move(*request);
}

/// The daemon's item, or nullopt and `why` when there is none to ask.
std::optional<json::object>
ask_daemon(const ExplainOptions& options, const std::string& line, std::string& why) {
    try {
        ControlClient client{options.socket};
        client.send(line);
        const auto reply = client.next_line();
        if (!reply) throw ControlFailure{"the daemon hung up"};
        const auto value = json::parse(*reply).as_object();
        if (const auto* item = value.if_contains("item")) return item->as_object();
        why = std::string{value.at("error").at("message").as_string()};
    } catch (const ControlFailure& failure) {
        why = failure.what();
    }
    return std::nullopt;
}

/// A backend without traffic, and this machine's addresses as they are now.
json::object ask_configuration(config::Config config, const service::Request& request) {
    platform::LinuxHost host;
    if (config.napt_mode == config::NaptMode::Kernel && !config.napt.inner_pool)
        daemon::choose_inner_pool(config, host);
    Counters counters;
    Rng rng{platform::random_secret()};
    const auto backend =
        backends::make_backend(config::write::napt(config).value, config.napt, counters, rng);
    backend->exchange_policy(
        std::make_shared<const Policy>(config.policy,
                                       daemon::own_addresses(host.addresses()),
                                       daemon::own_prefixes(host.routes())));
    const auto found = service::find_out(
        service::question_of(request), config.translator, *backend, platform::now());
    return json::parse(service::explain_json(found, config)).as_object();
}

std::string headline(const json::object& item) {
    const auto from = text(item, "from");
    const auto protocol = text(item, "protocol");
    return fmt::format("{} -> {}, {}{}",
                       from.empty() ? "anybody" : from,
                       text(item, "to"),
                       protocol,
                       protocol == "icmp" ? "" : " port " + text(item, "port"));
}

void print(const json::object& item, std::ostream& out) {
    fmt::print(out, "{}\n\n", headline(item));
    Table table{{{"STEP"}, {"RESULT"}, {"WHY"}}, out};
    if (const auto* steps = item.if_contains("steps"); steps != nullptr && steps->is_array())
        for (const auto& value : steps->get_array())
            if (const auto* step = value.if_object())
                table.row({text(*step, "step"), text(*step, "result"), text(*step, "says")});
    table.finish();
    const auto verdict = text(item, "verdict");
    const auto reason = text(item, "reason");
    if (reason.empty()) {
        fmt::print(out, "\n{}\n", verdict);
        return;
    }
    fmt::print(out, "\n{}: {} ({})\n", verdict, reason, text(item, "help"));
    fmt::print(out, "answer: {}\n", text(item, "answer"));
    if (const auto remedy = text(item, "remedy"); !remedy.empty())
        fmt::print(out, "remedy: {}\n", remedy);
}

} // namespace

int explain(const ExplainOptions& options,
            const std::function<config::Config()>& load,
            std::ostream& out,
            std::ostream& err) {
    if (options.address.empty() == options.to.empty())
        throw UsageError{"explain: give either ADDRESS or --to ADDRESS"};
    const auto line = request_line(options);
    const auto request = checked_request(line);
    std::string why;
    std::optional<json::object> item;
    if (!options.offline) {
        item = ask_daemon(options, line, why);
        if (!item) fmt::print(err, "nat64 explain: {}\n", why);
    }
    if (!item) {
        fmt::print(err, "nat64 explain: as the configuration has it, without bindings\n");
        item = ask_configuration(load(), request);
    }
    if (options.json)
        out << json::serialize(*item) << '\n';
    else
        print(*item, out);
    if (out.flush()) return kDone;
    fmt::print(err, "nat64 explain: cannot write to standard output; is its disk full?\n");
    return kFailed;
}

} // namespace nat64::cli
