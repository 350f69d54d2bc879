-- SPDX-License-Identifier: MIT
-- In Redshift's SQL: loads a file. It is called in a transaction of reportd, which commits
-- all of it or leaves nothing, and a second call for the same file does not double its rows.
-- Sales without a plan are refused here: a check of reportd comes when rows are committed.
create or replace procedure sales.load_sales(url varchar(1024)) as $$
declare
	unplanned bigint;
	one varchar(64);
begin
	delete from sales.staging;
	execute 'copy sales.staging from ' || quote_literal(url)
		|| ' iam_role default csv ignoreheader 1 dateformat ''YYYY-MM-DD''';
	select count(*), min(s.region || ' on ' || s.sold_on::varchar) into unplanned, one
	from sales.staging s
	left join lake.plan p on p.region = s.region and p.month = date_trunc('month', s.sold_on)
	where p.region is null;
	if unplanned > 0 then
		raise exception '% sales without a plan, such as % in %', unplanned, one, url;
	end if;
	delete from sales.sale where file = url;
	insert into sales.sale (file, sale_id, sold_on, region, product, units, amount)
	select url, sale_id, sold_on, region, product, units, amount from sales.staging;
end;
$$ language plpgsql;
