-- SPDX-License-Identifier: MIT
-- Samples for monitoring. No parameters. One row: [[name, {label: value}, value]].
select reportd.metrics()
