// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.hpp"

#include "cli/config_file.hpp"
#include "cli/doctor_checks.hpp"
#include "cli/doctor_facts.hpp"
#include "cli/doctor_finding.hpp"
#include "config/inner_pool.hpp"
#include "config/load.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/mycelium_node.hpp"
#include "platform/host_ops.hpp"

#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nat64::cli {

namespace {

/// The configuration, or why there is none; a finding of its own either way.
std::optional<config::Config> load(const DoctorOptions& options,
                                   std::vector<Finding>& findings) {
    const auto file = config_file(options.config);
    const bool given = !file.empty();
    try {
        auto config =
            given ? config::load(file, options.profile) : config::defaults(options.profile);
        findings.push_back({Health::Ok,
                            "configuration",
                            given ? file.native() + " is valid"
                                  : "no file: the defaults, with this machine's own address",
                            {}});
        return config;
    } catch (const std::exception& trouble) {
        findings.push_back(
            {Health::Fail, "configuration", trouble.what(), "nat64 check -c " + file.native()});
        return std::nullopt;
    }
}

/// As `nat64 run` would have it.
void complete(config::Config& config,
              const MachineFacts& facts,
              platform::HostOps& host,
              std::vector<Finding>& findings) {
    if (config.mycelium.derives_prefix) {
        try {
            daemon::complete_prefix(config, {});
        } catch (const std::exception& trouble) {
            findings.push_back(
                {Health::Fail, "prefix", trouble.what(), "start Mycelium, or give the prefix"});
        }
    }
    if (config.napt_mode != config::NaptMode::Kernel || config.napt.inner_pool) return;
    if (facts.daemon) // it has chosen already
        if (const auto pool = Prefix4::parse(facts.daemon->sample.pool)) {
            config::use_inner_pool(config, *pool);
            return;
        }
    try {
        daemon::choose_inner_pool(config, host);
    } catch (const std::exception& trouble) {
        findings.push_back({Health::Fail, "addresses", trouble.what(), "give an inner_pool"});
    }
}

} // namespace

int doctor(const DoctorOptions& options) {
    std::vector<Finding> findings;
    platform::LinuxHost host;
    auto config = load(options, findings);
    const bool valid = config.has_value();
    // The machine is worth a look in any case.
    if (!valid) config = config::defaults();
    const auto facts = gather_facts(
        options.socket.empty() ? config->control.socket : options.socket, config->tun.name);
    complete(*config, facts, host, findings);
    if (config->napt_mode != config::NaptMode::Kernel || config->napt.inner_pool)
        for (auto& finding : examine(*config, facts, host))
            findings.push_back(std::move(finding));
    if (options.json)
        print_findings_json(findings, std::cout);
    else
        print_findings(findings, std::cout);
    if (!std::cout.flush())
        throw std::runtime_error{"cannot write to standard output; is its disk full?"};
    return exit_code(findings);
}

} // namespace nat64::cli
