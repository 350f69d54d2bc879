-- SPDX-License-Identifier: MIT
-- Whether INSERT ... ON CONFLICT can take the columns $2 text[] of the table $1 oid as its
-- key: a unique index has just these columns, for all rows, checked at once. One row.
select exists (
	select from pg_catalog.pg_index i
	where i.indrelid = $1::pg_catalog.oid and i.indisunique and i.indisvalid
		and i.indimmediate and i.indpred is null and i.indexprs is null
		and (select pg_catalog.array_agg(a.attname::pg_catalog.text
				order by a.attname collate "C")
			from pg_catalog.generate_series(0, i.indnkeyatts - 1) k
			join pg_catalog.pg_attribute a
				on a.attrelid = i.indrelid and a.attnum = i.indkey[k])
		= (select pg_catalog.array_agg(k order by k collate "C")
			from pg_catalog.unnest($2::pg_catalog.text[]) k))
