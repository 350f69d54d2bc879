-- SPDX-License-Identifier: MIT
-- Calls the Lambda of wake.py when there is work and no daemon, from RDS or Aurora with the
-- extension aws_lambda. Run it once, in the queue's database, by whoever may create
-- extensions and is a member of reportd_owner:
--
--	psql -v function=arn:aws:lambda:eu-west-1:123456789012:function:reportd-wake -f wake.sql
--
-- A call that fails never fails the statement that brought the work: the scaler finds it
-- within a minute. To take it away: drop schema reportd_wake cascade.

create extension if not exists aws_lambda cascade;
create schema reportd_wake authorization reportd_owner;
grant usage on schema aws_lambda, aws_commons to reportd_owner;
grant execute on all functions in schema aws_lambda, aws_commons to reportd_owner;
set role reportd_owner;

create table reportd_wake.function (arn text not null);
insert into reportd_wake.function values (:'function');

-- One call a transaction is enough, however many reports it brings or wakes. The call goes out
-- before the transaction commits. That does no harm, because a task takes much longer to
-- start.
create function reportd_wake.call() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if current_setting('reportd_wake.called', true) = pg_current_xact_id()::text
			or exists (select from reportd.running_daemon d where not d.leaving) then
		return null;
	end if;
	perform set_config('reportd_wake.called', pg_current_xact_id()::text, true);
	begin
		perform aws_lambda.invoke(aws_commons.create_lambda_function_arn(f.arn),
			'{"daemons": 0}'::json, 'Event')
		from reportd_wake.function f;
	exception when others then
		raise warning 'the daemons cannot be woken: %', sqlerrm;
	end;
	return null;
end $$;
revoke execute on function reportd_wake.call from public;

create trigger wake_insert after insert on reportd.report_config
	for each statement execute function reportd_wake.call();
create trigger wake_update after update of status, is_active, due_at on reportd.report_config
	for each row when (new.status = 'PENDING' and new.is_active
		and (old.status, old.is_active, old.due_at)
			is distinct from (new.status, new.is_active, new.due_at))
	execute function reportd_wake.call();
reset role;
