//! `adjutant privacy …`: people who want to be forgotten, or to know what is stored about them, from the server's own machine.
use super::start::{Running, Start};
use super::terminal::{hint, line};
use crate::db::audit::{self, NewEntry};
use crate::db::people::hex;
use crate::db::privacy::requests::{self, Kind};
use crate::db::privacy::{self as rows, Marker, Person, export, tombstones};
use crate::events::pii::{self, Place};
use crate::ids::{OrgId, new_uuid};
use crate::jobs::privacy as job;
use crate::jobs::schedule::{JOBS, Scheduler};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use uuid::Uuid;

/// Lines of an export on their way to the terminal.
const AHEAD: usize = 64;

#[derive(Debug, Args)]
pub struct Privacy {
    #[command(subcommand)]
    what: PrivacyCommand,
}

#[derive(Debug, Subcommand)]
enum PrivacyCommand {
    /// Erases people everywhere, now, and keeps them out from then on.
    Erase {
        /// Ids of customers, actors or leads, e-mail addresses, telephone numbers (+41…), or SHA-256 of either in hex.
        #[arg(required = true)]
        subjects: Vec<String>,
        /// Why, and where it can be looked up; without personal data, because it is kept.
        #[arg(long)]
        reason: String,
    },
    /// Writes everything that is stored about one person to standard output, a row a line.
    Export {
        /// An id, an e-mail address, a telephone number or the SHA-256 of either.
        #[arg(required_unless_present = "request", conflicts_with = "request")]
        subject: Option<String>,
        /// A request that came through a platform; the file counts as its answer, and can be had again for a week.
        #[arg(long)]
        request: Option<Uuid>,
    },
    /// The last requests to erase or to be told, and what became of them.
    List,
    /// Prints the marks of erased people, to be kept beside the copies of the database: `adjutant restore --erased` takes them.
    Tombstones,
    /// Erases people again who came back with a restored copy: takes what `tombstones` printed, or the old server's log.
    Remember { file: PathBuf },
}

impl Privacy {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let org = running.organisation().await?.id;
        let done = self.carry_out(&running, org).await;
        running.stop().await;
        done
    }

    async fn carry_out(self, running: &Running, org: OrgId) -> anyhow::Result<ExitCode> {
        match self.what {
            PrivacyCommand::Erase { subjects, reason } => {
                return erase(running, org, &subjects, &reason).await;
            }
            PrivacyCommand::Export { subject, request } => write_out(running, org, subject, request).await?,
            PrivacyCommand::List => {
                let mut tx = running.db.org(org).await?;
                let all = requests::list(&mut tx, org, None, 20).await?;
                for one in &all {
                    let rows = one.report["rows"].to_string();
                    let end = one
                        .finished_at
                        .map_or_else(|| format!("due {}", one.due_at), |at| format!("{at} {rows}"));
                    line(format_args!(
                        "{} {} {} {end}  {}",
                        one.id,
                        one.kind,
                        one.state,
                        one.error.as_deref().unwrap_or(&one.reason)
                    ));
                }
                if all.is_empty() {
                    hint(format_args!("nobody asked to be erased, or what is stored of them"));
                }
            }
            PrivacyCommand::Tombstones => {
                let mut tx = running.db.org(org).await?;
                for (mark, at) in tombstones::all(&mut tx, org).await? {
                    line(format_args!("{}", json!({"tombstone": hex(&mark), "at": at.to_string()})));
                }
            }
            PrivacyCommand::Remember { file } => {
                let marks = marks_in(&file)?;
                let rows = job::remember(&running.db, Arc::clone(&running.clock), org, &marks).await?;
                line(format_args!("{} tombstones are known, {rows} rows of erased people went", marks.len()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn erase(running: &Running, org: OrgId, subjects: &[String], reason: &str) -> anyhow::Result<ExitCode> {
    let now = running.clock.now();
    let subjects: Vec<String> = subjects.iter().map(|subject| subject.trim().to_owned()).collect();
    anyhow::ensure!(subjects.iter().all(|subject| !subject.is_empty()), "a subject is empty");
    anyhow::ensure!(!reason.trim().is_empty(), "say why with --reason");
    anyhow::ensure!(
        pii::find(reason, Place::Text).is_none(),
        "the reason holds personal data, and it is kept; say where the request lies instead"
    );
    let mut tx = running.db.org(org).await?;
    let id = new_uuid(&*running.clock);
    let (request, new) = requests::ask(&mut tx, org, id, Kind::Erase, (&subjects, reason), now).await?;
    if new {
        let marker = Marker::of(&mut tx, org).await?;
        let who: Vec<String> = subjects.iter().map(|subject| marker.pseudonym(subject)).collect();
        let mut entry = NewEntry::by_operator("privacy.erase_requested", "privacy_job", id, now);
        entry.after = Some(json!({"subjects": who, "due_at": request.due_at.to_string()}));
        entry.reason = Some(reason.to_owned());
        audit::append(&mut tx, org, &entry).await?;
    }
    tx.commit().await?;
    let privacy = JOBS.iter().find(|job| job.name == "privacy").context("there is no job 'privacy'")?;
    let scheduler = Scheduler::new(running.db.clone(), Arc::clone(&running.clock));
    if let Err(problem) = scheduler.run_now(org, privacy).await? {
        hint(format_args!("{}: {problem}; the server carries it out", request.id));
        return Ok(ExitCode::FAILURE);
    }
    let mut tx = running.db.org(org).await?;
    let request = requests::find(&mut tx, org, request.id).await?.context("the request is gone")?;
    line(format_args!("{} {} {}", request.id, request.state, request.report));
    if request.state != requests::RequestState::Done {
        hint(format_args!(
            "it waits: a legal hold is set, or the server is at it; see `adjutant privacy list`"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn write_out(
    running: &Running,
    org: OrgId,
    subject: Option<String>,
    request: Option<Uuid>,
) -> anyhow::Result<()> {
    let mut tx = running.db.org(org).await?;
    let subjects = match request {
        Some(request) => requests::to_tell(&mut tx, org, request)
            .await?
            .context("there is no such request to be told, or it was answered more than a week ago")?,
        None => subject.into_iter().collect(),
    };
    let marker = Marker::of(&mut tx, org).await?;
    for subject in &subjects {
        let who = marker.pseudonym(subject);
        let entry = NewEntry::by_operator("privacy.exported", "customer", who, running.clock.now());
        audit::append(&mut tx, org, &entry).await?;
    }
    tx.commit().await?;
    let mut tx = running.db.snapshot(org).await?;
    let person = rows::find(&mut tx, org, Person::named(&subjects)).await?;
    let (to, mut from) = tokio::sync::mpsc::channel::<std::io::Result<String>>(AHEAD);
    let print = async {
        while let Some(text) = from.recv().await {
            line(format_args!("{}", text?));
        }
        Ok::<(), std::io::Error>(())
    };
    let write = async move { export::write(tx, org, &person, &to).await };
    let (written, printed) = tokio::join!(write, print);
    printed?;
    if let (Some(rows), Some(request)) = (written?, request) {
        let mut tx = running.db.org(org).await?;
        requests::told(&mut tx, org, request, rows, running.clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The marks in a file: every run of 64 hex digits in a line that speaks of a tombstone. One that was made under another
/// organisation's key belongs to nobody here.
pub fn marks_in(file: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut marks: Vec<Vec<u8>> = text
        .lines()
        .filter(|line| line.contains("tombstone"))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_hexdigit()))
        .filter(|word| word.len() == 64)
        .filter_map(|word| {
            let byte = |at: usize| word.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            (0..64).step_by(2).map(byte).collect()
        })
        .collect();
    marks.sort();
    marks.dedup();
    Ok(marks)
}
