// SPDX-License-Identifier: Apache-2.0
// Text forms of transport addresses: an IPv6 address stands in brackets (RFC 5952 §6). Control
// path only. Reading them is the business of configuration and command line.
#include "core/net/transport.hpp"

#include <string>

namespace nat64 {

std::string Endpoint4::to_string() const {
    return address.to_string() + ':' + std::to_string(port.value());
}

std::string Endpoint6::to_string() const {
    return '[' + address.to_string() + "]:" + std::to_string(port.value());
}

} // namespace nat64
