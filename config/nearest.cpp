// SPDX-License-Identifier: Apache-2.0
// Levenshtein distance, with a bound on what counts as a typing error.
#include "config/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace nat64::config {

namespace {

/// Levenshtein distance of two short words.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto substitute = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            const auto above = row[j];
            diagonal = above;
            row[j] = std::min({above + 1, row[j - 1] + 1, substitute});
        }
    }
    return row[b.size()];
}

} // namespace

std::string_view nearest_word(std::span<const std::string_view> words, std::string_view word) {
    std::string_view best;
    if (word.size() > 40) return best;
    // A typing error or two; a third of a long word.
    auto best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const auto candidate : words) {
        if (word.size() >= 3 && candidate.starts_with(word)) return candidate;
        const auto d = distance(candidate, word);
        if (d >= best_distance || d >= candidate.size()) continue;
        best = candidate;
        best_distance = d;
    }
    return best;
}

} // namespace nat64::config
