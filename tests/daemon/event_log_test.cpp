// SPDX-License-Identifier: Apache-2.0
// Events as log lines: which, and what they say.
#include "daemon/event_log.hpp"

#include <algorithm>
#include <memory>
#include <sstream>

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace {

Event event(EventKind kind) {
    return {.kind = kind,
            .reason = EventReason::Traffic,
            .protocol = L4Proto::Udp,
            .state = {},
            .when = {},
            .client6 = {*Ipv6Addr::parse("2001:db8::5"), Port{4000}},
            .mapped4 = {Ipv4Addr{192, 0, 2, 1}, Port{5000}},
            .server4 = {Ipv4Addr{203, 0, 113, 1}, Port{53}},
            .handle = {}};
}

/// The lines that `settings` make of one event of each kind.
std::string logged(const config::Log& settings) {
    std::ostringstream out;
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(out);
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
    spdlog::set_pattern("%v");
    EventLog log{settings};
    for (const auto kind : {EventKind::BindingCreated,
                            EventKind::SessionCreated,
                            EventKind::SessionChanged,
                            EventKind::SessionDeleted,
                            EventKind::BindingDeleted})
        log.on_event(event(kind));
    spdlog::set_default_logger(before);
    return out.str();
}

} // namespace

TEST_CASE("RFC 6888 §4 REQ-12: a session is logged without its destination, unless asked") {
    config::Log settings;
    settings.sessions = true;
    CHECK(logged(settings).find("203.0.113.1") == std::string::npos);
    settings.destinations = true;
    CHECK(logged(settings).find("session created: udp [2001:db8::5]:4000 as 192.0.2.1:5000 to "
                                "203.0.113.1:53 (traffic)") != std::string::npos);
}

TEST_CASE("event log: log.level does not hide what log.bindings asks for") {
    config::Log settings;
    settings.bindings = true;
    settings.level = config::LogLevel::Error;
    CHECK(logged(settings).find("binding created") != std::string::npos);
}

TEST_CASE("event log: with log.format json the members of an object") {
    config::Log settings;
    settings.format = config::LogFormat::Json;
    settings.bindings = true;
    CHECK(logged(settings).starts_with(
        R"("event":"binding_created","nat_event":10,"protocol":"udp",)"
        R"("client":"[2001:db8::5]:4000","mapped":"192.0.2.1:5000","reason":"traffic")"));
}

TEST_CASE("event log: log.bindings and log.sessions choose independently") {
    const auto bindings = logged({.bindings = true});
    CHECK(bindings.find("binding created") != std::string::npos);
    CHECK(bindings.find("binding deleted") != std::string::npos);
    CHECK(bindings.find("session") == std::string::npos);

    const auto sessions = logged({.sessions = true});
    CHECK(sessions.find("session created") != std::string::npos);
    CHECK(sessions.find("session deleted") != std::string::npos);
    CHECK(sessions.find("session changed") == std::string::npos);
    CHECK(sessions.find("binding") == std::string::npos);

    CHECK(logged({}).empty());
    CHECK_FALSE(EventLog{config::Log{}}.wanted());
}

} // namespace nat64::daemon
