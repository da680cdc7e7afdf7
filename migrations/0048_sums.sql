-- Sums of daily figures that long windows are read from: what adds up, by day without the thing, and by month with it.
-- The sums of a month hold as long as it has its row in metric_sums; whoever writes days of a month takes that row away.
create table metric_sums (
    org_id uuid not null references orgs,
    month date not null check (extract(day from month) = 1),
    made_at timestamptz not null,
    primary key (org_id, month)
);
create view facts.metric_sums with (security_barrier) as select month, made_at from public.metric_sums;
grant select on facts.metric_sums to adjutant_reader;

-- Of daily_metrics.
create table metric_days (
    org_id uuid not null references orgs,
    date date not null,
    entity_kind text not null,
    source text not null,
    account_id text not null,
    channel text not null,
    breakdown text not null,
    impressions bigint not null,
    eligible_impressions bigint not null,
    clicks bigint not null,
    landed bigint not null,
    engagements bigint not null,
    shares bigint not null,
    sessions bigint not null,
    engaged_sessions bigint not null,
    engaged_seconds bigint not null,
    bounces bigint not null,
    pageviews bigint not null,
    exits bigint not null,
    new_users bigint not null,
    sends bigint not null,
    opens bigint not null,
    email_clicks bigint not null,
    email_bounces bigint not null,
    unsubscribes bigint not null,
    complaints bigint not null,
    backlinks_gained bigint not null,
    backlinks_lost bigint not null,
    conversions numeric not null,
    conversion_value_base numeric not null,
    cost_base numeric not null,
    revenue_base numeric not null,
    refund_base numeric not null,
    primary key (org_id, date, entity_kind, source, account_id, channel, breakdown)
);
create table metric_months (
    org_id uuid not null references orgs,
    month date not null,
    entity_kind text not null,
    source text not null,
    account_id text not null,
    channel text not null,
    breakdown text not null,
    entity_id text not null,
    -- First and last day with a row.
    first_day date not null,
    last_day date not null,
    impressions bigint not null,
    eligible_impressions bigint not null,
    clicks bigint not null,
    landed bigint not null,
    engagements bigint not null,
    shares bigint not null,
    sessions bigint not null,
    engaged_sessions bigint not null,
    engaged_seconds bigint not null,
    bounces bigint not null,
    pageviews bigint not null,
    exits bigint not null,
    new_users bigint not null,
    sends bigint not null,
    opens bigint not null,
    email_clicks bigint not null,
    email_bounces bigint not null,
    unsubscribes bigint not null,
    complaints bigint not null,
    backlinks_gained bigint not null,
    backlinks_lost bigint not null,
    conversions numeric not null,
    conversion_value_base numeric not null,
    cost_base numeric not null,
    revenue_base numeric not null,
    refund_base numeric not null,
    primary key (org_id, month, entity_kind, source, account_id, channel, breakdown, entity_id)
);
create view facts.metric_days with (security_barrier) as
select date, entity_kind, source, account_id, channel, breakdown,
       impressions, eligible_impressions, clicks, landed, engagements, shares, sessions, engaged_sessions,
       engaged_seconds, bounces, pageviews, exits, new_users, sends, opens, email_clicks, email_bounces, unsubscribes,
       complaints, backlinks_gained, backlinks_lost, conversions, conversion_value_base, cost_base, revenue_base,
       refund_base
from public.metric_days;
create view facts.metric_months with (security_barrier) as
select t.month, t.entity_kind, t.source, t.account_id, t.channel, t.breakdown, coalesce(c.canonical_id, t.entity_id) as entity_id, t.first_day, t.last_day,
       t.impressions, t.eligible_impressions, t.clicks, t.landed, t.engagements, t.shares, t.sessions,
       t.engaged_sessions, t.engaged_seconds, t.bounces, t.pageviews, t.exits, t.new_users, t.sends, t.opens,
       t.email_clicks, t.email_bounces, t.unsubscribes, t.complaints, t.backlinks_gained, t.backlinks_lost,
       t.conversions, t.conversion_value_base, t.cost_base, t.revenue_base, t.refund_base
from public.metric_months t
left join public.entities c on c.org_id = t.org_id and c.kind = t.entity_kind and c.id = t.entity_id
    and c.canonical_id <> '' and c.canonical_id <> c.id;
grant select on facts.metric_days, facts.metric_months to adjutant_reader;

-- Of daily_campaign_metrics.
create table campaign_days (
    org_id uuid not null references orgs,
    date date not null,
    source text not null,
    channel text not null,
    is_holdout boolean not null,
    impressions bigint not null,
    eligible_impressions bigint not null,
    clicks bigint not null,
    landed bigint not null,
    engagements bigint not null,
    shares bigint not null,
    sessions bigint not null,
    engaged_sessions bigint not null,
    new_customers bigint not null,
    buyers bigint not null,
    clickers bigint not null,
    cart_users bigint not null,
    conversions numeric not null,
    attributed_orders numeric not null,
    conversion_value_base numeric not null,
    cost_base numeric not null,
    revenue_base numeric not null,
    budget numeric not null,
    planned_spend numeric not null,
    attributed_revenue numeric not null,
    primary key (org_id, date, source, channel, is_holdout)
);
create table campaign_months (
    org_id uuid not null references orgs,
    month date not null,
    source text not null,
    channel text not null,
    is_holdout boolean not null,
    campaign_id text not null,
    -- First and last day with a row.
    first_day date not null,
    last_day date not null,
    impressions bigint not null,
    eligible_impressions bigint not null,
    clicks bigint not null,
    landed bigint not null,
    engagements bigint not null,
    shares bigint not null,
    sessions bigint not null,
    engaged_sessions bigint not null,
    new_customers bigint not null,
    buyers bigint not null,
    clickers bigint not null,
    cart_users bigint not null,
    conversions numeric not null,
    attributed_orders numeric not null,
    conversion_value_base numeric not null,
    cost_base numeric not null,
    revenue_base numeric not null,
    budget numeric not null,
    planned_spend numeric not null,
    attributed_revenue numeric not null,
    primary key (org_id, month, source, channel, is_holdout, campaign_id)
);
create view facts.campaign_days with (security_barrier) as
select date, source, channel, is_holdout,
       impressions, eligible_impressions, clicks, landed, engagements, shares, sessions, engaged_sessions,
       new_customers, buyers, clickers, cart_users, conversions, attributed_orders, conversion_value_base, cost_base,
       revenue_base, budget, planned_spend, attributed_revenue
from public.campaign_days;
create view facts.campaign_months with (security_barrier) as
select t.month, t.source, t.channel, t.is_holdout, coalesce(c.canonical_id, t.campaign_id) as campaign_id, t.first_day, t.last_day,
       t.impressions, t.eligible_impressions, t.clicks, t.landed, t.engagements, t.shares, t.sessions,
       t.engaged_sessions, t.new_customers, t.buyers, t.clickers, t.cart_users, t.conversions, t.attributed_orders,
       t.conversion_value_base, t.cost_base, t.revenue_base, t.budget, t.planned_spend, t.attributed_revenue
from public.campaign_months t
left join public.entities c on c.org_id = t.org_id and c.kind = 'campaign' and c.id = t.campaign_id
    and c.canonical_id <> '' and c.canonical_id <> c.id;
grant select on facts.campaign_days, facts.campaign_months to adjutant_reader;

-- What orders are added up from, beside their time: 100,000 of them are read from the index alone.
drop index orders_by_time;
create index orders_by_time on orders (org_id, ordered_at)
    include (status, is_test, channel, campaign_id, city, customer_id, is_first_order, gross_base, discount_base,
             refunded_base, reward_cost_base);

select protect_tables();
