//! People of a segment: how many, and how many of them consented to advertising.
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use sqlx::FromRow;
use uuid::Uuid;

/// A stored segment.
#[derive(Clone, Debug, FromRow)]
pub struct Segment {
    pub id: Uuid,
    pub name: String,
    pub kind: String,
    pub age_min: Option<i32>,
}

pub async fn segments(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Segment>, Error> {
    sqlx::query_as("select id, name, kind, age_min from segments where org_id = $1 order by name")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}

/// Whom an audience is made of.
#[derive(Clone, Debug)]
pub enum People {
    /// Members of a stored segment today.
    Stored(Uuid),
    /// Started a quote in these days and sent none since.
    QuoteStarted { since: Timestamp },
    /// Became a lead between two instants and booked nothing since.
    LeadWithoutBooking { since: Timestamp, until: Timestamp },
    /// Saw a city page at least twice since, and is no lead.
    CityPageTwice { since: Timestamp },
    /// Is likelier than not to buy nothing in the next 30 days.
    ChurnRisk,
}

/// A query for the customers behind the people: `actor`, `customer_id`, `first_order_at`.
fn source(people: &People) -> &'static str {
    match people {
        People::Stored(_) => {
            "select distinct s.actor_id as actor, coalesce(l.customer_id, c.id) as customer_id
               from segment_members s
               left join actor_links l on l.org_id = s.org_id and l.actor_id = s.actor_id
               left join customers c on c.org_id = s.org_id and c.id = s.actor_id
              where s.org_id = $1 and s.segment_id = $2 and (s.left_on is null or s.left_on > $5)"
        }
        People::QuoteStarted { .. } => {
            "select e.actor_id as actor, coalesce(max(l.customer_id), max(e.customer_id)) as customer_id
               from events e left join actor_links l on l.org_id = e.org_id and l.actor_id = e.actor_id
              where e.org_id = $1 and e.name = 'quote_flow_started' and e.occurred_at >= $3 and $2::uuid is null
                and not exists (select from events s where s.org_id = e.org_id and s.actor_id = e.actor_id
                                   and s.name = 'quote_submitted' and s.occurred_at > e.occurred_at)
              group by e.actor_id"
        }
        People::LeadWithoutBooking { .. } => {
            "select d.id as actor, d.customer_id from leads d
              where d.org_id = $1 and d.created_at >= $3 and d.created_at <= $4 and d.booked_at is null and $2::uuid is null"
        }
        People::CityPageTwice { .. } => {
            "select e.actor_id as actor, coalesce(max(l.customer_id), max(e.customer_id)) as customer_id
               from events e left join actor_links l on l.org_id = e.org_id and l.actor_id = e.actor_id
              where e.org_id = $1 and e.name = 'page_view' and e.occurred_at >= $3 and $2::uuid is null
                and e.props->>'page_type' = 'city'
                and not exists (select from leads d where d.org_id = e.org_id and d.customer_id = l.customer_id)
              group by e.actor_id having count(*) >= 2"
        }
        People::ChurnRisk => {
            "select u.actor_id as actor, u.customer_id from user_metrics u
              where u.org_id = $1 and u.churn_30d >= 0.5 and $2::uuid is null"
        }
    }
}

fn bounds(people: &People) -> (Option<Uuid>, Option<Timestamp>, Option<Timestamp>) {
    match people {
        People::Stored(id) => (Some(*id), None, None),
        People::QuoteStarted { since } | People::CityPageTwice { since } => (None, Some(*since), None),
        People::LeadWithoutBooking { since, until } => (None, Some(*since), Some(*until)),
        People::ChurnRisk => (None, None, None),
    }
}

/// Latest consent to advertising of a customer; suppressions are denials, erased people have none.
const CONSENTED: &str = "exists (select from customers k where k.org_id = $1 and k.id = p.customer_id
        and k.erased_at is null and k.email_hash is not null)
    and (select n.status from consents n where n.org_id = $1 and n.customer_id = p.customer_id and n.channel = 'ads'
          order by n.recorded_at desc limit 1) = 'granted'";

/// Whom no audience reaches (`actions.md` §11): people held out of a running holdout, erased people, people who opted out,
/// and employees. An employee is whoever has the address of a member, or belongs to a segment called Employees or Staff.
const REACHABLE: &str = "not exists (select from experiment_assignments h
          join experiments x on x.org_id = h.org_id and x.id = h.experiment_id
          join experiment_arms m on m.org_id = h.org_id and m.experiment_id = h.experiment_id and m.arm = h.arm
         where h.org_id = $1 and h.actor_id in (p.actor, p.customer_id) and x.kind = 'holdout'
           and x.status = 'running' and m.is_control)
    and not exists (select from customers g where g.org_id = $1 and g.id = p.customer_id and g.erased_at is not null)
    and coalesce((select n.status from consents n where n.org_id = $1 and n.customer_id = p.customer_id
                     and n.channel = 'ads' order by n.recorded_at desc limit 1), '') <> 'denied'
    and not exists (select from customers g join members w on w.org_id = g.org_id and w.email_hash = g.email_hash
                     where g.org_id = $1 and g.id = p.customer_id)
    and not exists (select from segment_members w join segments s on s.org_id = w.org_id and s.id = w.segment_id
                     where w.org_id = $1 and w.actor_id in (p.actor, p.customer_id)
                       and lower(s.name) in ('employees', 'staff') and (w.left_on is null or w.left_on > $5))";

/// People of an audience, counted.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Counted {
    pub size: i64,
    /// How many of them may be uploaded.
    pub consenting: i64,
    /// Of whom an age is known, among those whom the audience addresses.
    pub age_known: i64,
    /// Of these, who may be under 18: a year of birth tells no day.
    pub minors: i64,
}

/// How many people there are, how many of them may be uploaded, and how old they are. `listed`: only who may be uploaded is
/// addressed.
pub async fn count(
    tx: &mut OrgTx,
    org: OrgId,
    people: &People,
    (without_customers, listed): (bool, bool),
    today: Date,
) -> Result<Counted, Error> {
    let (segment, since, until) = bounds(people);
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "with p as ({}), q as (
            select p.*, ({CONSENTED}) as consents,
                   (select y.birth_year from customers y where y.org_id = $1 and y.id = p.customer_id) as birth_year
            from p
         )
         select count(*) as size, count(*) filter (where p.consents) as consenting,
                count(*) filter (where p.birth_year is not null and (p.consents or not $7)) as age_known,
                count(*) filter (where p.birth_year >= extract(year from $5::date)::integer - 18 and (p.consents or not $7)) as minors
           from q p
          where ($4::timestamptz is null or true) and ($3::timestamptz is null or true) and ($5::date is not null)
            and {REACHABLE} and (not $6 or not exists (select from customers b where b.org_id = $1 and b.id = p.customer_id
                                          and b.first_order_at is not null))",
        source(people)
    )))
    .bind(org)
    .bind(segment)
    .bind(since.map(|at| at.to_sqlx()))
    .bind(until.map(|at| at.to_sqlx()))
    .bind(today.to_sqlx())
    .bind(without_customers)
    .bind(listed)
    .fetch_one(&mut **tx)
    .await
}

/// Somebody who may be uploaded.
#[derive(Clone, Debug, FromRow)]
pub struct Hashed {
    /// SHA-256 of the address, trimmed and in lower case.
    pub email_hash: Vec<u8>,
    /// Where Google hashes the address differently.
    pub email_hash_google: Option<Vec<u8>>,
    pub country: String,
}

/// Those who consented, in a stable order.
pub async fn hashed(
    tx: &mut OrgTx,
    org: OrgId,
    people: &People,
    without_customers: bool,
    today: Date,
) -> Result<Vec<Hashed>, Error> {
    let (segment, since, until) = bounds(people);
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "with p as ({}) select distinct on (h.email_hash) h.email_hash, h.email_hash_google, h.country from p
           join customers h on h.org_id = $1 and h.id = p.customer_id
          where {CONSENTED} and {REACHABLE} and ($4::timestamptz is null or true) and ($3::timestamptz is null or true)
            and ($5::date is not null) and (not $6 or h.first_order_at is null)
          order by h.email_hash, h.country desc",
        source(people)
    )))
    .bind(org)
    .bind(segment)
    .bind(since.map(|at| at.to_sqlx()))
    .bind(until.map(|at| at.to_sqlx()))
    .bind(today.to_sqlx())
    .bind(without_customers)
    .fetch_all(&mut **tx)
    .await
}

/// An audience of this name that a platform has already: one that was read from it, or that a draft made.
pub async fn existing_audience(
    tx: &mut OrgTx,
    org: OrgId,
    platform: &str,
    name: &str,
) -> Result<Option<String>, Error> {
    sqlx::query_scalar(
        "select id from entities where org_id = $1 and kind = 'segment' and source = $2 and lower(name) = lower($3)
            and removed_at is null
         union all
         select 'draft ' || d.number from drafts d
           join draft_revisions v on v.org_id = d.org_id and v.draft_id = d.id and v.revision = d.revision
          where d.org_id = $1 and d.type = 'retargeting_audience' and d.platform = $2
            and d.state in ('executed', 'measured') and lower(v.payload->>'name') = lower($3)
          limit 1",
    )
    .bind(org)
    .bind(platform)
    .bind(name)
    .fetch_optional(&mut **tx)
    .await
}

/// The account that a platform is connected with, from its newest campaign.
pub async fn account(tx: &mut OrgTx, org: OrgId, platform: &str) -> Result<Option<String>, Error> {
    sqlx::query_scalar(
        "select account_id from campaigns where org_id = $1 and source = $2
          order by (status = 'active') desc, first_seen_at desc, id limit 1",
    )
    .bind(org)
    .bind(platform)
    .fetch_optional(&mut **tx)
    .await
}
