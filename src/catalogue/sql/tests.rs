use super::*;

#[test]
fn a_plain_query_passes() {
    for sql in [
        "select d.channel, sum(d.cost_base) as cost from facts.daily_metrics d where d.date between $1::date and $2::date group by d.channel order by cost desc, d.channel",
        "with days as (select $1::date + n as date from generate_series(0, $2::date - $1::date) as n) select date from days order by date",
        "select distinct on (t.metric) t.metric from facts.metric_targets t cross join lateral (values (1, 'a')) as v (n, m) order by t.metric, v.n",
        "select percentile_cont(0.5) within group (order by b.orders) as m, max(b.x) filter (where b.y), (b.at at time zone $1::text)::date as d from facts.orders b order by 1",
        "select a.headlines[1] as h, case when a.day > coalesce(a.x, date '-infinity') then 1 end as c, a.d <= a.e - interval '12 months' as z from facts.creatives a order by a.id",
        "select extract(isodow from d.date) as w, substr(d.breakdown, 9) as s, row_number() over (partition by d.channel order by d.date) as r from facts.daily_metrics d order by r",
        "with r as (select 1 as a union all select 2) select r.* from r order by a",
    ] {
        assert_eq!(check(sql), Vec::<String>::new(), "{sql}");
    }
}

#[test]
fn every_rule_refuses() {
    for (sql, word) in [
        ("selekt 1", "does not parse"),
        ("select 1 as a order by a; select 2 as b order by b", "exactly one SELECT"),
        ("delete from facts.orders", "exactly one SELECT"),
        ("with x as (delete from facts.orders returning 1 as a) select a from x order by a", "not allowed"),
        ("select * from facts.orders order by id", "SELECT *"),
        ("select id from facts.orders", "ORDER BY"),
        ("select now() as n order by n", "every run"),
        ("select current_date as n order by n", "every run"),
        ("select random() as n order by n", "every run"),
        ("select pg_sleep(10) as n order by n", "not allowed"),
        ("select set_config('app.org_id', 'x', true) as n order by n", "not allowed"),
        ("select pg_catalog.lower('A') as n order by n", "not allowed"),
        ("select id from public.orders order by id", "schema 'public'"),
        ("select rolname from pg_catalog.pg_roles order by 1", "schema 'pg_catalog'"),
        ("select id from orders order by id", "write facts.orders"),
        ("select n from pg_ls_dir('/') as n order by n", "not allowed"),
        ("select id from facts.orders order by id for update", "locks"),
        ("select o.org_id as a from facts.orders o order by a", "org_id"),
        ("select id into x from facts.orders order by id", "INTO"),
    ] {
        let faults = check(sql);
        assert!(faults.iter().any(|f| f.contains(word)), "{sql}: {faults:?}");
    }
}
