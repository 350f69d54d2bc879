-- SPDX-License-Identifier: MIT
-- The file of a day, in the form in which the shops send it. psql variable: day
select sale_id, sold_on, region, product, units, amount
from sale where sold_on = :'day' order by sale_id
