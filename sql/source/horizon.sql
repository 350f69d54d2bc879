-- SPDX-License-Identifier: MIT
-- Finds a time before which every row of this database is committed, for rows that carry
-- the now() of the transaction that wrote them: a transaction that is open may still commit
-- rows of the time at which it began, even one that has not written yet. A snapshot that is
-- taken after this statement sees them all.
-- Background processes may write as well as clients, but for autovacuum. reportd's own
-- transactions that only read are left out: they are known by the user that they log in as
-- and by the beginning of their message. No script of a report can send such a message,
-- because its statements are sent without the comments before them. The same message of
-- another user proves nothing, as that user may not be reportd's; it is only remarked on.
-- A second is taken off, because a transaction appears in pg_stat_activity a moment after
-- its now() was taken. The prepared transactions are read last: a transaction that is being
-- prepared is in at least one of the two lists.
-- $1 the beginning of each message in reportd's reading transactions
-- One row: now and the horizon in microseconds since 1970 (null: it cannot be known), why
-- it cannot be known, whether that may pass, and what holds it back: a sentence, its process
-- and the age of its transaction in seconds (null: nothing for long).
with login as materialized (
	select a.usesysid from pg_catalog.pg_stat_activity a
	where a.pid = pg_catalog.pg_backend_pid()
), open as materialized (
	select a.pid, a.usename, a.state, a.xact_start, pg_catalog.starts_with(a.query, $1) as reads
	from pg_catalog.pg_stat_activity a
	where a.datname = pg_catalog.current_database()
		and a.pid <> pg_catalog.pg_backend_pid()
		and a.backend_type <> 'autovacuum worker'
		and (a.xact_start is not null or a.state = 'disabled')
		and not (a.usesysid = (select l.usesysid from login l)
			and pg_catalog.starts_with(a.query, $1))
), known as materialized (
	select pg_catalog.now() as now, pg_catalog.min(o.xact_start) as oldest,
		case when pg_catalog.pg_is_in_recovery()
				then 'the server is a stand-by, which does not know the transactions of its primary'
			when not pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
				then pg_catalog.format('the user "%s" does not see the transactions of others; grant pg_read_all_stats to it', current_user)
			when pg_catalog.bool_or(o.state = 'disabled')
				then pg_catalog.format('process %s hides its transactions by track_activities = off',
					pg_catalog.min(o.pid) filter (where o.state = 'disabled')) end as why
	from open o
), checked as materialized (
	select k.*, k.why is null and exists (
			select from pg_catalog.pg_prepared_xacts p
			where p.database = pg_catalog.current_database() and k.now is not null) as prepared
	from known k
)
select (extract(epoch from c.now) * 1000000)::bigint as now,
	case when c.why is null and not c.prepared then
		(extract(epoch from least(c.now, c.oldest) - interval '1 second') * 1000000)::bigint
		end as horizon,
	coalesce(c.why, case when c.prepared
		then 'there are prepared transactions, which do not tell when they began' end) as why,
	c.prepared as passes,
	case when h.pid is not null then
		pg_catalog.format('the horizon is held back by process %s (user "%s", %s), whose transaction is open for %s',
			h.pid, h.usename, h.state,
			pg_catalog.date_trunc('second', c.now - h.xact_start))
		|| case when h.reads then '; it looks like a report of a source with another login, '
			'and these count' else '' end end as holder,
	h.pid, extract(epoch from c.now - h.xact_start)::bigint as age
from checked c
left join lateral (
	select * from open o where o.xact_start < c.now - interval '10 seconds'
	order by o.xact_start limit 1) h on true
