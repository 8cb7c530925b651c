// SPDX-License-Identifier: Apache-2.0
// BIB and session table (core/rfc6146) beside maps that are searched.
#include "fuzz/input.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/compared_tables.hpp"

void nat64::fuzz::tables(View bytes) {
    Input input{bytes};
    oracle::ComparedTables compared;
    while (!input.empty())
        compared.step(input);
    compared.check_all();
}
