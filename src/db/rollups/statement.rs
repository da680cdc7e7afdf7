//! The statement of a day, put together once: the text beside this file, and the parts that are lists.
use crate::db::facts::SOURCES;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Names of events that a day is counted from (`events.md` §10).
pub static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| [OTHERS, GOALS].concat());
const OTHERS: &[&str] = &[
    "campaign_delivered",
    "campaign_viewed",
    "campaign_clicked",
    "campaign_converted",
    "user_unsubscribed",
    "page_view",
    "session_start",
    "user_engagement",
    "ad_impression",
    "ad_click",
    "ad_conversion",
    "ad_cost",
    "keyword_rank",
    "backlink_gained",
    "backlink_lost",
    "subscription_created",
    "subscription_updated",
    "subscription_canceled",
    "email_sent",
    "email_opened",
    "email_clicked",
    "email_bounced",
    "email_unsubscribed",
];
/// Those that belong to the visit they happened in.
const GOALS: &[&str] = &[
    "form_submit",
    "sign_up",
    "trial_start",
    "trial_started",
    "add_to_cart",
    "quote_flow_started",
    "quote_submitted",
    "consultation_started",
    "booking_completed",
    "lead_created",
    "refund",
    "purchase",
    "user_purchased",
    "order_created",
    "invoice_paid",
];
/// Those that say that something was sold.
const SALES: &[&str] = &["order_created", "invoice_paid", "user_purchased", "purchase"];

/// Kinds of things that days are counted for.
const KINDS: &[&str] = &["site", "page", "account", "campaign", "ad_group", "ad", "email", "keyword", "org"];

const COUNTS: &[&str] = &[
    "impressions",
    "clicks",
    "reach",
    "sessions",
    "engaged_sessions",
    "engaged_seconds",
    "bounces",
    "pageviews",
    "exits",
    "users",
    "new_users",
    "sends",
    "opens",
    "email_clicks",
    "email_bounces",
    "unsubscribes",
    "rank_n",
    "backlinks_gained",
    "backlinks_lost",
];
const NUMBERS: &[&str] = &["conversions", "rank_sum"];
/// Each stands twice: in the row's currency, which is the organisation's, and as `_base`.
const AMOUNTS: &[&str] = &["conversion_value", "cost", "revenue", "refund"];

/// What only platforms tell of campaigns.
const CAMPAIGN_COUNTS: &[&str] = &["eligible_impressions", "frequency_users", "engagements", "shares"];
const CAMPAIGN_OWN_COUNTS: &[&str] = &["new_customers", "buyers", "clickers", "cart_users"];
const CAMPAIGN_OWN_AMOUNTS: &[&str] = &["budget", "planned_spend", "attributed_revenue"];
const FUNNEL_COUNTS: &[&str] = &[
    "visits",
    "engaged",
    "leads",
    "paid_leads",
    "trials",
    "customers",
    "quote_starts",
    "quote_submits",
    "consultation_starts",
    "bookings",
];

/// Columns that the statement reads of an event.
const READ: usize = 26;

/// A table that a day writes: the rows it should hold are in the named part of the statement.
struct Target {
    table: &'static str,
    fresh: &'static str,
    /// Which rows are of the day.
    of_day: &'static str,
    key: &'static [&'static str],
    values: Vec<String>,
    /// Whether rows say when they were first and last written.
    stamped: bool,
    /// Whether they say that a day was changed after it was over.
    restated: bool,
}

/// The statement that brings a day up to date; gives the rows added, changed and removed.
pub static DAY: LazyLock<String> = LazyLock::new(day);
/// The statement that gives the distinct arrivals of a day's visits and goals.
pub static ARRIVALS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select distinct case when v.name = 'session_start' then {} else {} end
         from events v
         where v.org_id = $1 and v.occurred_at >= $2 and v.occurred_at < $3
           and (v.name = 'session_start' or v.name = any({}) and v.channel = 'unknown')",
        arrival(true),
        arrival(false),
        list(GOALS)
    )
});
/// The statement that gives what a day is computed from, as a hash.
pub static SEEN: LazyLock<String> = LazyLock::new(|| {
    include_str!("seen.sql").replace("{sources}", &list(SOURCES)).replace("{kinds}", &list(KINDS))
});
/// The statement that gives the days after one on which somebody who bought on it bought next: their first sale may have moved.
pub static NEXT_SALES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select distinct (n.occurred_at at time zone $4)::date
         from (select distinct actor_id from events
               where org_id = $1 and occurred_at >= $2 and occurred_at < $3 and name = any({sales})) b
         cross join lateral (select o.occurred_at from events o
                             where o.org_id = $1 and o.actor_id = b.actor_id and o.occurred_at >= $3 and o.name = any({sales})
                             order by o.occurred_at limit 1) n",
        sales = list(SALES)
    )
});
/// The statement that gives the days on which computed rows stand beside what another hand states of the same thing.
pub static OVERLAID: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select distinct r.date from daily_metrics r
         where r.org_id = $1 and r.rolled and exists (
           select from daily_metrics o
           where o.org_id = $1 and o.date = r.date and not o.rolled and {} = {}
             and (r.entity_kind <> 'site' or r.sessions > 0))",
        measure("o.source", "o.entity_kind"),
        measure("r.source", "r.entity_kind")
    )
});

fn prefixed(of: &str, columns: &[impl std::fmt::Display]) -> String {
    columns.iter().map(|c| format!("{of}.{c}")).collect::<Vec<_>>().join(", ")
}

fn list(words: &[&str]) -> String {
    format!("array['{}']", words.join("', '"))
}

/// A number of the properties; nothing where it is none, whoever wrote it.
fn number(name: &str) -> String {
    format!(
        "case when v.props ->> '{name}' ~ '^[0-9]{{1,16}}(\\.[0-9]{{1,12}})?$' then (v.props ->> '{name}')::numeric end"
    )
}

/// Sources that measure the same visits, and kinds of things that contain each other, are one: what one of them states, the
/// others do not add to.
fn measure(source: &str, kind: &str) -> String {
    format!(
        "(case when {source} in ('web', 'ga4', 'plausible') and {kind} in ('site', 'page') then 'site' else {source} end,
          case when {kind} in ('account', 'campaign', 'ad_group', 'ad') then 'ads' else {kind} end)"
    )
}

/// How somebody came, as one text: click id, utm source, medium and campaign, host of the referrer, each behind a unit
/// separator. The own host is no referrer. Without one asked for, nothing at all is null.
fn arrival(with_referrer: bool) -> String {
    let landing =
        "(coalesce(v.props ->> 'landing_path', '') || ' ' || coalesce(v.context ->> 'page_url', ''))";
    let utm = |name: &str| {
        format!(
            "left(coalesce(nullif(v.context #>> '{{utm,{name}}}', ''), substring({landing} from '[?&]utm_{name}=([^&# ]*)'), ''), 100)"
        )
    };
    let host = |of: &str| {
        format!(
            "coalesce(substring(lower(v.context ->> '{of}') from '^[a-z][a-z0-9+.-]*://(?:www[.])?([^/?#:]+)'), '')"
        )
    };
    let click = |ids: &[&str], name: &str| {
        format!(
            "when v.context -> 'click_ids' ?| {} or {landing} ~ '[?&]({})=' then '{name}'",
            list(ids),
            ids.join("|")
        )
    };
    let referrer = if with_referrer {
        format!("left(case when {0} = {1} then '' else {0} end, 100)", host("referrer"), host("page_url"))
    } else {
        "''".to_owned()
    };
    let key = format!(
        "concat_ws(E'\\x1f', case {} {} else '' end, {}, {}, {}, {referrer})",
        click(&["gclid", "gbraid", "wbraid", "msclkid"], "gclid"),
        click(&["ttclid", "li_fat_id", "rdt_cid"], "ttclid"),
        utm("source"),
        utm("medium"),
        utm("campaign"),
    );
    if with_referrer { key } else { format!("nullif({key}, E'\\x1f\\x1f\\x1f\\x1f')") }
}

/// Sums of lines as columns. What would not fit is cut: nobody's absurd number keeps the rest of a day from being counted.
fn counts(names: &[&str]) -> Vec<String> {
    let one = |c: &&str| {
        format!("least(coalesce(sum(l.v) filter (where l.m = '{c}'), 0), 9000000000000000000)::bigint as {c}")
    };
    names.iter().map(one).collect()
}

fn numbers(names: &[&str]) -> Vec<String> {
    let one = |c: &&str| {
        format!(
            "least(coalesce(sum(l.v) filter (where l.m = '{c}'), 0), 99999999999999)::numeric(20,6) as {c}"
        )
    };
    names.iter().map(one).collect()
}

fn amounts(names: &[&str], based: bool) -> Vec<String> {
    let one = |c: &&str| {
        let sum = format!(
            "greatest(least(coalesce(sum(l.v) filter (where l.m = '{c}'), 0), 999999999999), -999999999999)::numeric(18,6)"
        );
        if based { format!("{sum} as {c}, {sum} as {c}_base") } else { format!("{sum} as {c}") }
    };
    names.iter().map(one).collect()
}

fn twice(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|c| [(*c).to_owned(), format!("{c}_base")]).collect()
}

fn owned(names: &[&[&str]]) -> Vec<String> {
    names.iter().flat_map(|names| names.iter().map(|c| (*c).to_owned())).collect()
}

fn targets() -> Vec<Target> {
    let figures = |more: &[&[&str]]| {
        let mut values = owned(&[COUNTS, NUMBERS]);
        values.extend(twice(AMOUNTS));
        values.extend(owned(more));
        values.extend(owned(&[&["revenue_basis", "currency", "incomplete"]]));
        values
    };
    vec![
        Target {
            table: "daily_metrics",
            fresh: "fresh_daily",
            of_day: "t.date = $2",
            key: &["date", "source", "account_id", "entity_kind", "entity_id", "channel", "breakdown"],
            values: figures(&[]),
            stamped: true,
            restated: true,
        },
        Target {
            table: "daily_campaign_metrics",
            fresh: "fresh_campaign",
            of_day: "t.date = $2",
            key: &["date", "campaign_id", "channel", "source", "is_holdout"],
            values: figures(&[
                &["landed", "attributed_orders"],
                CAMPAIGN_COUNTS,
                CAMPAIGN_OWN_COUNTS,
                CAMPAIGN_OWN_AMOUNTS,
            ]),
            stamped: false,
            restated: true,
        },
        Target {
            table: "daily_funnel_metrics",
            fresh: "fresh_funnel",
            of_day: "t.date = $2",
            key: &["date", "source", "channel", "campaign_id", "city", "page_type", "flow"],
            values: owned(&[FUNNEL_COUNTS, &["revenue"]]),
            stamped: false,
            restated: false,
        },
        Target {
            table: "touches",
            fresh: "fresh_touch",
            of_day: "t.occurred_at >= $3 and t.occurred_at < $4",
            key: &["occurred_at", "id"],
            values: owned(&[&[
                "actor_id",
                "customer_id",
                "session_id",
                "kind",
                "channel",
                "source",
                "campaign_id",
                "ad_id",
                "utm",
                "referrer_host",
                "landing_path",
                "device",
                "city",
                "is_paid",
            ]]),
            stamped: false,
            restated: false,
        },
        Target {
            table: "mrr_movements",
            fresh: "fresh_move",
            of_day: "t.date = $2",
            key: &["date", "subscription_id", "kind"],
            values: owned(&[&["mrr_delta", "plan_id", "channel"]]),
            stamped: false,
            restated: false,
        },
    ]
}

/// Writes rows that are new or say something else, and removes those that are no longer so. Rows of other hands stay.
fn write(sql: &mut String, target: &Target, place: usize) {
    let Target { table, fresh, of_day, key, values, stamped, restated } = target;
    let mut set: Vec<String> = values.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    if *stamped {
        set.push("updated_at = $11".to_owned());
    }
    if *restated {
        set.push("restated_at = case when $12 then $11 else t.restated_at end".to_owned());
    }
    let (also, at) = if *stamped { (", first_seen_at, updated_at", ", $11, $11") } else { ("", "") };
    // No column of a key is ever null.
    let same = key.iter().map(|c| format!("f.{c} = t.{c}")).collect::<Vec<_>>().join(" and ");
    let (keys, list, set) = (key.join(", "), values.join(", "), set.join(", "));
    // Nobody but a broken formatter can make writing to a text fail.
    let _ = write!(
        sql,
        "put_{place} as (
           insert into {table} as t (org_id, {keys}, {list}, rolled{also}) select $1, {keys}, {list}, true{at} from {fresh}
           on conflict (org_id, {keys}) do update set {set}
             where t.rolled and ({}) is distinct from ({})
           returning 1),
         gone_{place} as (
           delete from {table} t where t.org_id = $1 and {of_day} and t.rolled
             and not exists (select from {fresh} f where {same})
           returning 1)",
        prefixed("t", values),
        prefixed("excluded", values),
    );
}

fn day() -> String {
    let mut sql = include_str!("day.sql").to_owned();
    let figures = [counts(COUNTS), numbers(NUMBERS), amounts(AMOUNTS, true)].concat();
    let own = [
        // What a platform counted as landed goes before the visits that name the campaign.
        vec![
            "least(coalesce(nullif(sum(l.v) filter (where l.m = 'landed'), 0), sum(l.v) filter (where l.m = 'visited'), 0), \
             9000000000000000000)::bigint as landed"
                .to_owned(),
        ],
        numbers(&["attributed_orders"]),
        counts(CAMPAIGN_COUNTS),
        counts(CAMPAIGN_OWN_COUNTS),
        amounts(CAMPAIGN_OWN_AMOUNTS, false),
    ]
    .concat();
    let line = |c: &str, column: &str| format!("('{c}', d.{column}::numeric)");
    let fresh: Vec<String> = [COUNTS, NUMBERS]
        .concat()
        .iter()
        .map(|c| line(c, c))
        .chain(AMOUNTS.iter().map(|c| line(c, &format!("{c}_base"))))
        .collect();
    let stored: Vec<String> =
        fresh.iter().cloned().chain(CAMPAIGN_COUNTS.iter().chain(&["landed"]).map(|c| line(c, c))).collect();
    let parts = [
        ("{arrival_with_referrer}", arrival(true)),
        ("{arrival}", arrival(false)),
        ("{nothing}", ["null"; READ].join(", ")),
        ("{goals}", list(GOALS)),
        ("{sales}", list(SALES)),
        ("{sources}", list(SOURCES)),
        ("{kinds}", list(KINDS)),
        ("{measure_of_stated}", measure("s.source", "s.kind")),
        ("{measure_of_line}", measure("l.source", "l.kind")),
        ("{measure_of_funnel}", measure("s.source", "'site'")),
        ("{measure_of_flow}", measure("l.source", "'site'")),
        ("{daily_pivots}", figures.join(", ")),
        ("{campaign_pivots}", [figures, own].concat().join(", ")),
        ("{funnel_pivots}", [counts(FUNNEL_COUNTS), amounts(&["revenue"], false)].concat().join(", ")),
        ("{fresh_lines}", fresh.join(", ")),
        ("{stored_lines}", stored.join(", ")),
    ];
    for (mark, part) in parts {
        sql = sql.replace(mark, &part);
    }
    for name in [
        "conversion_value",
        "count",
        "conversions",
        "engagement_time_msec",
        "rank_absolute",
        "previous_mrr",
        "tax",
        "shipping",
    ] {
        sql = sql.replace(&format!("{{{name}}}"), &number(name));
    }
    let targets = targets();
    for (place, target) in targets.iter().enumerate() {
        write(&mut sql, target, place);
        sql.push_str(if place + 1 < targets.len() { ",\n" } else { "\n" });
    }
    let counted: Vec<String> = (0..targets.len())
        .map(|n| format!("(select count(*) from put_{n}) + (select count(*) from gone_{n})"))
        .collect();
    sql.push_str("select ");
    sql.push_str(&counted.join(" + "));
    sql
}
