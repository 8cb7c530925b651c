// SPDX-License-Identifier: Apache-2.0
// What the doctor asks about a daemon that runs: is it the one of this configuration, do
// packets come and go, do its drops tell of something that is set up wrongly. Pure.
#pragma once

#include "cli/doctor_facts.hpp"
#include "cli/doctor_finding.hpp"
#include "config/config.hpp"
#include "platform/host_ops.hpp"

#include <vector>

namespace nat64::cli {

void examine_daemon(const config::Config& config,
                    const DaemonFacts& daemon,
                    platform::HostOps& host,
                    std::vector<Finding>& findings);

} // namespace nat64::cli
