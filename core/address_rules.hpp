// SPDX-License-Identifier: Apache-2.0
// By which rules the translator judges addresses (core/rfc6146/tuple): what its settings mean
// for them. Defined with the translator.
#pragma once

#include "core/rfc6146/tuple.hpp"
#include "core/translator.hpp"

namespace nat64 {

[[nodiscard]] rfc6146::AddressRules address_rules(const TranslatorSettings& settings) noexcept;

} // namespace nat64
