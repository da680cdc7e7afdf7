//! Erases people who asked for it (`events.md` §11): marks first, so that nothing of theirs comes in any more, then every row.
//! Under a legal hold requests wait. Rows that another job computed meanwhile are looked for again hours later.
use super::schedule::Round;
use crate::clock::SharedClock;
use crate::db::audit::{self, NewEntry};
use crate::db::privacy::requests::{self, Kind};
use crate::db::privacy::tombstones::{self, Sweep};
use crate::db::privacy::{self as rows, Marker, Person};
use crate::db::settings::{self, Setting};
use crate::db::{Db, notices};
use crate::ids::{OrgId, OutboxId, new_uuid};
use crate::report::notice::{Alert, Notice};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

/// Whatever a job had read before a mark went in is written by then.
const SETTLED: SignedDuration = SignedDuration::from_hours(6);

/// Gives how many rows were erased.
pub async fn run(round: Round) -> anyhow::Result<u64> {
    let (db, clock, org) = (&round.db, &round.clock, round.org);
    if held(db, org).await? {
        tracing::info!(%org, "a legal hold keeps requests to erase waiting");
        return tell_overdue(&round).await.map(|()| 0);
    }
    let (mut tried, mut erased, mut failed) = (Vec::new(), 0, 0);
    loop {
        let mut tx = db.org(org).await?;
        let taken = requests::take(&mut tx, org, &tried, clock.now()).await?;
        tx.commit().await?;
        let Some((id, subjects)) = taken else { break };
        tried.push(id);
        match carry_out(&round, id, &subjects).await {
            Ok(rows) => erased += rows,
            Err(error) => {
                failed += 1;
                tracing::error!(%org, request = %id, error = format!("{error:#}"), "a request to erase failed");
                let mut tx = db.org(org).await?;
                requests::failed(&mut tx, org, id, &nameless(&error)).await?;
                tx.commit().await?;
            }
        }
    }
    let now = clock.now();
    erased += sweep(db, clock, org, Sweep::All, now).await?;
    erased += sweep(db, clock, org, Sweep::Derived, now.checked_sub(SETTLED).unwrap_or(now)).await?;
    let mut tx = db.org(org).await?;
    requests::forget_told(&mut tx, org, now).await?;
    tx.commit().await?;
    tell_overdue(&round).await?;
    anyhow::ensure!(failed == 0, "{failed} requests to erase failed and are tried again");
    Ok(erased)
}

/// While it holds, nothing is erased.
async fn held(db: &Db, org: OrgId) -> anyhow::Result<bool> {
    let mut tx = db.org(org).await?;
    Ok(settings::get(&mut tx, org, Setting::LegalHold).await? == json!(true))
}

/// An error as it may be kept: the database's words may name the person, its code does not.
fn nameless(error: &anyhow::Error) -> String {
    let code = error
        .downcast_ref::<sqlx::Error>()
        .and_then(|e| e.as_database_error()?.code().map(|c| c.into_owned()));
    match code.as_deref() {
        Some("55P03") => "somebody was writing for too long; it is tried again".to_owned(),
        Some(code) => format!("the database refused it ({code}); the server's log says more"),
        None => "the database did not answer; it is tried again".to_owned(),
    }
}

async fn carry_out(round: &Round, id: Uuid, subjects: &[String]) -> anyhow::Result<u64> {
    let (db, clock, org) = (&round.db, &round.clock, round.org);
    let (person, marker) = shut_out(db, clock, org, Person::named(subjects), Sweep::Derived).await?;
    let mut tx = db.org(org).await?;
    let report = rows::erase(&mut tx, org, &person, new_uuid(&**clock)).await?;
    let now = clock.now();
    requests::done(&mut tx, org, id, &report, now).await?;
    let mut entry = NewEntry::by_system("privacy.erased", "privacy_job", id, now);
    let who: Vec<String> = subjects.iter().map(|subject| marker.pseudonym(subject)).collect();
    entry.after = Some(json!({"subjects": who, "rows": report.rows, "audiences": report.audiences}));
    audit::append(&mut tx, org, &entry).await?;
    if !report.audiences.is_empty() {
        let notice = Alert {
            incident: format!("privacy:{id}"),
            title: "An erased person was in audiences that were handed out".to_owned(),
            lines: report
                .audiences
                .iter()
                .map(|id| format!("Upload segment {id} anew, without them."))
                .collect(),
            opened_at: now,
            resolved_at: None,
            question: None,
        };
        notices::publish(&mut tx, org, OutboxId::new(&**clock), &Notice::Alert(notice), now).await?;
    }
    tx.commit().await?;
    Ok(report.total())
}

/// From here on nothing of a person comes in: everything that they are called by gets a mark, which the log tells as well,
/// for a database that is restored from an older copy.
async fn shut_out(
    db: &Db,
    clock: &SharedClock,
    org: OrgId,
    person: Person,
    sweep: Sweep,
) -> anyhow::Result<(Person, Marker)> {
    let mut tx = db.org(org).await?;
    rows::close_gates(&mut tx, org).await?;
    let person = rows::find(&mut tx, org, person).await?;
    let marker = Marker::of(&mut tx, org).await?;
    let marks = person.marks(&marker);
    tombstones::add(&mut tx, org, &marks, sweep, clock.now()).await?;
    tx.commit().await?;
    for mark in &marks {
        tracing::info!(%org, tombstone = crate::db::people::hex(mark), "erased");
    }
    Ok((person, marker))
}

/// Looks for rows under marks that were made by `until`, and erases whom they belong to.
async fn sweep(
    db: &Db,
    clock: &SharedClock,
    org: OrgId,
    sweep: Sweep,
    until: Timestamp,
) -> anyhow::Result<u64> {
    let mut tx = db.org(org).await?;
    let marks = tombstones::to_sweep(&mut tx, org, sweep, until).await?;
    if marks.is_empty() {
        return Ok(0);
    }
    let found = tombstones::people(&mut tx, org, &marks, sweep).await?;
    tx.commit().await?;
    // What those were linked with in this life of the database is theirs too.
    let person = match found.is_empty() {
        true => found,
        false => shut_out(db, clock, org, found, Sweep::Done).await?.0,
    };
    let mut tx = db.org(org).await?;
    let report = rows::erase(&mut tx, org, &person, new_uuid(&**clock)).await?;
    tombstones::swept(&mut tx, org, &marks).await?;
    if report.total() > 0 {
        let id = new_uuid(&**clock);
        let mut entry = NewEntry::by_system("privacy.swept", "privacy_job", id, clock.now());
        entry.after = Some(json!({"tombstones": marks.len(), "rows": report.rows}));
        audit::append(&mut tx, org, &entry).await?;
    }
    tx.commit().await?;
    Ok(report.total())
}

/// Takes marks over from another life of this database, and erases whom they belong to at once; gives how many rows went.
/// A legal hold does not keep people here who were gone already.
pub async fn remember(db: &Db, clock: SharedClock, org: OrgId, marks: &[Vec<u8>]) -> anyhow::Result<u64> {
    let mut tx = db.org(org).await?;
    rows::close_gates(&mut tx, org).await?;
    tombstones::add(&mut tx, org, marks, Sweep::All, clock.now()).await?;
    tx.commit().await?;
    sweep(db, &clock, org, Sweep::All, clock.now()).await
}

/// Requests that should have been done are told to people, once.
async fn tell_overdue(round: &Round) -> anyhow::Result<()> {
    let now = round.clock.now();
    let mut tx = round.db.org(round.org).await?;
    for (kind, incident, title) in [
        (Kind::Erase, "privacy:overdue", "Requests to erase a person are overdue"),
        (Kind::Export, "privacy:untold", "People wait to be told what is stored about them"),
    ] {
        let Some((overdue, since)) = requests::overdue(&mut tx, round.org, kind, now).await? else {
            continue;
        };
        tracing::error!(org = %round.org, overdue, %kind, "requests are overdue");
        let notice = Alert {
            incident: incident.to_owned(),
            title: title.to_owned(),
            lines: vec![format!(
                "{overdue} are older than {} days; see `adjutant privacy list`.",
                requests::DUE_DAYS
            )],
            opened_at: since,
            resolved_at: None,
            question: None,
        };
        notices::publish(&mut tx, round.org, OutboxId::new(&*round.clock), &Notice::Alert(notice), now)
            .await?;
    }
    Ok(tx.commit().await?)
}
