//! Orders and leads come now and then: that none came may be a quiet day, or nobody to bring them. What tells the two
//! apart is when the connections that bring them were last heard of.
use crate::db::{Error, OrgTx};
use crate::period::local_day;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::Row as _;

/// A table, the streams that fill it, and the connectors that are there to fill it even before a stream is listed.
struct Feed {
    table: &'static str,
    streams: &'static [&'static str],
    connectors: &'static [&'static str],
}

const FEEDS: &[Feed] = &[
    Feed { table: "orders", streams: &["orders"], connectors: &["shopify", "tiendanube", "mercadolibre"] },
    Feed { table: "leads", streams: &["leads", "lead_forms"], connectors: &[] },
];

/// The connections that bring a table and were last heard of before the grace period began.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::catalogue) struct LateFeed {
    pub table: &'static str,
    /// Name and the last day it was heard of.
    pub late: Vec<(String, Date)>,
    /// Another connection that brings the same was heard of since.
    pub others: bool,
}

impl LateFeed {
    /// The day from which on nothing is complete, when nobody brings this table any more.
    pub fn silent_since(&self) -> Option<Date> {
        (!self.others).then(|| self.late.iter().map(|(_, heard)| *heard).max()).flatten()
    }
}

/// Which of these tables are late, judged by the connections that feed them. Files that people upload are no connection.
pub(super) async fn late(
    tx: &mut OrgTx,
    tables: &[&str],
    zone: &TimeZone,
    since: Timestamp,
) -> Result<Vec<LateFeed>, Error> {
    let feeds: Vec<&Feed> = FEEDS.iter().filter(|feed| tables.contains(&feed.table)).collect();
    if feeds.is_empty() {
        return Ok(Vec::new());
    }
    // A stream that fails is as old as its newest record, however lately its connection was spoken to.
    let rows = sqlx::query(
        "select s.name, s.source, t.stream,
                coalesce(case when t.stream is null or t.fails = 0 then greatest(s.last_synced_at, t.newest_at)
                              else t.newest_at end, s.created_at) as heard
         from facts.sources s
         left join facts.source_streams t on t.source_id = s.id
         where s.state in ('connected', 'attention') and s.source <> 'csv'
         order by s.name, s.id, t.stream",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut out = Vec::new();
    for feed in feeds {
        let mut found = LateFeed { table: feed.table, late: Vec::new(), others: false };
        for row in &rows {
            let connector: &str = row.try_get("source")?;
            let stream: Option<&str> = row.try_get("stream")?;
            let feeds =
                stream.map_or(feed.connectors.contains(&connector), |stream| feed.streams.contains(&stream));
            if !feeds {
                continue;
            }
            let heard: jiff_sqlx::Timestamp = row.try_get("heard")?;
            let heard = heard.to_jiff();
            if heard < since {
                found.late.push((row.try_get("name")?, local_day(heard, zone)));
            } else {
                found.others = true;
            }
        }
        if !found.late.is_empty() {
            out.push(found);
        }
    }
    Ok(out)
}
