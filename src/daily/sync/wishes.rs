//! What a platform asks of a connection itself: to know what is stored of somebody, to leave, to forget a whole account
//! (`connectors.md` §2.6). People are told where to go on; a legal hold keeps data, never a connection.
use super::{Code, ConnectorError, Engine, storage};
use crate::db::audit::{self, NewEntry};
use crate::db::privacy::requests::{self, Kind};
use crate::db::privacy::{self, Report};
use crate::db::settings::{self, Setting};
use crate::db::sources::{self, Source};
use crate::db::{OrgTx, hooks, notices};
use crate::ids::{OrgId, OutboxId, SourceId, new_uuid};
use crate::platforms::fault::Voice;
use crate::platforms::hook::Wish;
use crate::report::notice::{Alert, Notice};
use jiff::Timestamp;
use serde_json::json;

impl Engine {
    /// Does what a delivery asks of its connection.
    pub(super) async fn grant(
        &self,
        org: OrgId,
        source: &Source,
        delivery: &str,
        wish: Wish,
    ) -> Result<(), ConnectorError> {
        match wish {
            Wish::Tell { subjects, reference } => self.tell(org, source, &subjects, &reference).await,
            Wish::Uninstalled => self.uninstalled(org, source).await,
            Wish::EraseAll => self.erase_all(org, source, delivery).await,
        }
    }

    /// A request that an administrator answers with what is stored of the person.
    async fn tell(
        &self,
        org: OrgId,
        source: &Source,
        subjects: &[String],
        reference: &str,
    ) -> Result<(), ConnectorError> {
        let voice = voice(source);
        let failed = |e: sqlx::Error| storage(&voice, &e);
        let (id, now) = (new_uuid(&*self.outside.clock), self.outside.clock.now());
        let reason = format!("{} asks for it, request {reference}", source.connector);
        let mut tx = self.db.org(org).await.map_err(failed)?;
        let asked = requests::ask(&mut tx, org, id, Kind::Export, (subjects, &reason), now).await;
        let (request, new) = asked.map_err(failed)?;
        if !new {
            return Ok(());
        }
        let mut entry = NewEntry::by_system("privacy.export_requested", "privacy_job", request.id, now);
        entry.after = Some(json!({ "source_id": source.id, "due_at": request.due_at.to_string() }));
        entry.reason = Some(reason);
        audit::append(&mut tx, org, &entry).await.map_err(failed)?;
        let lines = vec![
            format!(
                "Through {} ({}), request {reference}; to be answered by {:.0}.",
                source.name, source.connector, request.due_at
            ),
            format!(
                "An administrator gets the file with `adjutant privacy export --request {id}` or from \
                 GET /api/privacy/export?request_id={id}, and hands it on as the platform says."
            ),
        ];
        let told =
            Told { key: format!("privacy:{id}"), title: "A person asks what is stored about them", lines };
        self.publish(&mut tx, org, told, now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Whether the platform lets us in no more is asked of it: which topic a delivery has is not signed.
    async fn uninstalled(&self, org: OrgId, source: &Source) -> Result<(), ConnectorError> {
        match self.check(org, source.id).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code.needs_a_person() || error.code == Code::AccountNotFound => {}
            Err(error) => return Err(error),
        }
        let voice = voice(source);
        let failed = |e: sqlx::Error| storage(&voice, &e);
        self.needs_a_person(org, source.id).await.map_err(failed)?;
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await.map_err(failed)?;
        let mut entry = NewEntry::by_system("source.disconnected", "source", source.id, now);
        entry.after = Some(json!({ "why": "uninstalled" }));
        audit::append(&mut tx, org, &entry).await.map_err(failed)?;
        let lines = vec![
            format!("{} ({}) is not read any more.", source.name, source.connector),
            format!(
                "To go on, install the app again and enter its token with `adjutant source secret \"{0}\"`; else forget \
                 the connection with `adjutant source remove \"{0}\"`.",
                source.name
            ),
        ];
        let told = Told {
            key: format!("source:{}:uninstalled:{}", source.id, now.as_second()),
            title: "The app was taken out of its account",
            lines,
        };
        self.publish(&mut tx, org, told, now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// The connection keeps nothing to get in with, and nothing of people that came through it is left.
    async fn erase_all(&self, org: OrgId, source: &Source, delivery: &str) -> Result<(), ConnectorError> {
        let voice = voice(source);
        let failed = |e: sqlx::Error| storage(&voice, &e);
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await.map_err(failed)?;
        let held = settings::get(&mut tx, org, Setting::LegalHold).await.map_err(failed)? == json!(true);
        let parted = sources::disconnect(&mut tx, org, source.id, now).await.map_err(failed)?;
        let report = if held {
            Report::default()
        } else {
            self.clear(&mut tx, org, source.id, delivery).await.map_err(failed)?
        };
        if parted || !report.rows.is_empty() {
            let mut entry = NewEntry::by_system("source.disconnected", "source", source.id, now);
            entry.after = Some(
                json!({ "why": "the platform had its account erased", "rows": report.rows, "legal_hold": held }),
            );
            audit::append(&mut tx, org, &entry).await.map_err(failed)?;
            let mut lines = vec![format!(
                "{} ({}) is not read any more, and its secrets are gone.",
                source.name, source.connector
            )];
            lines.push(if held {
                format!(
                    "A legal hold keeps what it told of people. When it ends: `adjutant source hooks replay \"{}\"`.",
                    source.name
                )
            } else {
                format!("What it told of people was erased, {} rows; sales stay as figures of nobody.", report.total())
            });
            let told = Told {
                key: format!("source:{}:erased:{held}", source.id),
                title: "A platform asked for everything of an account to be erased",
                lines,
            };
            self.publish(&mut tx, org, told, now).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        if held {
            let advice = "it is done when it ends: `adjutant source hooks replay`";
            return Err(voice.error(Code::Request, "a legal hold keeps what is to be erased", "", advice));
        }
        Ok(())
    }

    async fn clear(
        &self,
        tx: &mut OrgTx,
        org: OrgId,
        source: SourceId,
        delivery: &str,
    ) -> Result<Report, sqlx::Error> {
        // Whoever writes rows of people has ended, and begins after this.
        privacy::close_gates(tx, org).await?;
        let people = privacy::of_source(tx, org, source).await?;
        let report = privacy::erase_rows(tx, org, &people, new_uuid(&*self.outside.clock)).await?;
        // Bodies hold people too.
        hooks::forget_others(tx, org, source, delivery).await?;
        Ok(report)
    }

    /// Somebody else knows the address of a connection's deliveries, or what signs them was changed: told once an hour.
    pub async fn tell_of_forgeries(&self, org: OrgId, id: SourceId, count: u32) -> Result<(), sqlx::Error> {
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await?;
        let Some(source) = sources::get(&mut tx, org, id).await? else { return Ok(()) };
        let told = Told {
            key: format!("hooks:{id}:forged:{}", now.as_second().div_euclid(3600)),
            title: "Deliveries came with a bad signature",
            lines: vec![
                format!(
                    "{count} within an hour, at the address of {} ({}). None was believed.",
                    source.name, source.connector
                ),
                format!(
                    "If the secret was changed at the platform, enter it: `adjutant source secret \"{}\"`; else somebody \
                     else knows the address.",
                    source.name
                ),
            ],
        };
        self.publish(&mut tx, org, told, now).await?;
        tx.commit().await
    }

    /// A delivery was given up: told once a day for each connection.
    pub(super) async fn tell_of_dead(
        &self,
        tx: &mut OrgTx,
        org: OrgId,
        id: SourceId,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let Some(source) = sources::get(tx, org, id).await? else { return Ok(()) };
        let told = Told {
            key: format!("hooks:{id}:dead:{}", now.as_second().div_euclid(24 * 3600)),
            title: "Deliveries of a platform were given up",
            lines: vec![
                format!(
                    "What {} ({}) sent could not be worked on; what it is about is read when it is polled.",
                    source.name, source.connector
                ),
                format!(
                    "`adjutant source hooks list \"{0}\" --state dead` says why, `adjutant source hooks replay \"{0}\"` tries again.",
                    source.name
                ),
            ],
        };
        self.publish(tx, org, told, now).await
    }

    async fn publish(
        &self,
        tx: &mut OrgTx,
        org: OrgId,
        told: Told,
        at: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let alert = Alert {
            incident: told.key,
            title: told.title.to_owned(),
            lines: told.lines,
            opened_at: at,
            resolved_at: None,
            question: None,
        };
        let id = OutboxId::new(&*self.outside.clock);
        notices::publish(tx, org, id, &Notice::Alert(alert), at).await.map(|_| ())
    }
}

/// What people are told, once for each key.
struct Told {
    key: String,
    title: &'static str,
    lines: Vec<String>,
}

fn voice(source: &Source) -> Voice {
    let known = crate::platforms::registry::connector(&source.connector);
    Voice::new(known.map_or("source", |known| known.spec().key), "webhook", Vec::new())
}
