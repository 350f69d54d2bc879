-- SPDX-License-Identifier: MIT
-- In Redshift's SQL: loads a file. It is called in a transaction of reportd, which commits
-- all of it or leaves nothing, and a second call for the same file does not double its rows.
create or replace procedure sales.load_sales(url varchar(1024)) as $$
begin
	delete from sales.staging;
	execute 'copy sales.staging from ' || quote_literal(url)
		|| ' iam_role default csv ignoreheader 1 dateformat ''YYYY-MM-DD''';
	delete from sales.sale where file = url;
	insert into sales.sale (file, sale_id, sold_on, region, product, units, amount)
	select url, sale_id, sold_on, region, product, units, amount from sales.staging;
end;
$$ language plpgsql;
