//! Levels of an ad account: what is stored of an ad's parents, and the sums of wider levels over narrower ones.
//!
//! A report states the level it is about; a wider level is the sum of all stored rows below it, marked `derived_from` in
//! `extra`. A stated row is never replaced by a sum: another file has to state it again.
use super::Written;
use crate::clock::Clock;
use crate::db::{OrgTx, sums};
use crate::ids::OrgId;
use jiff_sqlx::ToSqlx;
use std::collections::BTreeMap;

/// What an ad belongs to; empty where nobody has told.
#[derive(Clone, Debug, Default)]
pub struct AdParents {
    pub ad_group_id: String,
    pub campaign_id: String,
}

/// Stored parents and channels of the things a file names.
#[derive(Clone, Debug, Default)]
pub struct Parents {
    pub ads: BTreeMap<String, AdParents>,
    /// Ad group → campaign.
    pub ad_groups: BTreeMap<String, String>,
    /// Campaign → channel.
    pub channels: BTreeMap<String, String>,
}

impl Parents {
    /// Looks up what is stored of ads, ad groups and campaigns with these ids, and the channels of their campaigns.
    pub async fn load(tx: &mut OrgTx, org: OrgId, ids: &[String]) -> Result<Self, sqlx::Error> {
        let ads: Vec<(String, String, String)> = sqlx::query_as(
            "select id, ad_group_id, campaign_id from creatives where org_id = $1 and id = any($2)",
        )
        .bind(org)
        .bind(ids)
        .fetch_all(&mut **tx)
        .await?;
        let above: Vec<String> =
            ids.iter().cloned().chain(ads.iter().map(|(_, group, _)| group.clone())).collect();
        let ad_groups: Vec<(String, String)> =
            sqlx::query_as("select id, campaign_id from ad_groups where org_id = $1 and id = any($2)")
                .bind(org)
                .bind(&above)
                .fetch_all(&mut **tx)
                .await?;
        let campaigns: Vec<String> = ids
            .iter()
            .cloned()
            .chain(ads.iter().map(|(_, _, campaign)| campaign.clone()))
            .chain(ad_groups.iter().map(|(_, campaign)| campaign.clone()))
            .collect();
        let channels: Vec<(String, String)> =
            sqlx::query_as("select id, channel from campaigns where org_id = $1 and id = any($2)")
                .bind(org)
                .bind(&campaigns)
                .fetch_all(&mut **tx)
                .await?;
        Ok(Self {
            ads: ads
                .into_iter()
                .map(|(id, ad_group_id, campaign_id)| (id, AdParents { ad_group_id, campaign_id }))
                .collect(),
            ad_groups: ad_groups.into_iter().collect(),
            channels: channels.into_iter().collect(),
        })
    }
}

/// The things whose sums may have changed.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    pub ad_groups: Vec<String>,
    pub campaigns: Vec<String>,
    /// Those of `campaigns` that stand for ads whose campaign nobody named.
    pub fallbacks: Vec<String>,
    pub accounts: Vec<String>,
}

/// The rows below a thing of each level. `$2` are the things.
const BELOW_AD_GROUPS: &str = "select d.*, c.ad_group_id as above from daily_metrics d
     join creatives c on c.org_id = d.org_id and c.id = d.entity_id
     where d.org_id = $1 and d.entity_kind = 'ad' and d.breakdown = '' and not d.rolled and c.ad_group_id = any($2)";
/// Of ad groups, and of ads that belong to no ad group. For a fallback (`$4`) only on days on which no file states a
/// campaign of the account: such a file holds the same money by name.
const BELOW_CAMPAIGNS: &str = "select d.*, g.campaign_id as above from daily_metrics d
     join ad_groups g on g.org_id = d.org_id and g.id = d.entity_id
     where d.org_id = $1 and d.entity_kind = 'ad_group' and d.breakdown = '' and not d.rolled and g.campaign_id = any($2)
       and not (g.campaign_id = any($4) and exists (
         select 1 from daily_metrics x where x.org_id = d.org_id and x.date = d.date and x.source = d.source
           and x.account_id = d.account_id and x.entity_kind = 'campaign' and x.breakdown = '' and not x.extra ? 'derived_from'
           and not x.rolled))
     union all
     select d.*, c.campaign_id as above from daily_metrics d
     join creatives c on c.org_id = d.org_id and c.id = d.entity_id
     where d.org_id = $1 and d.entity_kind = 'ad' and d.breakdown = '' and not d.rolled and c.ad_group_id = '' and c.campaign_id = any($2)
       and not (c.campaign_id = any($4) and exists (
         select 1 from daily_metrics x where x.org_id = d.org_id and x.date = d.date and x.source = d.source
           and x.account_id = d.account_id and x.entity_kind = 'campaign' and x.breakdown = '' and not x.extra ? 'derived_from'
           and not x.rolled))";
const BELOW_ACCOUNTS: &str = "select d.*, d.source || ':' || d.account_id as above from daily_metrics d
     where d.org_id = $1 and d.entity_kind = 'campaign' and d.breakdown = '' and not d.rolled and d.source || ':' || d.account_id = any($2)";

/// Rows added, changed or removed, and left alone; first and last day of those that were not.
type Leveled = (i64, i64, i64, Option<jiff_sqlx::Date>, Option<jiff_sqlx::Date>);

/// Sums the wider levels of what was touched; rows that already say so stay as they are.
pub async fn roll_up(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    touched: &Touched,
) -> Result<Written, sqlx::Error> {
    let mut written = Written::default();
    for (kind, from, below, things) in [
        ("ad_group", "ad", BELOW_AD_GROUPS, &touched.ad_groups),
        ("campaign", "ad_group", BELOW_CAMPAIGNS, &touched.campaigns),
        ("account", "campaign", BELOW_ACCOUNTS, &touched.accounts),
    ] {
        if things.is_empty() {
            continue;
        }
        let statement = statement(kind, from, below);
        let (added, changed, same, first, last): Leveled = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(org)
            .bind(things)
            .bind(clock.now().to_sqlx())
            .bind(&touched.fallbacks)
            .fetch_one(&mut **tx)
            .await?;
        if let Some(days) = first.zip(last) {
            sums::stale(tx, org, Some((days.0.to_jiff(), days.1.to_jiff()))).await?;
        }
        let count = |n: i64| u64::try_from(n).unwrap_or_default();
        written += Written { added: count(added), changed: count(changed), unchanged: count(same) };
    }
    Ok(written)
}

/// One level: sums that are new or differ are written, sums with nothing below them any more are removed.
fn statement(kind: &str, from: &str, below: &str) -> String {
    let sums = [
        "impressions",
        "clicks",
        "conversions",
        "cost",
        "cost_base",
        "conversion_value",
        "conversion_value_base",
        "revenue",
        "revenue_base",
    ];
    let list = sums.join(", ");
    let summed = sums.map(|c| format!("sum({c}) as {c}")).join(", ");
    let set = sums.map(|c| format!("{c} = excluded.{c}")).join(", ");
    let (old, new) =
        (sums.map(|c| format!("t.{c}")).join(", "), sums.map(|c| format!("excluded.{c}")).join(", "));
    format!(
        "with below as ({below}), named as (select $4::text[]),
         fresh as (
           select date, source, account_id, above, channel, min(currency) as currency, {summed}
           from below b where above <> ''
             and not exists (select 1 from daily_metrics x where x.org_id = $1 and x.date = b.date and x.source = b.source
               and x.account_id = b.account_id and x.entity_kind = '{kind}' and x.entity_id = b.above and x.breakdown = ''
               and not x.extra ? 'derived_from'
           and not x.rolled)
           group by date, source, account_id, above, channel),
         gone as (
           delete from daily_metrics t
           where t.org_id = $1 and t.entity_kind = '{kind}' and t.entity_id = any($2) and t.breakdown = '' and t.extra ? 'derived_from'
             and not exists (select 1 from fresh f where f.date = t.date and f.source = t.source
               and f.account_id = t.account_id and f.above = t.entity_id and f.channel = t.channel)
           returning t.date),
         put as (
           insert into daily_metrics as t (org_id, date, source, account_id, entity_kind, entity_id, channel, {list},
             revenue_basis, currency, extra, first_seen_at, updated_at)
           select $1, date, source, account_id, '{kind}', above, channel, {list}, 'platform', currency,
             '{{\"derived_from\": \"{from}\"}}', $3, $3
           from fresh
           on conflict (org_id, date, source, account_id, entity_kind, entity_id, channel, breakdown) do update
             set {set}, updated_at = excluded.updated_at, extra = excluded.extra, rolled = false
             where t.rolled or ({old}) is distinct from ({new})
           returning t.date, (first_seen_at = updated_at) as added),
         days as (select date from put union all select date from gone)
         select (select count(*) from put where added),
                (select count(*) from put where not added) + (select count(*) from gone),
                (select count(*) from fresh) - (select count(*) from put),
                (select min(date) from days), (select max(date) from days)"
    )
}

/// Campaigns whose conversions a file tells, where files before told none.
pub async fn reports_conversions(
    tx: &mut OrgTx,
    org: OrgId,
    campaigns: &[String],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update campaigns set tracking = 'unknown' where org_id = $1 and id = any($2) and tracking = 'missing'",
    )
    .bind(org)
    .bind(campaigns)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Rows of the same day and thing that an earlier file filed under another channel: a thing has one channel a day.
pub async fn drop_other_channels(
    tx: &mut OrgTx,
    org: OrgId,
    rows: &[(jiff::civil::Date, &str, &str, &str)],
) -> Result<(), sqlx::Error> {
    let (mut days, mut kinds, mut ids, mut channels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (day, kind, id, channel) in rows {
        days.push(day.to_sqlx());
        kinds.push((*kind).to_owned());
        ids.push((*id).to_owned());
        channels.push((*channel).to_owned());
    }
    let gone = sqlx::query(
        "delete from daily_metrics d using unnest($2::date[], $3::text[], $4::text[], $5::text[]) r (day, kind, id, channel)
         where d.org_id = $1 and d.date = r.day and d.entity_kind = r.kind and d.entity_id = r.id and d.breakdown = ''
           and d.channel <> r.channel",
    )
    .bind(org)
    .bind(days)
    .bind(kinds)
    .bind(ids)
    .bind(channels)
    .execute(&mut **tx)
    .await?;
    let days = rows.iter().map(|(day, ..)| *day);
    if let (Some(first), Some(last), 1..) = (days.clone().min(), days.max(), gone.rows_affected()) {
        sums::stale(tx, org, Some((first, last))).await?;
    }
    Ok(())
}
